"""A variance beside the reward: fitted after training, or later for a model that was saved without."""

from pathlib import Path

import pytest

from plaudit import config
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.training import SCHEMA, train_and_evaluate
from plaudit.workflows.uncertainty import NotScalar, to_laplace
from tests.scoring.tiny import PAIRS, saved

WORDS = ("good", "bad", "long and boring", "short", "bright", "dull", "warm", "cold")


def preferences() -> Preferences:
    """Return a few pairs of short answers."""
    return Preferences.of(
        Preference(
            prompt=f"What is film {number} like?",
            responses=(Response(content=f"It is {word}."), Response(content=f"Film {number}.")),
            comparisons=(Comparison(chosen=number % 2, rejected=1 - number % 2),),
        )
        for number, word in enumerate(WORDS)
    )


def test_training_a_laplace_model_fits_its_covariance(settings: list[str], tmp_path: Path) -> None:
    """The artefact of a run has a covariance that is no longer the prior's, and is served with variances."""
    configuration = config.read(None, [*settings, "model.architecture=laplace"], SCHEMA)
    trained = train_and_evaluate(configuration, tmp_path / "run", say=lambda _: None)
    scorer = Scorer.load(trained.artefact)
    variances = [score.variance for score in scorer.score(PAIRS)]

    assert scorer.artefact.model.precision != 1.0
    assert all(variance is not None and variance > 0 for variance in variances)
    assert len(set(variances)) > 1


def test_a_saved_scalar_model_gets_a_variance(tmp_path: Path) -> None:
    """The rewards are the same as before, the variances depend on the precision that was asked for."""
    saved(tmp_path / "scalar")
    before = Scorer.load(tmp_path / "scalar").score(PAIRS)
    free = to_laplace(tmp_path / "scalar", preferences(), tmp_path / "free")
    to_laplace(tmp_path / "scalar", preferences(), tmp_path / "tight", prior_precision=100 * free.precision)
    wide, tight = (Scorer.load(tmp_path / name).score(PAIRS) for name in ("free", "tight"))

    for old, new, other in zip(before, wide, tight, strict=True):
        assert new.reward == pytest.approx(old.reward, abs=1e-5)
        assert old.variance is None
        assert new.variance is not None
        assert other.variance is not None
        assert new.variance > other.variance > 0
    with pytest.raises(NotScalar, match="architecture 'laplace'; only 'scalar'"):
        to_laplace(tmp_path / "free", preferences(), tmp_path / "again")
