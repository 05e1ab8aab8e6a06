r"""Wins, losses and ties as three outcomes: who predicts them best where ties are data.

An objective that is a likelihood of three outcomes says so itself: its losses of a win, a loss and a tie at one margin
are three negative log-probabilities that sum to 1. That is how such objectives are found; none is named here.

``bradley_terry`` learns from the same judgements without the ties and has no word for a tie. It is given one after
training, in two ways:

* *at a constant share*: a tie has the share of ties in the stopping part, :math:`t`, whatever the margin; a win
  :math:`(1-t)\,\sigma(\Delta)`;
* *fitted*: scale and tie parameter of Davidson's model, whose odds of a win to a loss are Bradley-Terry's, are fitted
  to the stopping part by maximum likelihood, its margins being what they are. That is two parameters more than the
  tie-aware objectives get, which are taken as they were trained.

Besides, all are compared on the decided comparisons alone, which is what ``bradley_terry`` was trained on: the
probability of who won given that somebody did, :math:`P(\text{win}) / (P(\text{win}) + P(\text{loss}))`.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from benchmarks.kinds.figures import weights_of
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.predictions import Floats, Predictions
from plaudit.testing import pair_labels

WON, LOST, TIED = range(3)
Chances = Callable[[Floats], Floats]
"""Margins, float64 [M], to log-probabilities of a win, a loss and a tie, float64 [M, 3]."""
GRID = np.linspace(-6.0, 6.0, 25)


def three_way(objective: Objective) -> Chances | None:
    """Return the chances of the three outcomes under ``objective`` as it is now, or None if it gives none."""

    def chances(margins: Floats) -> Floats:
        won, lost = _losses(objective, margins, tie=False), _losses(objective, -margins, tie=False)
        return -np.stack([won, lost, _losses(objective, margins, tie=True)], axis=1)

    try:
        found = chances(GRID)
    except (ValueError, RuntimeError, IndexError):  # it wants more than a margin: ratings, lists, other outputs
        return None
    return chances if np.abs(logsumexp(found, axis=1)).max() < 1e-3 else None


def _losses(objective: Objective, margins: Floats, *, tie: bool) -> Floats:
    values = torch.zeros(2 * len(margins), 1)
    values[::2, 0] = torch.from_numpy(np.asarray(margins, np.float32))
    labels = pair_labels(len(margins))
    labels.tie[:] = tie
    with torch.no_grad():
        loss = objective(Rewards(values), labels).loss
    if loss.shape != (len(margins),):
        raise ValueError("its terms are not comparisons")
    return np.asarray(loss.double().numpy())


def davidson(log_nu: float) -> Chances:
    """Return the chances under Davidson's model."""

    def chances(margins: Floats) -> Floats:
        terms = np.stack([margins / 2, -margins / 2, np.full_like(margins, log_nu)], axis=1)
        return np.asarray(terms - logsumexp(terms, axis=1, keepdims=True))

    return chances


def rao_kupper(eta: float) -> Chances:
    """Return the chances under Rao and Kupper's model: logistic noise, and a tie below ``eta``."""

    def chances(margins: Floats) -> Floats:
        won, lost = -np.logaddexp(0, eta - margins), -np.logaddexp(0, eta + margins)
        return np.stack([won, lost, won + lost + 2 * eta + np.log(-np.expm1(-2 * eta))], axis=1)

    return chances


def constant_share(stop: Predictions) -> Chances:
    """Return Bradley-Terry's chances beside a tie that is as probable everywhere as in ``stop``."""
    share = float(weights_of(stop)[stop.outcome == 0.5].sum())

    def chances(margins: Floats) -> Floats:
        won, lost = -np.logaddexp(0, -margins), -np.logaddexp(0, margins)
        return np.stack([np.log1p(-share) + won, np.log1p(-share) + lost, np.full_like(margins, np.log(share))], axis=1)

    return chances


def fitted(stop: Predictions) -> tuple[Chances, dict[str, float]]:
    """Return Davidson's chances with scale and tie parameter as they suit ``stop`` best, and these two."""
    margins, weight, outcome = stop.margins, weights_of(stop), outcomes(stop)

    def cost(parameters: Floats) -> float:
        log_scale, log_nu = parameters
        chances = davidson(float(log_nu))(margins * np.exp(log_scale))
        return -float(weight @ chances[np.arange(len(outcome)), outcome])

    found = minimize(cost, np.zeros(2), method="Nelder-Mead")
    scale, log_nu = float(np.exp(found.x[0])), float(found.x[1])
    return lambda given: davidson(log_nu)(given * scale), {"scale": scale, "nu": float(np.exp(log_nu))}


def outcomes(predictions: Predictions) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return `WON` or `TIED` of each comparison, int64 [M]."""
    return np.where(predictions.outcome == 0.5, TIED, WON)


def likelihoods(chances: Floats, predictions: Predictions) -> tuple[Floats, Floats]:
    """Return what each comparison costs, two float64 [M] in nats: as one of three, and of two where it was decided.

    Args:
        chances: float64 [M, 3].
        predictions: their outcomes; the second array is NaN at ties.
    """
    outcome = outcomes(predictions)
    three = -chances[np.arange(len(outcome)), outcome]
    decided = np.logaddexp(chances[:, WON], chances[:, LOST]) - chances[:, WON]
    return three, np.where(outcome == TIED, np.nan, decided)


def costs(own: Chances | None, test: Predictions, stop: Predictions) -> tuple[dict[str, Floats], dict[str, float]]:
    """Return what ``test`` costs, by way, and what was fitted to ``stop`` for it.

    The ways are ``own`` where the objective knows ties, else ``constant share`` and ``fitted``; each is of three
    outcomes. ``decided`` is what the decided comparisons cost as two.
    """
    if own is not None:
        three, two = likelihoods(own(test.margins), test)
        return {"own": three, "decided": two}, {}
    after, parameters = fitted(stop)
    share, two = likelihoods(constant_share(stop)(test.margins), test)
    return {"constant share": share, "fitted": likelihoods(after(test.margins), test)[0], "decided": two}, parameters
