r"""Rao-Kupper: a difference must pass a threshold to be noticed; below it is a tie. The threshold is learned.

With margin :math:`\Delta = r_c - r_r` and :math:`\theta = e^\eta > 1`,

.. math:: P(\text{win}) = \sigma(\Delta - \eta), \quad P(\text{loss}) = \sigma(-\Delta - \eta), \quad
    P(\text{tie}) = (\theta^2 - 1)\,P(\text{win})\,P(\text{loss}), \qquad L = -\log P(\text{outcome}).

The three add up to 1: with :math:`a = e^{\Delta}`, :math:`P(\text{win}) = a/(a + \theta)`,
:math:`P(\text{loss}) = 1/(1 + a\theta)`, and what is left of 1 is :math:`a(\theta^2 - 1)` over the product of both
denominators. It is the cumulative logistic model of three ordered outcomes with thresholds :math:`\pm\eta`: judges see
the difference with logistic noise and call a tie when what they see lies within :math:`\eta`. Equal responses tie with
probability :math:`(\theta - 1)/(\theta + 1)`; :math:`\theta \to 1` is Bradley-Terry.

Ties are data here, not half a win each way. Where the data have none, :math:`\theta` falls towards 1 and nothing is
gained. :math:`\eta` is learned as a softplus, so it stays positive. Stated strengths are not used: with margins the
three probabilities would no longer add up.

Source: Rao and Kupper, Ties in paired-comparison experiments: a generalization of the Bradley-Terry model, JASA 62
(1967).

Outcomes at margin 1 with :math:`\theta = 2`; a tie of equals has one chance in three:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.objectives.rao_kupper import RaoKupper
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> rewards = Rewards(torch.tensor([[1.0], [0.0], [0.0], [1.0], [1.0], [0.0], [2.0], [2.0]]))
>>> labels = replace(pair_labels(4), tie=torch.tensor([False, False, True, True]))
>>> [round(p, 4) for p in torch.exp(-RaoKupper(theta=2.0)(rewards, labels).loss).tolist()]
[0.5761, 0.1554, 0.2685, 0.3333]
"""

from math import expm1, inf, log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, margins

START = 2.0
"""The threshold parameter that learning begins with: equals tie one time in three."""
SMALLEST = 1e-6
"""The smallest threshold that can be learned; at 0 a tie would be impossible and its loss infinite."""


class RaoKupper(nn.Module):
    """Negative log-likelihood of wins and ties under Rao and Kupper's model.

    Attributes:
        theta: the threshold parameter, finite and above 1, or ``learn`` to learn it from 2 on.
    """

    def __init__(self, theta: float | Literal["learn"] = "learn") -> None:
        super().__init__()
        if not _allowed(theta):
            raise ValueError(f'theta must be a finite number above 1, or "learn", not {theta!r}')
        self.theta = theta
        if theta == "learn":
            self.raw_threshold = nn.Parameter(torch.tensor(log(expm1(log(START)))))

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        margin = margins(rewards, labels)
        eta = self._threshold() if self.theta == "learn" else margin.new_tensor(log(self.theta))
        win, loss = softplus(eta - margin), softplus(eta + margin)
        tie = win + loss - (2 * eta + torch.log(-torch.expm1(-2 * eta)))
        return Terms(torch.where(labels.tie, tie, win), labels.weight)

    def learned(self) -> dict[str, float]:
        """Return the threshold parameter, if it is learned."""
        return {"theta": self._threshold().exp().item()} if self.theta == "learn" else {}

    def _threshold(self) -> Tensor:
        return softplus(self.raw_threshold) + SMALLEST


def _allowed(theta: float | str) -> bool:
    return theta == "learn" if isinstance(theta, str) else 1 < theta < inf
