r"""Plackett-Luce: a list is drawn from its top, each response with odds exp(reward) among those left.

Without ties, for responses in the order :math:`r_1, \dots, r_n`,

.. math:: L = -\sum_{i=1}^{n} \Big(r_i - \log\sum_{j \ge i} e^{r_j}\Big),

which for two responses is Bradley-Terry. Where :math:`d` tied responses :math:`C` come next, with
:math:`T = \sum_{j \in C} e^{r_j}` and :math:`S` the sum over them and all below, their share of the loss is Efron's,

.. math:: L_C = -\sum_{j \in C} r_j + \sum_{m=0}^{d-1} \log\Big(S - \frac{m}{d} T\Big) - \log d!.

Derivation: that the tied come next, in whichever order, has the probability of all :math:`d!` orders added up. In each
order the numerators are the same, and the denominators are :math:`S` less what was drawn before; after :math:`m` draws
that is on average :math:`mT/d`. With it in place of what was drawn, all orders have one probability, and :math:`d!`
of them are added. This is exact where the tied rewards are equal and less than the sum elsewhere, so that a tie also
says that rewards are equal; :math:`L` stays convex in the rewards and is never negative.

One term a record, weighing the mean weight of the record's comparisons; records that have no order (see
`plaudit.encoding.orders`) have none.

Source: Luce, Individual Choice Behavior (1959); Plackett, The analysis of permutations, Applied Statistics 24 (1975);
ties: Efron, The efficiency of Cox's likelihood function for censored data, JASA 72 (1977).

Three responses in order with rewards log 3, log 2 and 0: 3/6 · 2/3 · 1/1 = 1/3. With the last two tied, 3/6 · 2/3 · 8/9
(the numerators 2 and 1, the denominators 3 and 3 − 3/2, two orders):

>>> import torch
>>> from plaudit.objectives.plackett_luce import PlackettLuce
>>> from plaudit.testing import list_labels
>>> from plaudit.models.reward_model import Rewards
>>> rewards = Rewards(torch.tensor([[3.0], [2.0], [1.0]]).log())
>>> [round(p, 4) for p in torch.exp(-PlackettLuce()(rewards, list_labels([0, 1, 2])).loss).tolist()]
[0.3333]
>>> [round(p, 4) for p in torch.exp(-PlackettLuce()(rewards, list_labels([0, 1, 1])).loss).tolist()]
[0.4444]
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.encoding.orders import Orders, orders_of
from plaudit.encoding.segments import log_sum_exp
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms

NOTHING = -1e30
"""Stands for the logarithm of 0 in sums of exponentials; finite, so that its gradient is 0 and not NaN."""


@dataclass(frozen=True, slots=True)
class PlackettLuce:
    """Negative log-likelihood of each record's order under Plackett-Luce, ties by Efron's approximation."""

    per: ClassVar[str] = "record"

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a record that is in order: loss float32 [L] in nats, weight float32 [L]."""
        lists = orders_of(labels)
        lists = lists.kept(lists.ordered)
        reward = rewards.scalar[lists.response]
        top = reward.new_full((len(lists.record),), NOTHING).scatter_reduce(0, lists.list, reward.detach(), "amax")
        reward = reward - top[lists.list]
        loss = _denominators(lists, reward) - reward
        return Terms(reward.new_zeros(len(lists.record)).index_add(0, lists.list, loss), lists.weight)

    def requires(self, facts: DataFacts) -> str:
        """Return what the data lack, or an empty string."""
        return facts.missing_lists


def _denominators(lists: Orders, reward: torch.Tensor) -> torch.Tensor:
    """Return log(S − mT/d) − log(m + 1) for each entry, [E]; which of the tied is the m-th does not matter."""
    depth = int(lists.levels.max()) if len(lists.record) else 1
    block, blocks = lists.list * depth + lists.level, len(lists.record) * depth
    tied = log_sum_exp(reward, block, blocks).clamp(min=NOTHING).reshape(-1, depth)
    below = torch.logcumsumexp(tied.flip(1), 1).flip(1).roll(-1, 1)
    below = torch.cat([below[:, :-1], torch.full_like(below[:, -1:], NOTHING)], 1)
    order = torch.argsort(block, stable=True)
    count = torch.bincount(block, minlength=blocks)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device) - (torch.cumsum(count, 0) - count)[block[order]]
    drawn = place.to(reward.dtype)
    left = torch.log1p(-drawn / count[block])
    return torch.logaddexp(below.flatten()[block], tied.flatten()[block] + left) - torch.log1p(drawn)
