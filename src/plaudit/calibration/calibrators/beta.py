r"""Beta calibration: one slope for margins near 0 and another for large ones.

For a score :math:`s` the beta family has log-odds :math:`a\log s - b\log(1-s) + c`. Fitted to comparisons in both
orders, :math:`a = b` and :math:`c = 0`, which is temperature again. So it is symmetrised as a map of confidence: with
:math:`s = \sigma(|\Delta|)`, fitted to whether the side with the higher reward is right, its midpoint kept at 1/2
(the ``ab`` variant: :math:`c = (a-b)\log 2`), and mirrored,

.. math:: p(\Delta) = \sigma\bigl(\mathrm{sign}(\Delta)\,g(|\Delta|)\bigr), \qquad
   g(u) = a \log 2\sigma(u) - b \log 2\sigma(-u), \qquad a, b \ge 0 .

Near 0 the slope is :math:`(a+b)/2`; for large margins it is :math:`b`, as :math:`\log 2\sigma(u)` comes to its end at
:math:`\log 2`. With :math:`a > b` large margins promise less than small ones would let one hope; :math:`a = b = 1`
changes nothing. Fitted by maximum likelihood with Platt's targets (`plaudit.calibration.observed`).

Source: Kull, Silva Filho and Flach, Beta calibration, AISTATS (2017), sections 3 and 4.

>>> Bent(near=1.0, tail=1.0).log_odds([3.0, -0.5]).round(9).tolist()
[3.0, -0.5]
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from plaudit.calibration.calibrators import Fitted, steps
from plaudit.calibration.logistic import fit_nonnegative
from plaudit.calibration.observed import observe
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True)
class Bent(Fitted):
    """A curve with one slope near 0 and another in its tails.

    Attributes:
        near: a, 0 or more.
        tail: b, 0 or more.
    """

    near: float
    tail: float

    kind: ClassVar[str] = "beta"

    def __post_init__(self) -> None:
        steps("near", [self.near], 0.0)
        steps("tail", [self.tail], 0.0)

    def of_sizes(self, sizes: Floats) -> Floats:
        """Return the curve's height at the sizes."""
        return np.asarray(_columns(sizes) @ np.array([self.near, self.tail]), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Beta:
    """One slope for margins near 0 and another for large ones."""

    fitted: ClassVar[type[Fitted]] = Bent
    holds_identity: ClassVar[bool] = True

    def fit(self, predictions: Predictions) -> Bent:
        """Return the curve of most likelihood."""
        observed = observe(predictions)
        near, tail = fit_nonnegative(_columns(observed.sizes), observed, np.ones(2))
        return Bent(float(near), float(tail))


def _columns(sizes: Floats) -> Floats:
    """Return log 2 σ(u) and -log 2 σ(-u), float64 [..., 2]; both are 0 at 0, and their sum is u."""
    near = -np.log1p(np.expm1(-sizes) / 2)  # log 2 - log(1 + e^-u), exact near 0
    return np.stack([near, sizes - near], axis=-1)
