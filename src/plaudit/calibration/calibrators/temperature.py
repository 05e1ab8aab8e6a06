r"""Temperature: one factor on every margin.

.. math:: p(\Delta) = \sigma(\Delta / T), \qquad T > 0 .

What is stored is the factor :math:`1/T`. It is antisymmetric as it stands. Below 1 it says that the model is too sure;
0 (no finite temperature) that its order is no better than a coin's. Fitted by maximum likelihood with Platt's targets
(`plaudit.calibration.observed`), so that it is finite where every comparison is right.

Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.

>>> Scaled(factor=0.5).probability([2.0, 0.0, -2.0]).round(3).tolist()
[0.731, 0.5, 0.269]
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from plaudit.calibration.calibrators import Fitted, steps
from plaudit.calibration.logistic import fit_nonnegative
from plaudit.calibration.observed import observe
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True)
class Scaled(Fitted):
    """Margins times a factor.

    Attributes:
        factor: 1 / T, 0 or more.
    """

    factor: float

    kind: ClassVar[str] = "temperature"

    def __post_init__(self) -> None:
        steps("factor", [self.factor], 0.0)

    def of_sizes(self, sizes: Floats) -> Floats:
        """Return the sizes times the factor."""
        return self.factor * sizes


@dataclass(frozen=True, slots=True)
class Temperature:
    """One factor on every margin."""

    fitted: ClassVar[type[Fitted]] = Scaled
    holds_identity: ClassVar[bool] = True

    def fit(self, predictions: Predictions) -> Scaled:
        """Return the factor of most likelihood."""
        observed = observe(predictions)
        (factor,) = fit_nonnegative(observed.sizes[:, None], observed, np.ones(1))
        return Scaled(float(factor))
