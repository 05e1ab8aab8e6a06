r"""Focal loss: comparisons that are already ordered with confidence count less.

With margin :math:`\Delta = r_c - r_r - m`, stated strength :math:`m` and focusing :math:`\gamma`,

.. math:: L = -(1 - \sigma(\Delta))^\gamma \log\sigma(\Delta).

:math:`\gamma = 0` is Bradley-Terry. It is computed as
:math:`\mathrm{softplus}(-\Delta)\,e^{-\gamma\,\mathrm{softplus}(\Delta)}`, which is exact at any margin. It is no
likelihood: rewards come out closer together than Bradley-Terry's, and probabilities read from them need calibrating.

A tie is half a win each way, which is least at margin 0 for every :math:`\gamma`. Use it where many comparisons are
easy.

Source: Lin et al., Focal Loss for Dense Object Detection (2017), equation 4; for ranking rewards: Cai et al.,
InternLM2 technical report (2024), whose factor is capped at 1 below probability 1/2.

Half a chance keeps a quarter of its loss under the default, and a sure thing next to nothing:

>>> import torch
>>> from plaudit.objectives.focal import Focal
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> margins = torch.tensor([6.0, 0.5, 0.0, -4.0])
>>> rewards = Rewards(torch.stack([margins, torch.zeros(4)]).T.reshape(-1, 1))
>>> [round(loss, 4) for loss in Focal()(rewards, pair_labels(4)).loss.tolist()]
[0.0, 0.0676, 0.1733, 3.8749]
"""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins


@dataclass(frozen=True, slots=True)
class Focal:
    """Bradley-Terry's loss times the probability of the wrong order to a power.

    Attributes:
        gamma: how much less easy comparisons count, finite and 0 or more.
        use_strength: subtract a comparison's stated strength from its margin.
    """

    gamma: float = 2.0
    use_strength: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.gamma < inf:
            raise ValueError(f"gamma must be a finite number, 0 or more, not {self.gamma}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M], weight float32 [M]."""
        margin = margins(rewards, labels, use_strength=self.use_strength)
        return Terms(half_each_way(self._loss, margin, labels.tie), labels.weight)

    def _loss(self, margin: Tensor) -> Tensor:
        return softplus(-margin) * torch.exp(-self.gamma * softplus(margin))
