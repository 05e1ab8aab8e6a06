r"""Adaptive margin: the stronger a preference, the further apart its rewards must be; doubted labels count as soft.

A comparison's strength :math:`s` says how sure its label is: a rater's "significantly better", or the mean margin
:math:`\hat\mu` that an ensemble of reward models gives it (``labels.strength``; none stated is 0). With scale
:math:`\lambda` and limit :math:`b`, and :math:`\alpha` for labels that the ensemble contradicts,

.. math:: m = \min(\max(\lambda s, -b), b), \qquad
    L = -(1-\alpha_s)\log\sigma(\Delta - m) - \alpha_s\log\sigma(m - \Delta), \qquad
    \alpha_s = \alpha\,[s < 0].

``bradley_terry`` takes strengths as they stand. Here :math:`\lambda` converts them into reward units, the limit keeps
one extreme rating from asking for a reward difference that nothing else supports, and a negative mean, an ensemble
that prefers the rejected response, lowers what is asked and softens the label.

The margins order confidence, not probability: with :math:`m > 0` the loss is no likelihood of the labels, and
probabilities read from the rewards are too sure until they are calibrated. A tie has no margin and is half a win each
way.

Source: margins from ratings: Touvron et al., Llama 2 (2023), section 3.2.2; from an ensemble, with soft labels where
its mean is negative: Wang et al., Secrets of RLHF in Large Language Models Part II (2024), sections 2.3 and 2.4.

A margin of 2 with strengths of 0, 1 and 10 under a limit of 3, and with an ensemble that says the opposite:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.objectives.adaptive_margin import AdaptiveMargin
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> rewards = Rewards(torch.tensor([2.0, 0.0]).repeat(4)[:, None])
>>> labels = replace(pair_labels(4), strength=torch.tensor([0.0, 1.0, 10.0, -1.0]))
>>> [round(loss, 4) for loss in AdaptiveMargin(limit=3.0)(rewards, labels).loss.tolist()]
[0.1269, 0.3133, 1.3133, 0.6486]
"""

from dataclasses import dataclass
from math import inf

import torch
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, margins


@dataclass(frozen=True, slots=True)
class AdaptiveMargin:
    """Bradley-Terry's loss with margins in proportion to the strength of each comparison.

    Attributes:
        scale: reward units a unit of strength, finite and 0 or more.
        limit: largest margin asked for, in reward units, above 0.
        doubt: how likely a label of negative strength is taken to be flipped, in [0, 0.5].
    """

    scale: float = 1.0
    limit: float = inf
    doubt: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.scale < inf:
            raise ValueError(f"scale must be a finite number, 0 or more, not {self.scale}")
        if not self.limit > 0:
            raise ValueError(f"limit must be above 0, not {self.limit}")
        if not 0 <= self.doubt <= 0.5:
            raise ValueError(f"doubt must be in [0, 0.5], not {self.doubt}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        asked = torch.where(labels.tie, 0.0, (self.scale * labels.strength).clamp(-self.limit, self.limit))
        margin = margins(rewards, labels) - asked
        flip = torch.where(labels.tie, 0.5, torch.where(labels.strength < 0, self.doubt, 0.0))
        return Terms((1 - flip) * softplus(-margin) + flip * softplus(margin), labels.weight)
