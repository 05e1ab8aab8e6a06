r"""Share of comparisons whose chosen response got the higher reward; ties count one half.

With margins :math:`\Delta_i` and weights :math:`w_i`,

.. math:: \mathrm{accuracy} = \frac{\sum_i w_i\,a_i}{\sum_i w_i},\qquad
   a_i = \begin{cases} 1 & \Delta_i > 0 \\ 0 & \Delta_i < 0 \\ 1/2 & \Delta_i = 0 \text{ or comparison } i
   \text{ is a tie.} \end{cases}

Range 0 to 1, chance 0.5. A scorer that cannot tell two responses apart gets what a coin would. A comparison people
called a tie gives every scorer one half, so no scorer gains or loses by it; with a share :math:`t` of ties the best
possible accuracy is :math:`1 - t/2`. To leave ties out, select the comparisons whose outcome is 1.

Source: the sign statistic with half credit is the Mann-Whitney statistic of paired data; for reward models, Lambert et
al., RewardBench (2024), section 3 (there without ties).

>>> from plaudit.predictions import Predictions
>>> Accuracy()(Predictions.from_pairs([2.0, 1.0, 0.0, 5.0], [1.0, 2.0, 0.0, 1.0], outcome=[1, 1, 1, 0.5]))
0.5
"""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


class Accuracy(OfTerms):
    """Share of comparisons whose chosen response got the higher reward; ties count one half."""

    label: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool | None] = True
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    perfect: ClassVar[float | None] = 1.0
    tied: ClassVar[float | None] = 0.5
    random: ClassVar[float | None] = 0.5
    moves_with_shift: ClassVar[bool] = False
    moves_with_scale: ClassVar[bool] = False
    bound: ClassVar[int] = 1

    def terms(self, predictions: Predictions) -> Floats:
        """Return 1, 0.5 or 0 a comparison, float64 [M]."""
        credit = 0.5 + 0.5 * np.sign(predictions.margins)
        return np.where(predictions.outcome == 0.5, 0.5, credit)

    def combine(self, means: Floats) -> Floats:
        """Return the mean, kept in its range against rounding."""
        return np.clip(means[..., 0], 0.0, 1.0)
