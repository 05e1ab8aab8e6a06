r"""All pairs: every comparison of a prompt is a Bradley-Terry comparison, and all of them together weigh as one prompt.

For a record with :math:`K` responses that are all compared with each other,

.. math:: L = -\frac{1}{\binom{K}{2}} \sum_{c \succ r} \log\sigma(r_c - r_r);

in general the sum is over the record's comparisons, each of weight :math:`w` weighing :math:`w / n`, where :math:`n` is
how many of them have a weight above 0. A record thus weighs the mean weight of its comparisons, 1 where all weigh 1,
however many there are, and a prompt with nine responses does not drown one with four. A tie is half a win each way.

Source: Ouyang et al., Training language models to follow instructions with human feedback (InstructGPT, 2022),
section 3.5, equation 1.

Three responses in order with rewards 2, 1.5 and -1 are three comparisons that weigh a third each:

>>> import torch
>>> from plaudit.objectives import reduce
>>> from plaudit.objectives.all_pairs import AllPairs
>>> from plaudit.testing import list_labels
>>> from plaudit.models.reward_model import Rewards
>>> terms = AllPairs()(Rewards(torch.tensor([[2.0], [1.5], [-1.0]])), list_labels([0, 1, 2]))
>>> [round(loss, 4) for loss in terms.loss.tolist()], [round(weight, 4) for weight in terms.weight.tolist()]
([0.4741, 0.0486, 0.0789], [0.3333, 0.3333, 0.3333])
>>> round(reduce(terms).item(), 4)
0.2005
"""

from dataclasses import dataclass

import torch

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins, minus_log_sigmoid


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Negative log-likelihood of the comparisons under Bradley-Terry, averaged over each record."""

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        loss = half_each_way(minus_log_sigmoid, margins(rewards, labels), labels.tie)
        record = labels.record_of_comparisons()
        count = torch.bincount(record[labels.weight > 0], minlength=len(labels.record) + 1)
        return Terms(loss, labels.weight / count[record].clamp(min=1))
