r"""Length bias: what length is paid beside being preferred.

The partial correlation of margin and difference in log-length given the verdict (won, lost, or a tie), every comparison
counted in both orders, so that all means are 0. With :math:`r_{md}, r_{my}, r_{dy}` the correlations about 0 of margin,
difference in log-length and verdict,

.. math:: \frac{r_{md} - r_{my} r_{dy}}{\sqrt{(1 - r_{my}^2)(1 - r_{dy}^2)}}.

>>> from plaudit.predictions import Predictions
>>> longer = Predictions.from_pairs([9.0, 1.0, 4.0], [3.0, 5.0, 2.0], lengths=([9, 1, 4], [3, 5, 2]))
>>> AtEqualVerdict()(longer) > 0.9
True
"""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.metrics import OfTerms, divide
from plaudit.predictions import Floats, Predictions


class AtEqualVerdict(OfTerms):
    """Partial correlation of margin and difference in log-length given the verdict, both orders counted."""

    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def terms(self, predictions: Predictions) -> Floats:
        """Return second moments about 0, float64 [M, 6], of values scaled to a mean square of 1."""
        logs = np.log1p(predictions.lengths)
        margins, apart = predictions.margins, logs[predictions.chosen] - logs[predictions.rejected]
        m, d, y = _scaled(margins), _scaled(apart), 2 * predictions.outcome - 1
        return np.stack([m * m, d * d, y * y, m * d, m * y, d * y], axis=1)

    def combine(self, means: Floats) -> Floats:
        """Return the partial correlation, NaN where one of the three does not vary or the verdict says it all."""
        mm, dd, yy, md, my, dy = np.moveaxis(means, -1, 0)
        won = np.where(yy > 0, yy, 1.0)  # all ties: the verdict explains nothing
        around, rest = my * dy / won, (mm - my * my / won) * (dd - dy * dy / won)
        known = rest > 1e-12 * mm * dd
        return np.clip(divide(md - around, np.sqrt(np.where(known, rest, 0.0))), -1.0, 1.0)


def _scaled(column: Floats) -> Floats:
    size = np.sqrt(np.mean(column**2))
    return np.asarray(column / size if size > 0 else column, dtype=np.float64)
