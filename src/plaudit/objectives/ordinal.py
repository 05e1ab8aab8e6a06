r"""Ordinal: a rating says between which two of a row of learned thresholds the reward, plus logistic noise, fell.

For levels :math:`1, \dots, K`, thresholds :math:`\theta_1 < \dots < \theta_{K-1}` and a response with reward :math:`r`,

.. math:: P(y \le k) = \sigma(\theta_k - r), \qquad L = -\log\big(\sigma(\theta_y - r) - \sigma(\theta_{y-1} - r)\big),

with :math:`\theta_0 = -\infty` and :math:`\theta_K = \infty`: the proportional-odds model. Unlike squared error it asks
for an order of the levels only, not for equal steps between them. The thresholds are parameters, kept in order by being
the first of them and gaps :math:`g = \log(1 + e^\gamma) > 0`; the loss is computed as
:math:`\log(1 + e^{r - \theta_y}) + \log(1 + e^{\theta_{y-1} - r}) - \log(1 - e^{-g})`, which stays finite wherever the
reward is.

One term for each rating that a response has, rounded to the nearest level; attributes are mapped to the model's columns
as in squared error, and each has thresholds of its own.

Source: McCullagh, Regression models for ordinal data, Journal of the Royal Statistical Society B 42 (1980).

Before training the thresholds share a reward of 0 out evenly; of five levels each has a probability of one fifth:

>>> import torch
>>> from plaudit.objectives.ordinal import Ordinal
>>> from plaudit.testing import rating_labels
>>> from plaudit.models.reward_model import Rewards
>>> labels = rating_labels(quality=[1.0, 3.0, 5.0, float("nan")])
>>> terms = Ordinal()(Rewards(torch.zeros(4, 1)), labels)
>>> [round(p, 4) for p in torch.exp(-terms.loss).tolist()]
[0.2, 0.2, 0.2]
>>> [round(p, 4) for p in torch.exp(-Ordinal()(Rewards(torch.full((4, 1), 2.0)), labels).loss).tolist()]
[0.0327, 0.086, 0.6488]
"""

from itertools import pairwise
from math import isfinite
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.encoding.known_ratings import known_ratings
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms


class Ordinal(nn.Module):
    """Negative log-likelihood of ratings under a cumulative link with learned thresholds.

    Attributes:
        levels: the ratings there can be, rising, at least two; others are rounded to the nearest.
        attributes: which ratings, in the order of the model's columns; empty where responses have one rating only.
    """

    per: ClassVar[str] = "rating"

    def __init__(self, levels: tuple[float, ...] = (1, 2, 3, 4, 5), attributes: tuple[str, ...] = ()) -> None:
        super().__init__()
        if len(levels) < 2 or not all(map(isfinite, levels)) or any(low >= high for low, high in pairwise(levels)):
            raise ValueError(f"levels must be at least two finite numbers, each above the one before, not {levels}")
        if len(set(attributes)) < len(attributes):
            raise ValueError(f"attributes must differ, not {', '.join(attributes)}")
        self.levels, self.attributes = tuple(levels), tuple(attributes)
        even = torch.logit(torch.arange(1, len(levels)) / len(levels))
        rows = max(1, len(attributes))
        self.first = nn.Parameter(even[:1].repeat(rows, 1))
        self.steps = nn.Parameter(torch.log(torch.expm1(even.diff())).repeat(rows, 1))

    @property
    def thresholds(self) -> Tensor:
        """The thresholds between the levels of each attribute, float32 [attributes, levels - 1], rising."""
        return torch.cumsum(torch.cat([self.first, self._gaps], 1), 1)

    @property
    def _gaps(self) -> Tensor:
        return softplus(self.steps) + torch.finfo(torch.float32).tiny

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a rating: loss float32 [K] in nats, weight float32 [K]."""
        known = known_ratings(rewards.values, labels, self.attributes)
        levels = known.rating.new_tensor(self.levels)
        level = (known.rating[:, None] - levels).abs().argmin(1)
        row, reward, top = known.attribute, known.reward, len(self.levels) - 1
        above = self.thresholds[row, level.clamp(max=top - 1)] - reward
        below = self.thresholds[row, (level - 1).clamp(min=0)] - reward
        squeezed = pad(-torch.log(-torch.expm1(-self._gaps)), (1, 1))[row, level]
        loss = squeezed + torch.where(level < top, softplus(-above), 0.0) + torch.where(level > 0, softplus(below), 0.0)
        return Terms(loss, known.weight)

    def requires(self, facts: DataFacts) -> str:
        """Return what the data lack, or an empty string."""
        if missing := facts.missing_ratings(self.attributes):
            return missing
        lowest = self.levels[0] - (self.levels[1] - self.levels[0]) / 2
        highest = self.levels[-1] + (self.levels[-1] - self.levels[-2]) / 2
        for name in self.attributes or facts.ratings:
            rated = facts.ratings[name]
            if rated.lowest < lowest or rated.highest > highest:
                span = f"run from {rated.lowest:g} to {rated.highest:g}"
                return f"ratings {name} {span}, beyond levels from {self.levels[0]:g} to {self.levels[-1]:g}"
        return ""
