r"""Quality and length apart: a head for each, trained on their sum, of which only the quality is served.

The classifier's heads give the quality :math:`q` and a guess :math:`p` at the logarithm of the response's length; a
learned number :math:`s` says how much preferences go by length:

.. math:: r = q, \qquad \ell = s\,p, \qquad \text{trained: } \sigma(\Delta q + \Delta \ell).

Trained with the objective ``disentangled``, which teaches :math:`p` the length and keeps it out of :math:`q`.

The paper's length head may have any scale, because a correlation with the length judges it. Here it is judged by a
squared error, which has a scale, so :math:`s` takes over what that fixes.

Source: Chen et al., ODIN: Disentangled Reward Mitigates Hacking in RLHF (2024).
"""

from collections.abc import Mapping
from typing import Any, Unpack

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from plaudit.models.headed import Headed, How
from plaudit.models.reward_model import Rewards


class LengthEffect(nn.Module):
    """The number by which a length becomes a reward."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.ones((), dtype=torch.float32))

    def forward(self, length: Tensor) -> Tensor:
        """Return the part of the reward that goes by ``length``, of the same shape."""
        return self.slope * length


class Odin(Headed):
    """A reward model with a quality head, which is served, and a length head, which is not.

    Args:
        classifier: the family's ``…ForSequenceClassification``, with two outputs.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders.
        how: layout and computing dtype, see `Headed`.
    """

    def __init__(self, classifier: PreTrainedModel, pooling: str = "last", **how: Unpack[How]) -> None:
        super().__init__(classifier, pooling, **how)
        self.effect = LengthEffect()

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the two heads."""
        del settings
        return ("quality", "length")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The reward, what length alone would add to it, and the length head's own output."""
        return ("reward", "length_effect", "length")

    @property
    def composition(self) -> str:
        """The reward is the quality."""
        return "reward = quality"

    def head(self, features: Tensor) -> Rewards:
        """Return quality, length effect and length, [N, 3]."""
        quality, length = self.logits(features).split(1, dim=1)
        return Rewards(torch.cat([quality, self.effect(length), length], dim=1))
