r"""One logistic model of all votes: what an item is worth, what a side is worth, what length is worth, to everybody.

.. math:: P(\text{first}) = \sigma\bigl(\theta_i + x_v(\beta + b_a) + l_i(\lambda + m_a)\bigr),
    \quad \theta_i \sim N(0, \tau^2),

with :math:`x_v` 1 where the first response stood on the left, -1 where on the right and 0 where nobody knows, and
:math:`l_i` the logarithm to base 2 of how much longer the first is. :math:`\beta` is the log-odds of the left between
equals, :math:`\lambda` that of a response twice as long; :math:`b_a \sim N(0, 1)` and :math:`m_a \sim N(0, 1)` are
what annotator a adds; :math:`\beta` and :math:`\lambda` have a weak prior, :math:`N(0, 3^2)`, which keeps them finite
where everybody takes the left. A tie is half a vote for either side. Items are integrated out (Gauss and Hermite, 15
nodes), so few votes an item do not bias the rest, and all others are found by L-BFGS.

The side varies within items and is told from their worth. Length does not: :math:`\lambda` says how votes go with
length, whether longer is better or only looks so. Only differences between annotators are surely theirs.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from plaudit.labels.items import Integers
from plaudit.labels.votes import Floats, Votes

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
LOG_WEIGHTS = np.log(WEIGHTS / WEIGHTS.sum())
WEAK = 1 / 3**2
"""Precision of what a side and what length are worth to all, beforehand."""
STEP = 1e-4
"""Of the differences of gradients that the curvature is read from."""


@dataclass(frozen=True)
class Design:
    """Votes as the model sees them.

    Attributes:
        item: int64 [V].
        annotator: int64 [V].
        win: float64 [V], 1 for the first, 0.5 or 0.
        side: float64 [V], 1, 0 or -1.
        length: float64 [V], doublings by which the first is longer.
        items: their number, I.
        people: their number, A.
    """

    item: Integers
    annotator: Integers
    win: Floats
    side: Floats
    length: Floats
    items: int
    people: int

    @classmethod
    def of(cls, votes: Votes) -> "Design":
        """Return the design of votes."""
        longer = np.log2(1 + votes.items.characters).astype(np.float64) @ np.array([1.0, -1.0])
        side = np.where(votes.swapped < 0, 0.0, 1.0 - 2.0 * votes.swapped)
        win = (votes.label + 1.0) / 2
        return cls(votes.item, votes.annotator, win, side, longer[votes.item], len(votes.items), len(votes.annotators))

    @property
    def size(self) -> int:
        """Number of parameters: log tau, beta, lambda, b [A], m [A]."""
        return 3 + 2 * self.people

    def shift(self, values: Floats) -> Floats:
        """Return what is added to an item's worth in each vote, float64 [V]."""
        own = values[3:].reshape(2, self.people)[:, self.annotator]
        return np.asarray(self.side * (values[1] + own[0]) + self.length * (values[2] + own[1]), np.float64)

    def posterior(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log-likelihood of each item [I], its posterior over nodes [I, Q], and residuals [V, Q]."""
        score = np.exp(values[0]) * NODES + self.shift(values)[:, None]
        terms = self.win[:, None] * score - np.logaddexp(0, score)
        joint = np.stack([np.bincount(self.item, column, self.items) for column in terms.T], axis=1) + LOG_WEIGHTS
        total = logsumexp(joint, axis=1)
        return total, np.exp(joint - total[:, None]), self.win[:, None] - expit(score)

    def scores(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the log-likelihood of each item [I], and its slopes in each vote: by shift, by log tau, [V, 2]."""
        total, weights, residuals = self.posterior(values)
        weighed = weights[self.item] * residuals
        return total, np.stack([weighed.sum(1), weighed @ NODES * np.exp(values[0])], axis=1)

    def columns(self) -> list[tuple[Floats, Integers]]:
        """Return for each kind of parameter what it multiplies in a vote, and which parameter of the kind, [V] each."""
        alone = np.zeros_like(self.annotator)
        kinds = ((self.side, alone), (self.length, alone), (self.side, self.annotator), (self.length, self.annotator))
        starts = (1, 2, 3, 3 + self.people)
        return [(factor, place + start) for (factor, place), start in zip(kinds, starts, strict=True)]

    def loss(self, values: Floats) -> tuple[float, Floats]:
        """Return minus the log of the posterior density, but for a constant, and its gradient."""
        total, slopes = self.scores(values)
        gradient = np.bincount(np.zeros_like(self.item), slopes[:, 1], self.size)
        for factor, place in self.columns():
            gradient += np.bincount(place, factor * slopes[:, 0], self.size)
        own = np.concatenate([_prior_of_log_tau(values[:1]), WEAK * values[1:3], values[3:]])
        nats = -total.sum() + (own[1:] @ values[1:]) / 2 + _prior_of_log_tau(values[:1])[0] ** 2 * 2
        return float(nats), own - gradient

    def by_item(self, values: Floats) -> Floats:
        """Return the gradient of each item's log-likelihood, float64 [I, P]."""
        _, slopes = self.scores(values)
        found = np.zeros((self.items, self.size))
        np.add.at(found[:, 0], self.item, slopes[:, 1])
        for factor, place in self.columns():
            np.add.at(found, (self.item, place), factor * slopes[:, 0])
        return found


def _prior_of_log_tau(log_tau: Floats) -> Floats:
    """Return the slope of a weak prior, N(0, 2²), which keeps the spread finite where all items are unanimous."""
    return log_tau / 4


@dataclass(frozen=True)
class Logistic:
    """The model, fitted.

    Attributes:
        design: what it was fitted to.
        values: float64 [P].
    """

    design: Design
    values: Floats

    @classmethod
    def fit(cls, votes: Votes, *, length: bool = True) -> "Logistic":
        """Return the most probable values; without ``length`` votes are not explained by it."""
        design = Design.of(votes)
        design = design if length else replace(design, length=np.zeros_like(design.length))
        found = minimize(design.loss, np.zeros(design.size), jac=True, method="L-BFGS-B", options={"maxiter": 500})
        return cls(design, found.x)

    @property
    def deviation(self) -> float:
        """Of the items' worth, in log-odds."""
        return float(np.exp(self.values[0]))

    def sides(self) -> Floats:
        """Return the log-odds of the left between equals: of people on average, then of each annotator; [1 + A]."""
        return np.concatenate([self.values[1:2], self.values[1] + self.values[3 : 3 + self.design.people]])

    def lengths(self) -> Floats:
        """Return the log-odds of a response twice as long, likewise."""
        return np.concatenate([self.values[2:3], self.values[2] + self.values[3 + self.design.people :]])

    def shares(self, *, keep_length: bool) -> Floats:
        """Return the expected share of votes for each item's first response, if no side were favoured, float64 [I]."""
        _, weights, _ = self.design.posterior(self.values)
        longer = np.zeros(self.design.items)
        longer[self.design.item] = self.design.length * self.values[2] * keep_length
        return np.asarray((weights * expit(self.deviation * NODES + longer[:, None])).sum(1), np.float64)

    @cached_property
    def covariance(self) -> Floats:
        """The inverse of the curvature, float64 [P, P], from differences of gradients."""
        steps = STEP * np.eye(self.design.size)
        rows = [(self.design.loss(self.values + one)[1] - self.design.loss(self.values - one)[1]) for one in steps]
        curvature = np.array(rows) / (2 * STEP)
        return np.asarray(np.linalg.pinv((curvature + curvature.T) / 2), np.float64)
