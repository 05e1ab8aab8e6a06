r"""Bradley-Terry: the winner of a comparison is drawn with probability sigmoid of the margin.

For rewards :math:`r_c` (chosen) and :math:`r_r` (rejected), margin :math:`\Delta = r_c - r_r`, stated strength
:math:`m` and label smoothing :math:`\alpha`,

.. math:: L = -(1-\alpha)\log\sigma(\Delta - m) - \alpha\log\sigma(-(\Delta - m)).

A tie is half a win each way: :math:`\alpha = 1/2`, :math:`m = 0`.

Source: Bradley and Terry, Rank analysis of incomplete block designs, Biometrika 39 (1952); margin: Touvron et al.,
Llama 2, section 3.2.2; smoothing: Wang et al., Secrets of RLHF II, equation 5.

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
from math import inf

import torch
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """Negative log-likelihood of the comparisons under Bradley-Terry.

    Attributes:
        label_smoothing: probability that a label is flipped, in [0, 0.5).
        use_strength: subtract a comparison's stated strength from its margin.
        centre_mean: weight of ``(r_c + r_r)²``, which pulls the mean of a pair to zero.
        centre_scale: weight of ``(r_c² + r_r²) / 2``, which also keeps the spread from growing.
    """

    label_smoothing: float = 0.0
    use_strength: bool = True
    centre_mean: float = 0.0
    centre_scale: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 0.5:
            raise ValueError(f"label_smoothing must be in [0, 0.5), not {self.label_smoothing}")
        for name in ("centre_mean", "centre_scale"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(f"{name} must be a finite number, 0 or more, not {getattr(self, name)}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        chosen, rejected = rewards.scalar[labels.chosen], rewards.scalar[labels.rejected]
        margin = chosen - rejected
        if self.use_strength:
            margin = margin - torch.where(labels.tie, 0.0, labels.strength)
        flip = torch.where(labels.tie, 0.5, self.label_smoothing)
        loss = (1 - flip) * softplus(-margin) + flip * softplus(margin)
        return Terms(loss + self._centring(chosen, rejected), labels.weight)

    def _centring(self, chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        mean, scale = (chosen + rejected).square(), (chosen.square() + rejected.square()) / 2
        return self.centre_mean * mean + self.centre_scale * scale
