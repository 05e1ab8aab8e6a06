r"""Logistic regression with one to three coefficients that are 0 or more: what the smooth calibrators fit.

With columns :math:`x_{ik} \ge 0`, targets :math:`t_i` and weights :math:`w_i`, the coefficients :math:`\beta \ge 0`
minimise

.. math:: \sum_i w_i\,[\log(1 + e^{z_i}) - t_i z_i], \qquad z_i = \sum_k \beta_k x_{ik}.

It is convex. Columns are scaled to a root mean square of 1 first, so that rewards in any unit are fitted alike.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from plaudit.calibration.observed import Observed
from plaudit.predictions import Floats


def fit_nonnegative(columns: Floats, observed: Observed, identity: Floats) -> Floats:
    """Return the coefficients, float64 [K].

    Args:
        columns: float64 [n, K], 0 or more, a row for each size in ``observed``.
        observed: targets and weights.
        identity: float64 [K], the coefficients that change nothing; the result is never worse than they are.
    """
    scales = np.sqrt(np.mean(columns**2, axis=0))
    loss = _loss(columns / scales, observed)
    starts = [identity * scales, np.full(len(scales), 1 / len(scales))]
    start = min(starts, key=lambda point: loss(point)[0])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(scales),
        options={"ftol": 1e-15, "gtol": 1e-11, "maxiter": 1000},
    )
    best = min([np.asarray(found.x), *starts], key=lambda point: loss(point)[0])
    return np.asarray(best / scales, dtype=np.float64)


def _loss(columns: Floats, observed: Observed) -> Any:
    """Return the function that gives the loss and its slope at coefficients [K]."""
    weight, targets = observed.weight / observed.weight.sum(), observed.targets

    def value_and_slope(coefficients: Floats) -> tuple[float, Floats]:
        z = columns @ coefficients
        return float(weight @ (np.logaddexp(0.0, z) - targets * z)), (weight * (expit(z) - targets)) @ columns

    return value_and_slope
