r"""Triplet: each winner must beat the hardest of those it won against by a margin.

For a response :math:`i` that won against the responses :math:`W_i` of its record, with required margin :math:`\kappa`
and the stated strength :math:`m_{ij}` of each of these comparisons,

.. math:: L_i = \max\bigl(0,\; \max_{j \in W_i} (\kappa + m_{ij} + r_j - r_i)\bigr).

There is one term a winner; it weighs the mean weight of its won comparisons, and comparisons of weight 0 are not among
them. In records of two responses it is the hinge. What the embedding literature calls anchor is the record's prompt,
and distance from it is minus the reward.

A tie has no winner, so no response that is hardest to beat. It is a term of its own, half a win each way of its two:
:math:`\tfrac12\max(0, \kappa - \Delta) + \tfrac12\max(0, \kappa + \Delta)`.

Source: Schroff, Kalenichenko and Philbin, FaceNet (2015), section 3.1; the hardest negative of each anchor: Hermans,
Beyer and Leibe, In Defense of the Triplet Loss (2017), section 2.

The first of three responses won against both others and must beat the better of them, which itself won against the
last:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.objectives.triplet import Triplet
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> labels = replace(pair_labels(3), chosen=torch.tensor([0, 0, 1]), rejected=torch.tensor([1, 2, 2]))
>>> rewards = Rewards(torch.tensor([[0.5], [0.25], [-4.0]]))
>>> Triplet()(rewards, labels).loss.tolist()
[0.75, 0.0]
"""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import torch
from torch import Tensor

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins


@dataclass(frozen=True, slots=True)
class Triplet:
    """What each winner lacks to a required margin over its hardest loser.

    Attributes:
        margin: what the winner's reward must exceed any loser's by, finite and above 0.
        use_strength: require a comparison's stated strength on top of ``margin``.
    """

    per: ClassVar[str] = "winner"

    margin: float = 1.0
    use_strength: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.margin < inf:
            raise ValueError(f"margin must be a finite number above 0, not {self.margin}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return a term each of the W winners, then each of the T ties: loss and weight float32 [W + T]."""
        counted = labels.weight > 0
        won, tied = counted & ~labels.tie, counted & labels.tie
        margin = margins(rewards, labels, use_strength=self.use_strength)
        hardest, weight = self._winners(margin[won], labels.chosen[won], labels.weight[won])
        ties = half_each_way(self._lack, margin[tied], labels.tie[tied])
        return Terms(torch.cat([hardest, ties]), torch.cat([weight, labels.weight[tied]]))

    def _winners(self, margin: Tensor, winner: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return each winner's lack over its hardest loser and its mean weight."""
        found, place = torch.unique(winner, return_inverse=True)
        least = margin.new_full((len(found),), inf).scatter_reduce(0, place, margin, "amin")
        mean = weight.new_zeros(len(found)).scatter_reduce(0, place, weight, "mean", include_self=False)
        return self._lack(least), mean

    def _lack(self, margin: Tensor) -> Tensor:
        return (self.margin - margin).clamp(min=0)
