r"""L2 of the rewards: large rewards cost, so that neither their level nor their spread grows without need.

.. math:: p = \frac{r_c^2 + r_r^2}{2} = \frac{(r_c + r_r)^2 + (r_c - r_r)^2}{4}:

the level, which `centred` looks at alone, and the margin, which a likelihood drives to infinity wherever a set of
comparisons can be separated.

This is not the L2 of the *weights*. That one is a setting of training, not of the objective: ``training.weight_decay``,
which AdamW takes off every weight but biases and norms at each step, apart from the gradient. Dropout is
``training.dropout``.

Source: Hoerl and Kennard, Ridge regression, Technometrics 12 (1970), for the penalty; Loshchilov and Hutter, Decoupled
weight decay regularization (2019), for the other one.

>>> import torch
>>> from plaudit.models.reward_model import Rewards
>>> from plaudit.objectives.bradley_terry import BradleyTerry
>>> from plaudit.objectives.regularisers.l2 import L2
>>> from plaudit.testing import pair_labels
>>> rewards = Rewards(torch.tensor([[5.0], [-5.0], [3.0], [1.0]]))
>>> L2()(rewards, pair_labels(2), BradleyTerry()).tolist()
[25.0, 5.0]
"""

from dataclasses import dataclass

from torch import Tensor

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.objectives.regularisers import check_weight


@dataclass(frozen=True, slots=True)
class L2:
    """The mean of a comparison's two squared rewards.

    Attributes:
        weight: by what it is multiplied, 0 or more.
    """

    weight: float = 0.01

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def __call__(self, rewards: Rewards, labels: Labels, _objective: Objective) -> Tensor:
        """Return one penalty a comparison, float32 [M], in squared reward units."""
        return (rewards.scalar[labels.chosen].square() + rewards.scalar[labels.rejected].square()) / 2
