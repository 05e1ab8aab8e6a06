r"""Expected calibration error: how far confidence is from accuracy, averaged over bins of confidence.

Each comparison has a confidence :math:`c_i = \max(p_i, 1-p_i) = \sigma(|\Delta_i|)` and a credit :math:`a_i` (1 right,
0 wrong, 1/2 where the margin is 0 or the outcome is a tie). Bins are equal in width over [0.5, 1], 10 by default:
[0.5, 0.55), [0.55, 0.6), … , [0.95, 1]. With weights :math:`w_i`,

.. math:: \mathrm{ECE} = \sum_b \frac{\bigl|\sum_{i\in b} w_i\,(a_i - c_i)\bigr|}{\sum_i w_i}.

Range 0 to 1, lower is better. Which response of a pair is called chosen carries no information, so binning :math:`p_i`
itself would only look at one side; counting every comparison in both orders with 20 bins over [0, 1] gives this same
number. A low ECE alone means little: a scorer with all margins 0 has ECE 0.

It is too high in small sets (noise does not cancel inside the absolute value): with 1,000 comparisons a perfectly
calibrated scorer still shows about 0.03. A resample is too high once more, so the usual interval would exclude the
truth; `ExpectedCalibrationError.ends` says what is done instead.

Source: Guo et al., On Calibration of Modern Neural Networks (2017), equation 3; bias: Kumar et al. (2019), section 4.

>>> from plaudit.predictions import Predictions
>>> surely = Predictions.from_pairs([9.0, 9.0, 9.0, 0.0], [0.0, 0.0, 0.0, 9.0])  # 0.9999 sure, 0.75 right
>>> round(ExpectedCalibrationError()(surely), 4)
0.2499
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True)
class ExpectedCalibrationError(OfTerms):
    """How far confidence is from accuracy, averaged over bins of confidence.

    Attributes:
        bins: number of equal bins over confidences from 0.5 to 1.
    """

    bins: int = 10

    label: ClassVar[str] = "ECE"
    higher_is_better: ClassVar[bool | None] = False
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    perfect: ClassVar[float | None] = 0.0
    tied: ClassVar[float | None] = 0.0
    random: ClassVar[float | None] = None
    moves_with_shift: ClassVar[bool] = False
    moves_with_scale: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"bins must be 1 or more, not {self.bins}")

    def terms(self, predictions: Predictions) -> Floats:
        """Return credit minus confidence in the column of the comparison's bin, 0 elsewhere, float64 [M, bins]."""
        margins = predictions.margins
        confidence = expit(np.abs(margins))
        credit = np.where(predictions.outcome == 0.5, 0.5, 0.5 + 0.5 * np.sign(margins))
        columns = np.zeros((len(predictions), self.bins))
        columns[np.arange(len(predictions)), self.bin_of(confidence)] = credit - confidence
        return columns

    def bin_of(self, confidence: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the bin of each confidence in [0.5, 1], int64 [M]; an edge belongs to the bin above it."""
        edges = np.arange(1, self.bins) / (2 * self.bins) + 0.5
        return np.searchsorted(edges, confidence, side="right")

    def combine(self, means: Floats) -> Floats:
        """Return the sum of the bins' absolute gaps."""
        return np.asarray(np.abs(means).sum(axis=-1), dtype=np.float64)

    def ends(self, means: Floats, resampled: Floats, level: float) -> tuple[float, float]:
        r"""Return an interval that allows for the bias.

        With true gaps :math:`g_b` and noise :math:`z_b`, the estimate is :math:`\sum_b |g_b + z_b|`. It is below the
        truth by no more than :math:`-\sum_b \mathrm{sign}(g_b)\,z_b`, and above by no more than :math:`\sum_b |z_b|`,
        where a bin whose gap is over three standard errors counts only :math:`\mathrm{sign}(g_b)\,z_b`. The noise is
        taken from the resamples.

        Args:
            means: float64 [bins], the gaps.
            resampled: float64 [B, bins], the gaps in each resample.
            level: quantile of the noise that the interval reaches to.
        """
        value = np.abs(means).sum()
        too_high, too_low = self.errors(means, resampled)
        return float(value - np.nanquantile(too_high, level)), float(value + np.nanquantile(too_low, level))

    def errors(self, means: Floats, resampled: Floats) -> tuple[Floats, Floats]:
        """Return by how much the value may be too high, and too low, in each resample, float64 [B]; see `ends`."""
        noise = resampled - means
        signed = np.sign(means) * noise
        clear = np.abs(means) > 3 * np.nanstd(noise, axis=0)
        return np.where(clear, signed, np.abs(noise)).sum(axis=1), -signed.sum(axis=1)
