r"""Mean reward over both sides of the comparisons.

With the rewards :math:`c_i` and :math:`r_i` of the two sides and weights :math:`w_i`,

.. math:: \frac{\sum_i w_i\,(c_i + r_i)/2}{\sum_i w_i}.

In the model's own units, any real number; neither high nor low is good. A preference does not fix it (only differences
are learnt), but RL trainers see it: far from 0 it costs digits in half precision.

>>> from plaudit.predictions import Predictions
>>> MeanReward()(Predictions.from_pairs([2.0, 1.0], [0.0, -1.0]))
0.5
"""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


class MeanReward(OfTerms):
    """Mean reward over both sides of the comparisons."""

    label: ClassVar[str] = "mean reward"
    higher_is_better: ClassVar[bool | None] = None
    range: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    perfect: ClassVar[float | None] = None
    tied: ClassVar[float | None] = None
    random: ClassVar[float | None] = 0.0
    moves_with_shift: ClassVar[bool] = True
    moves_with_scale: ClassVar[bool] = True

    def terms(self, predictions: Predictions) -> Floats:
        """Return the mean reward of each comparison's two sides, float64 [M]."""
        return (predictions.rewards[predictions.chosen] + predictions.rewards[predictions.rejected]) / 2
