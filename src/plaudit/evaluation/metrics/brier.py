r"""Brier score: mean squared distance between the predicted probability and the outcome.

With probabilities :math:`p_i = \sigma(\Delta_i)`, outcomes :math:`y_i` (1, or 1/2 in a tie) and weights :math:`w_i`,

.. math:: \frac{\sum_i w_i\,[y_i(1-p_i)^2 + (1-y_i)\,p_i^2]}{\sum_i w_i}.

Range 0 to 1, lower is better; a scorer that says nothing gets 0.25, and so does the best answer to a tie, which counts
as half a win each way. It is the one-sided form, half of Brier's own sum over both outcomes.

Source: Brier, Monthly Weather Review 78 (1950).

>>> from plaudit.predictions import Predictions
>>> round(Brier()(Predictions.from_pairs([0.0, 9.0], [0.0, 0.0], outcome=[1, 0.5])), 4)
0.3749
"""

from typing import ClassVar

from scipy.special import expit

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


class Brier(OfTerms):
    """Mean squared distance between the predicted probability and the outcome."""

    label: ClassVar[str] = "Brier"
    higher_is_better: ClassVar[bool | None] = False
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    perfect: ClassVar[float | None] = 0.0
    tied: ClassVar[float | None] = 0.25
    random: ClassVar[float | None] = None
    moves_with_shift: ClassVar[bool] = False
    moves_with_scale: ClassVar[bool] = True

    def terms(self, predictions: Predictions) -> Floats:
        """Return the squared error of each comparison, float64 [M]."""
        margins, outcome = predictions.margins, predictions.outcome
        won: Floats = expit(margins)
        lost: Floats = expit(-margins)  # 1 - p, exact where p is close to 1
        return outcome * lost**2 + (1 - outcome) * won**2
