r"""Mean margin: how much higher, on average, the chosen response is rewarded.

With margins :math:`\Delta_i` and weights :math:`w_i`,

.. math:: \frac{\sum_i w_i\,y_i'\,\Delta_i}{\sum_i w_i},\qquad y_i' = 2y_i - 1 = 1,\ \text{or } 0 \text{ in a tie.}

In the model's own units, any real number. In a tie either response may stand as chosen, so the sign of its margin
means nothing and it adds 0. Above 0 is right; more is louder, not better, so no direction is declared.

>>> from plaudit.predictions import Predictions
>>> MeanMargin()(Predictions.from_pairs([3.0, 1.0], [0.0, 2.0]))
1.0
"""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


class MeanMargin(OfTerms):
    """How much higher, on average, the chosen response is rewarded."""

    label: ClassVar[str] = "mean margin"
    higher_is_better: ClassVar[bool | None] = None
    range: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    perfect: ClassVar[float | None] = None
    tied: ClassVar[float | None] = 0.0
    random: ClassVar[float | None] = 0.0
    moves_with_shift: ClassVar[bool] = False
    moves_with_scale: ClassVar[bool] = True

    def terms(self, predictions: Predictions) -> Floats:
        """Return the margin of each comparison, 0 for a tie, float64 [M]."""
        return (2 * predictions.outcome - 1) * predictions.margins
