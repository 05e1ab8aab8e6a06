r"""Hinge: a comparison costs what its margin falls short of a required one, and nothing beyond it.

With :math:`\Delta = r_c - r_r - m`, stated strength :math:`m`, required margin :math:`\kappa` and power :math:`p`,

.. math:: L = \max(0, \kappa - \Delta)^p, \qquad p \in \{1, 2\}.

A tie is half a win each way. For :math:`p = 1` that is :math:`\kappa + \tfrac12\max(0, |\Delta| - \kappa)`: rewards of
a tie may differ by what is too little for a win, and are pulled together beyond it. For :math:`p = 2` they are pulled
to equality from anywhere.

The loss fixes the scale of the rewards by :math:`\kappa`, and is no likelihood: calibrate before reading
probabilities.

Source: Herbrich, Graepel and Obermayer, Large margin rank boundaries for ordinal regression (2000); as a ranking SVM,
Joachims, Optimizing search engines using clickthrough data (2002); squared: Chapelle and Keerthi (2010).

>>> import torch
>>> from plaudit.objectives.hinge import Hinge
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> margins = torch.tensor([6.0, 0.5, 0.0, -4.0])
>>> rewards = Rewards(torch.stack([margins, torch.zeros(4)]).T.reshape(-1, 1))
>>> Hinge()(rewards, pair_labels(4)).loss.tolist()
[0.0, 0.5, 1.0, 5.0]
>>> Hinge(power=2)(rewards, pair_labels(4)).loss.tolist()
[0.0, 0.25, 1.0, 25.0]
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

from torch import Tensor

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins


@dataclass(frozen=True, slots=True)
class Hinge:
    """What is missing to a required margin, as it is or squared.

    Attributes:
        margin: what the winner's reward must exceed the loser's by, finite and above 0.
        power: 1, or 2 for the squared hinge, whose gradient fades as the margin is reached.
        use_strength: require a comparison's stated strength on top of ``margin``.
    """

    margin: float = 1.0
    power: Literal[1, 2] = 1
    use_strength: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.margin < inf:
            raise ValueError(f"margin must be a finite number above 0, not {self.margin}")
        if self.power not in (1, 2):
            raise ValueError(f"power must be 1 or 2, not {self.power}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in (powers of) reward units, weight float32 [M]."""
        margin = margins(rewards, labels, use_strength=self.use_strength)
        return Terms(half_each_way(self._loss, margin, labels.tie), labels.weight)

    def _loss(self, margin: Tensor) -> Tensor:
        short = (self.margin - margin).clamp(min=0)
        return short.square() if self.power == 2 else short
