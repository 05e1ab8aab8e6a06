r"""Standard deviation of the rewards of both sides of the comparisons.

With the rewards :math:`x` of all sides, each counted with its comparison's weight,

.. math:: \sqrt{\overline{x^2} - \overline{x}^2}.

In the model's own units, 0 or more (the population form, divided by the total weight). A spread close to 0 is a
collapsed model; one that keeps growing during training is a model that is only getting louder.

>>> from plaudit.predictions import Predictions
>>> RewardSpread()(Predictions.from_pairs([3.0, 1.0], [1.0, 3.0]))
1.0
"""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


class RewardSpread(OfTerms):
    """Standard deviation of the rewards of both sides of the comparisons."""

    label: ClassVar[str] = "reward spread"
    higher_is_better: ClassVar[bool | None] = None
    range: ClassVar[tuple[float, float]] = (0.0, np.inf)
    perfect: ClassVar[float | None] = None
    tied: ClassVar[float | None] = 0.0
    random: ClassVar[float | None] = 1.0
    moves_with_shift: ClassVar[bool] = False
    moves_with_scale: ClassVar[bool] = True

    def terms(self, predictions: Predictions) -> Floats:
        """Return first and second moment of each comparison's two rewards, float64 [M, 2].

        Rewards are taken from a middle one, so that a large common offset costs no digits.
        """
        sides = predictions.rewards[np.stack([predictions.chosen, predictions.rejected])]
        sides = sides - (np.median(sides) if sides.size else 0.0)
        return np.stack([sides.mean(axis=0), (sides**2).mean(axis=0)], axis=1)

    def combine(self, means: Floats) -> Floats:
        """Return the root of the second central moment."""
        return np.sqrt(np.maximum(means[..., 1] - means[..., 0] ** 2, 0.0))
