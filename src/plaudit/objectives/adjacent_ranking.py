r"""Adjacent ranking: each response of an ordered list should beat the one right below it.

For a record whose responses are in the order :math:`r_1, \dots, r_n`,

.. math:: L = \sum_{i=1}^{n-1} -\log\sigma(r_i - r_{i+1}).

Tied responses share a level of the list. Between two neighbouring levels, every response of the upper one should beat
every response of the lower one, and the mean over these pairs stands for the one pair there is without ties; between
tied responses there is no term. One term a record, weighing the mean weight of the record's comparisons; records that
have no order (see `plaudit.encoding.orders`) have none.

It is the likelihood of the neighbouring comparisons as if they were independent Bradley-Terry comparisons: a composite
likelihood, in which a pair far apart counts through those between it only.

Source: the Bradley-Terry likelihood of neighbours; as a composite likelihood, Varin, Reid and Firth, An overview of
composite likelihood methods, Statistica Sinica 21 (2011).

Three responses in order with rewards 2, 1.5 and -1: −log σ(0.5) − log σ(2.5):

>>> import torch
>>> from plaudit.objectives.adjacent_ranking import AdjacentRanking
>>> from plaudit.testing import list_labels
>>> from plaudit.models.reward_model import Rewards
>>> terms = AdjacentRanking()(Rewards(torch.tensor([[2.0], [1.5], [-1.0]])), list_labels([0, 1, 2]))
>>> [round(loss, 4) for loss in terms.loss.tolist()]
[0.553]

With the first two tied, the mean over the two pairs −log σ(3) and −log σ(2.5):

>>> terms = AdjacentRanking()(Rewards(torch.tensor([[2.0], [1.5], [-1.0]])), list_labels([0, 0, 1]))
>>> [round(loss, 4) for loss in terms.loss.tolist()]
[0.0637]
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.encoding.orders import Orders, orders_of, spans
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms


@dataclass(frozen=True, slots=True)
class AdjacentRanking:
    """Summed negative log-likelihood of the neighbours in each record's order."""

    per: ClassVar[str] = "record"

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a record that is in order: loss float32 [L] in nats, weight float32 [L]."""
        lists = orders_of(labels)
        lists = lists.kept(lists.ordered & (lists.levels > 1))
        upper, lower, pairs = _neighbours(lists)
        scalar = rewards.scalar
        loss = softplus(scalar[lists.response[lower]] - scalar[lists.response[upper]]) / pairs
        return Terms(scalar.new_zeros(len(lists.weight)).index_add(0, lists.list[upper], loss), lists.weight)

    def requires(self, facts: DataFacts) -> str:
        """Return what the data lack, or an empty string."""
        return facts.missing_lists


def _neighbours(lists: Orders) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return pairs of entries on neighbouring levels, int64 [P] twice, and of how many a mean is taken, [P]."""
    stride = int(lists.levels.max()) + 1 if len(lists.record) else 1
    block = lists.list * stride + lists.level
    order = torch.argsort(block, stable=True)
    count = torch.bincount(block, minlength=len(lists.record) * stride + 1)
    begin = torch.cumsum(count, 0) - count
    below = count[block + 1]
    upper = torch.repeat_interleave(torch.arange(len(block), device=block.device), below)
    lower = order[spans(begin[block + 1], below)]
    return upper, lower, (count[block] * below)[upper]
