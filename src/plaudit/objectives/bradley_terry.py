r"""Bradley-Terry: the winner of a comparison is drawn with probability sigmoid of the margin.

For rewards :math:`r_c` (chosen) and :math:`r_r` (rejected), margin :math:`\Delta = r_c - r_r` and stated strength
:math:`m`,

.. math:: L = -\log\sigma(\Delta - m).

A tie is half a win each way: :math:`L = -\tfrac12\log\sigma(\Delta) - \tfrac12\log\sigma(-\Delta)`.

Source: Bradley and Terry, Rank analysis of incomplete block designs, Biometrika 39 (1952); margin: Touvron et al.,
Llama 2, section 3.2.2.

Margins 6, 0.5, 0 and -4 have these losses and probabilities:

>>> import torch
>>> from plaudit.objectives.bradley_terry import BradleyTerry
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> margins = torch.tensor([6.0, 0.5, 0.0, -4.0])
>>> rewards = Rewards(torch.stack([margins, torch.zeros(4)]).T.reshape(-1, 1))
>>> terms = BradleyTerry()(rewards, pair_labels(4))
>>> [round(loss, 4) for loss in terms.loss.tolist()]
[0.0025, 0.4741, 0.6931, 4.0181]
>>> [round(p, 4) for p in torch.exp(-terms.loss).tolist()]
[0.9975, 0.6225, 0.5, 0.018]
"""

from dataclasses import dataclass

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins, minus_log_sigmoid


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """Negative log-likelihood of the comparisons under Bradley-Terry.

    Attributes:
        use_strength: subtract a comparison's stated strength from its margin.
    """

    use_strength: bool = True

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        margin = margins(rewards, labels, use_strength=self.use_strength)
        return Terms(half_each_way(minus_log_sigmoid, margin, labels.tie), labels.weight)
