r"""Contrastive: a winner is picked out of itself and all that it beat, by a softmax at a temperature.

For a response :math:`c` and the set :math:`B` of responses that it beat in its record,

.. math:: L = -\log\frac{e^{r_c/\tau}}{e^{r_c/\tau} + \sum_{j \in B} e^{r_j/\tau}}.

With one loser and :math:`\tau = 1` it is Bradley-Terry. A lower temperature looks at the strongest of the losers alone.
One term for each response that beat another, weighing the mean weight of the comparisons that it won; a loser that it
beat several times is in the sum once. Ties say nothing here. Responses to other prompts may be added to the losers:
``cross_prompt_negatives`` of the data.

Source: van den Oord, Li and Vinyals, Representation Learning with Contrastive Predictive Coding (2018), equation 4;
temperature: Chen et al., A Simple Framework for Contrastive Learning (SimCLR, 2020), equation 1.

A winner with reward 1 against losers with rewards 0 and -1, at temperatures 1 and 0.5:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.objectives.contrastive import Contrastive
>>> from plaudit.testing import list_labels
>>> from plaudit.models.reward_model import Rewards
>>> rewards, labels = Rewards(torch.tensor([[1.0], [0.0], [-1.0]])), list_labels([0, 1, 2])
>>> labels = replace(labels, weight=torch.tensor([1.0, 1.0, 0.0]))
>>> [round(Contrastive(temperature)(rewards, labels).loss.item(), 4) for temperature in (1.0, 0.5)]
[0.4076, 0.1429]
"""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

import torch

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Cross-entropy of each winner among itself and those it beat.

    Attributes:
        temperature: what rewards are divided by, above 0.
    """

    per: ClassVar[str] = "winner"

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < inf:
            raise ValueError(f"temperature must be a finite number above 0, not {self.temperature}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a winner of a record: loss float32 [K] in nats, weight float32 [K]."""
        won = ~labels.tie & (labels.weight > 0)
        count = max(1, len(labels.record))
        key = labels.record_of_comparisons()[won] * count + labels.chosen[won]
        winners, winner = torch.unique(key, return_inverse=True)
        beaten = torch.unique(winner * count + labels.rejected[won])
        ahead = winners % count
        gap = (rewards.scalar[beaten % count] - rewards.scalar[ahead][beaten // count]) / self.temperature
        votes = torch.bincount(winner, minlength=len(winners))
        weight = labels.weight.new_zeros(len(winners)).index_add(0, winner, labels.weight[won]) / votes
        return Terms(_log_one_plus_sum(gap, beaten // count, len(winners)), weight)


def _log_one_plus_sum(gap: torch.Tensor, segment: torch.Tensor, segments: int) -> torch.Tensor:
    """Return log(1 + Σ exp(gap)) of each segment, exact for sums near 0 as for those near infinity."""
    top = gap.new_zeros(segments).scatter_reduce(0, segment, gap.detach(), "amax")
    rest = gap.new_zeros(segments).index_add(0, segment, torch.exp(gap - top[segment]))
    return top + torch.log1p(rest + torch.expm1(-top))
