r"""Platt scaling: a factor on every margin and a head start for the side with the higher reward.

Platt's map is :math:`\sigma(a\Delta + b)`. Fitted to comparisons in both orders its intercept is 0, because nothing
favours the side that happens to be called chosen, and temperature would be all that is left. So it is symmetrised as
a map of confidence: :math:`a` and :math:`b` are fitted to whether the side with the *higher reward* is right, and
mirrored,

.. math:: p(\Delta) = \sigma\bigl(\mathrm{sign}(\Delta)\,(a|\Delta| + b)\bigr), \qquad a, b \ge 0, \quad p(0) = 1/2 .

:math:`b` is what the order alone is worth, however close two rewards are; a model whose accuracy hardly grows with
its margin has a large one. Below 0 it would turn small margins round, so it is not allowed there. Fitted by maximum
likelihood with Platt's targets (`plaudit.calibration.observed`).

Source: Platt, Probabilistic outputs for support vector machines (1999), equations 1 and 13.

>>> Line(factor=1.0, start=1.0).probability([1.0, 0.0, -1.0]).round(3).tolist()
[0.881, 0.5, 0.119]
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from plaudit.calibration.calibrators import Fitted, steps
from plaudit.calibration.logistic import fit_nonnegative
from plaudit.calibration.observed import observe
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True)
class Line(Fitted):
    """A line on either side of 0.

    Attributes:
        factor: its slope a, 0 or more.
        start: its height b at 0, 0 or more.
    """

    factor: float
    start: float

    kind: ClassVar[str] = "platt"

    def __post_init__(self) -> None:
        steps("factor", [self.factor], 0.0)
        steps("start", [self.start], 0.0)

    def of_sizes(self, sizes: Floats) -> Floats:
        """Return the line's height at the sizes."""
        return self.factor * sizes + self.start


@dataclass(frozen=True, slots=True)
class Platt:
    """A factor on every margin and a head start for the side with the higher reward."""

    fitted: ClassVar[type[Fitted]] = Line
    holds_identity: ClassVar[bool] = True

    def fit(self, predictions: Predictions) -> Line:
        """Return the line of most likelihood."""
        observed = observe(predictions)
        columns = np.stack([observed.sizes, np.ones_like(observed.sizes)], axis=1)
        factor, start = fit_nonnegative(columns, observed, np.array([1.0, 0.0]))
        return Line(float(factor), float(start))
