r"""A linear Bradley-Terry head: its posterior under a normal prior whose precision has the most evidence.

With differences :math:`x_i` of the first features less the second's, the weights of most posterior density maximise
:math:`\sum_i \log\sigma(\pm w^\top x_i) - \tfrac\lambda2 |w|^2`, found by Newton's method. The precision is brought up
to date as :math:`\lambda = \gamma / |w|^2`, with :math:`\gamma = \sum_k \eta_k / (\eta_k + \lambda)` over the
eigenvalues :math:`\eta` of the information (MacKay 1992), until it stays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.special import expit

Floats = NDArray[np.float64]
LIMITS = (0.1, 1e4)
"""Precisions among which the best is looked for; features have a mean square of 1 a text."""
STEPS, ENOUGH = 25, 1e-3


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of the weights.

    Attributes:
        weights: float64 [d], those of most density.
        precision: λ of the prior.
        root: float64 [d, d], R with Σ = R Rᵀ, of their covariance.
    """

    weights: Floats
    precision: float
    root: Floats


def fit(rows: Floats, outcomes: Floats) -> Head:
    """Return the posterior of the weights.

    Args:
        rows: float64 [M, d], differences of features.
        outcomes: float64 [M], 1 where the first was preferred, 0 where the second was.
    """
    weights, precision = np.zeros(rows.shape[1]), 10.0
    for _ in range(STEPS):
        weights = most_probable(rows, outcomes, precision, weights)
        values, vectors = eigh(information(rows, weights))
        values = np.maximum(values, 0.0)
        known = float((values / (values + precision)).sum())
        before, precision = precision, float(np.clip(known / max(weights @ weights, 1e-12), *LIMITS))
        if abs(np.log(precision / before)) < ENOUGH:
            break
    return Head(weights, precision, vectors / np.sqrt(values + precision))


def most_probable(
    rows: Floats, outcomes: Floats, precision: float, start: Floats, centre: Floats | None = None
) -> Floats:
    """Return the weights of most density under a prior of that precision around ``centre`` (0 if None)."""
    weights, middle = start, np.zeros(rows.shape[1]) if centre is None else centre
    for _ in range(STEPS):
        slope = rows.T @ (outcomes - expit(rows @ weights)) - precision * (weights - middle)
        curve = information(rows, weights) + precision * np.eye(len(weights))
        step = cho_solve(cho_factor(curve), slope)
        weights = weights + step
        if np.abs(step).max() < 1e-6 * max(1.0, np.abs(weights).max()):
            break
    return np.asarray(weights, np.float64)


def information(rows: Floats, weights: Floats) -> Floats:
    """Return the Fisher information of the comparisons about the weights, float64 [d, d]."""
    chances = expit(rows @ weights)
    scaled = rows * np.sqrt(chances * (1 - chances))[:, None]
    return np.asarray(scaled.T @ scaled, np.float64)
