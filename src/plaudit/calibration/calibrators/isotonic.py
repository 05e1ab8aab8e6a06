r"""Isotonic regression: whatever shape the data has, so long as it never falls.

:math:`p` is the non-decreasing map with :math:`p(-\Delta) = 1 - p(\Delta)` that is most likely given comparisons in
both orders; least squares has the same solution. On the half :math:`u = |\Delta| > 0` it is the isotonic regression
of whether the side with the higher reward is right, kept at 1/2 or above. Between the sizes it was fitted at it is a
straight line, from 1/2 at 0; beyond the largest it stays as it is there.

One tie of average weight is added beyond the largest margin: without it the last stretch, where everything may be
right, would claim certainty, and a single comparison to the contrary would have an infinite loss. It needs more data
than a family with one or two numbers; where there is not enough, the gate in `plaudit.calibration.calibrate` shows
it.

Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates (2002);
Barlow and Brunk, The isotonic regression problem and its dual, JASA 67 (1972), for likelihood and squares.

>>> stairs = Stairs(sizes=[1.0, 2.0], probabilities=[0.6, 0.8])
>>> stairs.probability([-9.0, -1.5, 0.0, 0.5, 2.0]).round(3).tolist()
[0.2, 0.3, 0.5, 0.55, 0.8]
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import logit

from plaudit.calibration.calibrators import Fitted, steps
from plaudit.calibration.observed import observe
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True, eq=False)
class Stairs(Fitted):
    """Probabilities at some sizes, straight lines between them.

    Attributes:
        sizes: float64 [K], rising, above 0.
        probabilities: float64 [K], never falling, from 1/2 to below 1.
    """

    sizes: Floats
    probabilities: Floats

    kind: ClassVar[str] = "isotonic"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", steps("sizes", self.sizes, 0.0, above=True))
        object.__setattr__(self, "probabilities", steps("probabilities", self.probabilities, 0.5))
        if len(self.sizes) != len(self.probabilities) or self.probabilities[-1] >= 1:
            raise ValueError("sizes and probabilities must be equally many, and each probability below 1")

    def of_sizes(self, sizes: Floats) -> Floats:
        """Return the log-odds of the probabilities at the sizes."""
        knots, heights = np.append(0.0, self.sizes), np.append(0.5, self.probabilities)
        return np.asarray(logit(np.interp(sizes, knots, heights)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Whatever shape the data has, so long as it never falls."""

    fitted: ClassVar[type[Fitted]] = Stairs
    holds_identity: ClassVar[bool] = True

    def fit(self, predictions: Predictions) -> Stairs:
        """Return the most likely map that never falls."""
        observed = observe(predictions)
        sizes, place = np.unique(observed.sizes, return_inverse=True)
        weight = np.bincount(place, observed.weight)
        share = np.bincount(place, observed.weight * observed.right) / weight
        found = isotonic_regression(np.append(share, 0.5), weights=np.append(weight, 1.0))
        heights = np.maximum(found.x[:-1], 0.5)
        kept = _ends(heights)
        return Stairs(sizes[kept], heights[kept])


def _ends(heights: Floats) -> NDArray[np.bool_]:
    """Return which points are the first or the last of equal heights: the others lie on a line between those."""
    changes = np.diff(heights) != 0
    return np.asarray(np.append(True, changes) | np.append(changes, True))
