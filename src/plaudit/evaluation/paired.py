"""Two models on the same comparisons: how far apart they are, and what one of them is worth at its best scale."""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar

from plaudit.evaluation.intervals import Estimate, interval
from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions

LARGEST = 10.0
"""Natural logarithm of the largest scale that is looked at, and minus that of the smallest."""

SAME = ("chosen", "rejected", "outcome", "weight", "response_group")
"""What two sets of predictions must share to be of the same comparisons."""


class NotPaired(ValueError):
    """Two sets of predictions are not of the same comparisons; the message says what differs."""


class _Difference(OfTerms):
    """Mean difference of the negative log-likelihoods of two models; the other's margins stand in ``strength``."""

    def terms(self, predictions: Predictions) -> Floats:
        outcome = predictions.outcome
        return _nll(predictions.margins, outcome) - _nll(predictions.strength, outcome)


def nll_difference(ours: Predictions, theirs: Predictions, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Return how much higher the nll of ``ours`` is than that of ``theirs``, in nats a comparison, with its interval.

    Both see the same resamples, so what makes the comparisons hard for both does not widen it.

    Args:
        ours: predictions of one model.
        theirs: of another, on the same comparisons in the same order.
        resamples: number of resamples, at least 100.
        seed: of the resamples.

    Raises:
        NotPaired: the comparisons are not the same.
    """
    for name in SAME:
        if not np.array_equal(getattr(ours, name), getattr(theirs, name)):
            raise NotPaired(f"the two sets of predictions differ in {name}; both must be of the same comparisons")
    return interval(_Difference(), replace(ours, strength=theirs.margins), resamples, seed)


def best_scale(predictions: Predictions) -> tuple[float, float]:
    r"""Return the factor on all rewards that makes the nll least, and that nll, in nats a comparison.

    The factor is from :math:`e^{-10}` to :math:`e^{10}`; 1 where none is better, as for rewards that are all equal.
    """
    margins, outcome, weight = predictions.margins, predictions.outcome, predictions.weight

    def at(log_scale: float) -> float:
        return float(np.average(_nll(np.exp(log_scale) * margins, outcome), weights=weight))

    found = minimize_scalar(at, bounds=(-LARGEST, LARGEST), method="bounded", options={"xatol": 1e-6})
    return (float(np.exp(found.x)), float(found.fun)) if found.fun < at(0.0) else (1.0, at(0.0))


def _nll(margins: Floats, outcome: Floats) -> Floats:
    lost = np.logaddexp(0.0, -margins), np.logaddexp(0.0, margins)
    return np.asarray(outcome * lost[0] + (1 - outcome) * lost[1], dtype=np.float64)
