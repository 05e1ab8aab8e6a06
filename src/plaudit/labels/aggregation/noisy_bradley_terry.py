r"""Noisy Bradley-Terry: responses have scores; each annotator follows them or, else, takes a side.

With scores :math:`s`, skill :math:`\gamma_a` and side :math:`q_a`, an annotator who sees response i on the left of j
takes it with probability

.. math:: P(i) = \gamma_a\,\sigma(s_i - s_j) + (1 - \gamma_a)\,\sigma(q_a).

All comparisons of a record bear on the scores of its responses, so that a ranking of many is one fit. A tie counts half
for either side; where the side is not known, who does not follow the scores tosses a coin. The probability of a tie is
the share of ties among an item's votes, each weighed by skill; the rest is shared out by :math:`\sigma(s_i - s_j)`.

The most probable values under :math:`s \sim N(0, \tau^2)`, :math:`\operatorname{logit}\gamma \sim N(1.5, 1.5^2)`,
:math:`q \sim N(0, 1)` are found by L-BFGS. The likelihood is crowd-kit's; its fit is not used: in 1.4.1 the gradient of
an annotator's skill and side is that of their last vote alone, and its regularisation has the wrong sign.

Source: Chen, Bennett, Collins-Thompson and Horvitz, Pairwise ranking aggregation in a crowdsourced setting, WSDM 2013;
the side as in crowd-kit's NoisyBradleyTerry.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from plaudit.labels.aggregation import Aggregated, require_positive
from plaudit.labels.items import Integers
from plaudit.labels.votes import Floats, Votes

SKILL, SPREAD = 1.5, 1.5
"""Mean and deviation of an annotator's skill beforehand, in log-odds."""


@dataclass(frozen=True)
class NoisyBradleyTerry:
    """Scores of responses, skills and sides of annotators.

    Attributes:
        deviation: of scores beforehand, in units of log-odds.
        iterations: at most so many.
    """

    deviation: float = 2.0
    iterations: int = 500

    def __post_init__(self) -> None:
        require_positive(deviation=self.deviation, iterations=self.iterations)

    def __call__(self, votes: Votes) -> Aggregated:
        """Return probabilities, as skill the chance of following the scores, and the side taken otherwise."""
        likelihood = Likelihood.of(votes, self.deviation)
        found = minimize(
            likelihood, likelihood.start(), jac=True, method="L-BFGS-B",
            options={"maxiter": self.iterations, "maxfun": 2 * self.iterations, "gtol": 1e-6, "ftol": 1e-12},
        )  # fmt: skip
        scores, skill, side = likelihood.parts(found.x)
        skills, sided = expit(skill), np.bincount(votes.annotator[votes.swapped >= 0], minlength=len(skill)) > 0
        weight = skills[votes.annotator]
        ties = np.bincount(votes.item, weight * (votes.label == 0), len(votes.items))
        tied = ties / np.maximum(np.bincount(votes.item, weight, len(votes.items)), np.finfo(float).tiny)
        first = expit(scores[likelihood.ends[:, 0]] - scores[likelihood.ends[:, 1]])
        rows = np.stack([(1 - tied) * first, tied, (1 - tied) * (1 - first)], axis=1)
        return Aggregated(probabilities=rows, skill=skills, bias=np.where(sided, expit(side), np.nan))


@dataclass(frozen=True)
class Likelihood:
    """Minus the log of the posterior density, and its gradient, of scores, skills and sides in one vector.

    Attributes:
        ends: int64 [I, 2], which score each item's first and second response has.
        item: int64 [V].
        annotator: int64 [V].
        sign: float64 [V], 1 where the first response stood on the left, -1 on the right, 0 where it is not known.
        win: float64 [V], 1, 0.5 or 0.
        people: number of annotators.
        deviation: of scores beforehand.
    """

    ends: Integers
    item: Integers
    annotator: Integers
    sign: Floats
    win: Floats
    people: int
    deviation: float

    @classmethod
    def of(cls, votes: Votes, deviation: float) -> "Likelihood":
        """Return the likelihood of votes; responses of one record under one objective share scores."""
        items = votes.items
        goals = np.unique(np.array(items.objective, object).astype(str), return_inverse=True)[1]
        nodes = np.concatenate([np.stack([items.record, goals, at], axis=1) for at in (items.first, items.second)])
        ends = np.unique(nodes, axis=0, return_inverse=True)[1].reshape(2, -1).T
        sign = np.where(votes.swapped < 0, 0.0, 1.0 - 2.0 * votes.swapped)
        win = (votes.label + 1.0) / 2
        return cls(ends, votes.item, votes.annotator, sign, win, len(votes.annotators), deviation)

    def start(self) -> Floats:
        """Return where the search begins: equal scores, skills as expected, no side."""
        return np.concatenate([np.zeros(self.scores), np.full(self.people, SKILL), np.zeros(self.people)])

    @property
    def scores(self) -> int:
        """Number of responses with a score."""
        return int(self.ends.max()) + 1

    def parts(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Return scores, skills in log-odds, and sides in log-odds."""
        scores, skill, side = np.split(values, [self.scores, self.scores + self.people])
        return scores, skill, side

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        """Return minus the log of the density, but for a constant, and its gradient."""
        scores, skill, side = self.parts(values)
        follow, guess = expit((scores[self.ends] @ [1, -1])[self.item]), expit(self.sign * side[self.annotator])
        knows = expit(skill)[self.annotator]
        first = np.clip(knows * follow + (1 - knows) * guess, 1e-12, 1 - 1e-12)
        nats = -(self.win * np.log(first) + (1 - self.win) * np.log1p(-first)).sum()
        nats += (scores**2).sum() / (2 * self.deviation**2) + (((skill - SKILL) / SPREAD) ** 2 + side**2).sum() / 2
        slope = (first - self.win) / (first * (1 - first))
        by_item = np.bincount(self.item, slope * knows * follow * (1 - follow), len(self.ends))
        of_scores = np.bincount(self.ends.T.ravel(), np.concatenate([by_item, -by_item]), self.scores)
        of_skill = np.bincount(self.annotator, slope * (follow - guess) * knows * (1 - knows), self.people)
        of_side = np.bincount(self.annotator, slope * (1 - knows) * guess * (1 - guess) * self.sign, self.people)
        priors = [scores / self.deviation**2, (skill - SKILL) / SPREAD**2, side]
        gradient = np.concatenate([of_scores, of_skill, of_side]) + np.concatenate(priors)
        return float(nats), gradient
