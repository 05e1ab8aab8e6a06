r"""Mean log-likelihood of the outcomes under Bradley-Terry, in nats a comparison.

With margins :math:`\Delta_i`, outcomes :math:`y_i` (1, or 1/2 in a tie) and weights :math:`w_i`,

.. math:: \frac{\sum_i w_i\,[y_i\log\sigma(\Delta_i) + (1-y_i)\log\sigma(-\Delta_i)]}{\sum_i w_i}.

Range :math:`-\infty` to 0; a scorer that says nothing gets :math:`-\log 2 \approx -0.693`. A tie is a soft label,
half a win each way, so its best possible value is :math:`-\log 2`. The negative of this number is the NLL, the loss of
training without strengths and smoothing.

Source: Bradley and Terry, Biometrika 39 (1952); as a proper score, Gneiting and Raftery, JASA 102 (2007), section 4.

>>> from plaudit.predictions import Predictions
>>> round(LogLikelihood()(Predictions.from_pairs([6.0, 0.5], [0.0, 0.0])), 4)  # (log 0.9975 + log 0.6225) / 2
-0.2383
"""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


class LogLikelihood(OfTerms):
    """Mean log-likelihood of the outcomes under Bradley-Terry, in nats a comparison."""

    label: ClassVar[str] = "log-likelihood"
    higher_is_better: ClassVar[bool | None] = True
    range: ClassVar[tuple[float, float]] = (-np.inf, 0.0)
    perfect: ClassVar[float | None] = 0.0
    tied: ClassVar[float | None] = -float(np.log(2))
    random: ClassVar[float | None] = None
    moves_with_shift: ClassVar[bool] = False
    moves_with_scale: ClassVar[bool] = True

    def terms(self, predictions: Predictions) -> Floats:
        """Return the log-likelihood of each outcome in nats, float64 [M]; exact at any margin."""
        margins, outcome = predictions.margins, predictions.outcome
        won, lost = np.logaddexp(0.0, -margins), np.logaddexp(0.0, margins)
        return np.asarray(-(outcome * won + (1 - outcome) * lost), dtype=np.float64)
