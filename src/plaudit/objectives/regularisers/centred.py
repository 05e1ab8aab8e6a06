r"""Centred rewards: the two rewards of a comparison are pulled to a mean of zero.

Comparisons say nothing about the level of rewards: a constant added to all of them costs nothing. This fixes it, and
keeps prompts comparable:

.. math:: p = (r_c + r_r)^2.

Rewards 5 and −5 have mean zero and cost nothing; `l2` is what keeps their spread from growing.

Source: Eisenstein et al., Helping or Herding? Reward Model Ensembles Mitigate but do not Eliminate Reward Hacking
(2023); the usual weight is 0.01.

>>> import torch
>>> from plaudit.models.reward_model import Rewards
>>> from plaudit.objectives.bradley_terry import BradleyTerry
>>> from plaudit.objectives.regularisers.centred import Centred
>>> from plaudit.testing import pair_labels
>>> rewards = Rewards(torch.tensor([[5.0], [-5.0], [3.0], [1.0]]))
>>> Centred()(rewards, pair_labels(2), BradleyTerry()).tolist()
[0.0, 16.0]
"""

from dataclasses import dataclass

from torch import Tensor

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.objectives.regularisers import check_weight


@dataclass(frozen=True, slots=True)
class Centred:
    """The squared sum of a comparison's two rewards.

    Attributes:
        weight: by what it is multiplied, 0 or more.
    """

    weight: float = 0.01

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def __call__(self, rewards: Rewards, labels: Labels, _objective: Objective) -> Tensor:
        """Return one penalty a comparison, float32 [M], in squared reward units."""
        return (rewards.scalar[labels.chosen] + rewards.scalar[labels.rejected]).square()
