r"""Label smoothing: trained as if a share of the comparisons were the wrong way round.

With the objective's loss :math:`\ell` of a comparison as it is labelled and :math:`\bar\ell` of the same comparison
turned round (winner and loser change places, a stated strength changes its sign),

.. math:: (1-\alpha)\,\ell + \alpha\,\bar\ell = \ell + \alpha\,(\bar\ell - \ell),

so smoothing is a penalty :math:`p = \bar\ell - \ell` of weight :math:`\alpha`, whatever the objective, as long as it
has one term a comparison. It may be negative: a comparison that the model gets wrong is cheaper than without it. For
Bradley-Terry the loss is least at a margin of :math:`\log((1-\alpha)/\alpha)` instead of infinity. A tie turned round
is the same tie and is left alone.

Source: Szegedy et al., Rethinking the Inception architecture for computer vision (2016), section 7; for comparisons
Wang et al., Secrets of RLHF II (2024), equation 5.

>>> import torch
>>> from plaudit.models.reward_model import Rewards
>>> from plaudit.objectives.bradley_terry import BradleyTerry
>>> from plaudit.objectives.regularisers.label_smoothing import LabelSmoothing
>>> from plaudit.testing import pair_labels
>>> rewards = Rewards(torch.tensor([[3.0], [1.0], [0.0], [4.0]]))
>>> [round(p, 4) for p in LabelSmoothing()(rewards, pair_labels(2), BradleyTerry()).tolist()]
[2.0, -4.0]
"""

from dataclasses import dataclass, replace

from torch import Tensor

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.objectives.regularisers import Unsuited, check_weight, require_comparisons


@dataclass(frozen=True, slots=True)
class LabelSmoothing:
    """What the objective would lose more if a comparison were turned round.

    Attributes:
        weight: the probability that a label is flipped, in [0, 0.5).
    """

    weight: float = 0.1

    def __post_init__(self) -> None:
        check_weight(self.weight, below=0.5)

    def __call__(self, rewards: Rewards, labels: Labels, objective: Objective) -> Tensor:
        """Return one penalty a comparison, float32 [M], in the objective's units.

        Raises:
            Unsuited: the objective does not have one term a comparison.
        """
        if (per := getattr(objective, "per", "comparison")) != "comparison":
            raise Unsuited(
                f"label_smoothing turns comparisons round, and {type(objective).__name__} has one term a {per}; "
                "use it with a pairwise objective such as bradley_terry"
            )
        stated, turned = objective(rewards, labels), objective(rewards, _turned(labels))
        require_comparisons(stated, labels, objective)
        return turned.loss - stated.loss


def _turned(labels: Labels) -> Labels:
    """Return the comparisons with winner and loser exchanged; ties stay as they are, so that nothing tells sides."""
    chosen, rejected = labels.chosen, labels.rejected
    return replace(
        labels,
        chosen=chosen.where(labels.tie, rejected),
        rejected=rejected.where(labels.tie, chosen),
        strength=labels.strength.where(labels.tie, -labels.strength),
    )
