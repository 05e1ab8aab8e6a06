"""Other margins on the same comparisons."""

import numpy as np
import pytest
from hypothesis import given, settings

from plaudit.calibration.margins import Change, at, bare, numbered, with_margins
from plaudit.evaluation.intervals import interval
from plaudit.evaluation.metrics import choose
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
    placed = numbered(scored)
    for metric in (Accuracy(), Brier()):
        found = interval(Change(metric, other, scored.margins), placed)
        assert found.value == pytest.approx(metric(with_margins(scored, other)) - metric(scored), abs=1e-12)
        alone = interval(metric, scored)
        assert found.low < found.value < found.high
        assert found.high - found.low < 0.8 * (alone.high - alone.low)


@pytest.mark.parametrize("name", ["accuracy", "brier", "log_likelihood", "expected_calibration_error"])
def test_a_metric_at_other_margins_is_that_metric(name: str) -> None:
    """Value and both ends are those of predictions that have these margins, of a part of the set too."""
    scored = calibrated(np.random.default_rng(2), 120)
    other = scored.margins + np.random.default_rng(3).normal(0, 1, len(scored))
    metric, part = choose([name])[name], np.flatnonzero(scored.comparison_groups[0] < 80)

    for which in (np.arange(len(scored)), part):
        found = interval(at(metric, other), numbered(scored).select(which), 200)
        wanted = interval(metric, with_margins(scored, other).select(which), 200)
        assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high), abs=1e-9)


def test_all_right_at_other_margins_keeps_the_interval_of_all_right() -> None:
    """What is true of a metric at its bound is true of it at other margins."""
    scored = calibrated(np.random.default_rng(4), 50)
    found = interval(at(Accuracy(), np.ones(len(scored))), numbered(scored))
    assert found.value == 1 and 0.9 < found.low < 1
