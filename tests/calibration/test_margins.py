"""Other margins on the same comparisons."""

import numpy as np
import pytest
from hypothesis import given, settings

from plaudit.calibration.margins import Change, bare, with_margins
from plaudit.evaluation.intervals import interval
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.metrics.brier import Brier
from plaudit.evaluation.metrics.log_likelihood import LogLikelihood
from plaudit.predictions import Predictions
from tests.scored import calibrated, predictions


@settings(max_examples=40, deadline=None)
@given(scored=predictions())
def test_its_own_margins_change_no_metric(scored: Predictions) -> None:
    """Margins to the last bit, groups, weights, lengths and labels stay, so every metric of comparisons does."""
    same = with_margins(scored, scored.margins)

    assert (same.margins == scored.margins).all()
    assert all((a == b).all() for a, b in zip(same.comparison_groups, scored.comparison_groups, strict=True))
    assert (same.length_differences == scored.length_differences).all()
    assert {name: own.tolist() for name, own in same.slices.items()} == {
        name: own.tolist() for name, own in scored.slices.items()
    }
    if (scored.weight > 0).any():
        assert [metric()(same) for metric in (Accuracy, Brier, LogLikelihood)] == [
            metric()(scored) for metric in (Accuracy, Brier, LogLikelihood)
        ]


@settings(max_examples=20, deadline=None)
@given(scored=predictions())
def test_bare_predictions_keep_all_that_is_fitted_to(scored: Predictions) -> None:
    """Only labels, identities, parts and ratings go."""
    left = bare(scored)
    assert (left.margins == scored.margins).all() and (left.weight == scored.weight).all()
    assert not left.slices and not left.ids and not left.parts and not left.ratings


def test_a_change_is_the_difference_of_two_means() -> None:
    """Of accuracy and Brier score; its interval is that of the paired differences, and narrower than either's."""
    scored = calibrated(np.random.default_rng(0), 200)
    other = scored.margins + np.random.default_rng(1).normal(0, 0.3, len(scored))
    paired = with_margins(scored, other, beside=scored.margins)
    for metric in (Accuracy(), Brier()):
        found = interval(Change(metric), paired)
        assert found.value == pytest.approx(metric(with_margins(scored, other)) - metric(scored), abs=1e-12)
        alone = interval(metric, scored)
        assert found.low < found.value < found.high
        assert found.high - found.low < 0.8 * (alone.high - alone.low)
