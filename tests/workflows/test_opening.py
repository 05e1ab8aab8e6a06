"""Saved models as what is audited: a checkpoint that plaudit did not write."""

import warnings

import pytest

from plaudit.scoring.foreign import Unverified
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.audit import audit
from plaudit.workflows.opening import of_model
from plaudit.workflows.subjects import BadSubject
from tests.audited import QUICK


@pytest.mark.slow
def test_a_checkpoint_is_audited(base, pairs) -> None:
    """A sequence-classification checkpoint is scored by the Scorer; its rewards and texts are in the record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Unverified)
        own, scorer = of_model(base, [str(pairs)]), Scorer.load(base)
    record = audit(own, QUICK).to_json()

    assert record["model"]["kind"] == "checkpoint"
    [top, *_] = record["texts"]["highest"]
    assert top["reward"] == pytest.approx(scorer.rewards([(top["prompt"], top["response"])])[0], abs=1e-4)
    assert own.score is not None
    assert own.score([(top["prompt"], top["response"])])[0] == pytest.approx(top["reward"], abs=1e-4)


def test_a_model_without_a_run_needs_preferences(base) -> None:
    """A checkpoint does not say what it was tested on; the error says what to give."""
    with pytest.raises(BadSubject, match="--data"):
        of_model(base)
