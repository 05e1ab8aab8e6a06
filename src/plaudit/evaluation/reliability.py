r"""Reliability: in each bin of confidence, the share of comparisons that are right, with its interval.

Bins, confidence :math:`\sigma(|\Delta|)` and credit are those of the expected calibration error
(`plaudit.evaluation.metrics.expected_calibration_error`): ten of equal width over [0.5, 1]. On the diagonal a model is
right as often as it says; below it, it is too sure.

>>> from plaudit.predictions import Predictions
>>> surely = Predictions.from_pairs([9.0, 9.0, 9.0, 0.0], [0.0, 0.0, 0.0, 9.0])
>>> [(one.low, one.right.value) for one in reliability(surely)]
[(0.95, 0.75)]
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from plaudit.evaluation.intervals import Estimate, interval
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.metrics.expected_calibration_error import ExpectedCalibrationError
from plaudit.evaluation.sections import plain
from plaudit.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The comparisons with a confidence in one range.

    Attributes:
        low: least confidence.
        high: from here on the next bin begins.
        confidence: their mean, weighted.
        right: share that is right.
        comparisons: how many.
    """

    low: float
    high: float
    confidence: float
    right: Estimate
    comparisons: int

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def reliability(predictions: Predictions, bins: int = 10, resamples: int = 2000, seed: int = 0) -> tuple[Bin, ...]:
    """Return the bins in which there are comparisons, by rising confidence.

    Args:
        predictions: the scored comparisons.
        bins: how many there could be.
        resamples: number of resamples behind each interval, at least 100.
        seed: of the resamples.

    Raises:
        ValueError: too few resamples, or no comparison of positive weight.
    """
    binned, weight = ExpectedCalibrationError(bins), predictions.weight
    confidence = expit(np.abs(predictions.margins))
    place = binned.bin_of(confidence)
    there = np.unique(place[weight > 0]).tolist()
    found = []
    for one in there:
        inside = (place == one) & (weight > 0)
        found.append(
            Bin(
                low=0.5 + one / (2 * bins),
                high=0.5 + (one + 1) / (2 * bins),
                confidence=float(np.average(confidence[inside], weights=weight[inside])),
                right=interval(Accuracy(), predictions.select(inside), resamples, seed),
                comparisons=int(inside.sum()),
            )
        )
    return tuple(found)
