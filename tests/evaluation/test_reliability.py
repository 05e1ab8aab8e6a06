"""Bins of confidence: their shares add up to what other metrics say."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import expit

from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.metrics.expected_calibration_error import ExpectedCalibrationError
from plaudit.evaluation.reliability import reliability
from plaudit.predictions import Predictions
from tests.scored import predictions


@settings(deadline=None, max_examples=10)
@given(predictions())
def test_bins_add_up_to_accuracy_and_calibration_error(scored) -> None:
    """Weighed by what is in them, the bins' shares make the accuracy, and their gaps the ECE."""
    bins = reliability(scored, resamples=100)
    confidence, counted = expit(np.abs(scored.margins)), scored.weight > 0
    inside = [counted & (confidence >= one.low - 1e-12) & (confidence < one.high + (one.high == 1)) for one in bins]
    weights = np.array([scored.weight[own].sum() for own in inside]) / scored.weight.sum()

    assert sum(one.comparisons for one in bins) == counted.sum()
    assert weights @ [one.right.value for one in bins] == pytest.approx(Accuracy()(scored))
    gaps = [abs(one.right.value - one.confidence) for one in bins]
    assert weights @ gaps == pytest.approx(ExpectedCalibrationError()(scored))


def test_a_bin_with_few_groups_has_no_interval() -> None:
    """What three prompts say of a bin stands without an interval, with the reason."""
    margins = np.concatenate([np.full(60, 0.1), np.full(3, 5.0)])
    first, last = reliability(Predictions.from_pairs(margins, np.zeros(63)), resamples=100)

    assert first.right.low is not None
    assert first.right.low < 1.0
    assert last.right.low is None
    assert "3 groups" in last.right.reason
