r"""Named attributes, one head each, and a reward that weighs them: by fixed weights or by a gate that reads the prompt.

For attribute values :math:`a_k` and weights :math:`w_k`,

.. math:: r = \sum_k p_k a_k, \qquad p_k = w_k / \sum_j |w_j|,

so the reward stays in the units of the attributes; a negative weight makes an attribute (toxicity) count against a
response. With a gate, :math:`p = \mathrm{softmax}(G h)` where :math:`h` is the hidden state of the prompt's last token:
what matters depends on what was asked. The gate begins with equal parts.

The parts learn from an objective on ratings, which leaves out the labels that are missing; the gate learns from
comparisons. Evaluations give the correlation of each part with the rating of its name:

    [model]
    architecture = "attributes"
    settings = {names = ["helpfulness", "toxicity"], weights = [1.0, -0.5]}

    [objective]
    name = "squared_error"
    attributes = ["helpfulness", "toxicity"]

Source: Wang et al., Interpretable Preferences via Multi-Objective Reward Modeling and
Mixture-of-Experts (ArmoRM, 2024);
Wang et al., HelpSteer (2023).
"""

import math
from collections.abc import Mapping
from typing import Any, Unpack

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models.headed import Headed, How
from plaudit.models.pooling import prompt_ends
from plaudit.models.reward_model import Rewards

TAKEN = ("reward", "variance")
"""Names that an attribute cannot have, because the outputs of every model have them."""


class Attributes(Headed):
    """A reward model with a head for each attribute.

    Args:
        classifier: the family's ``…ForSequenceClassification``, with one output an attribute.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders.
        names: of the attributes, in the order of the head's outputs.
        weights: how much each attribute counts, in the same order; equally if None. Only their ratios matter.
        gate: weigh them by a learned softmax of the prompt's last hidden state instead; for causal backbones.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: names or weights that cannot be, or a gate on a backbone that is not causal.
    """

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        names: tuple[str, ...],
        weights: tuple[float, ...] | None = None,
        gate: bool = False,
        **how: Unpack[How],
    ) -> None:
        self.names, self.weights, self.gate = tuple(names), None if weights is None else tuple(weights), gate
        super().__init__(classifier, pooling, **how)
        if gate:
            self._require_causal()
            score: Any = classifier.get_submodule("score")
            self.gating = nn.Linear(score.weight.shape[1], len(self.names), dtype=torch.float32)
            nn.init.zeros_(self.gating.weight)
            nn.init.zeros_(self.gating.bias)

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the attributes' names."""
        names, weights = tuple(settings["names"]), settings["weights"]
        _check_names(names)
        if weights is not None:
            _check_weights(names, weights)
        if settings["gate"] and weights is not None:
            raise ValueError("weights and gate exclude each other: the gate learns the weights")
        if settings["gate"] and len(names) < 2:
            raise ValueError("gate needs 2 names or more to weigh against each other")
        return names

    @property
    def outputs(self) -> tuple[str, ...]:
        """The reward and the attributes."""
        return ("reward", *self.names)

    @property
    def portions(self) -> tuple[float, ...]:
        """What the value of each attribute is multiplied with where there is no gate; their sizes sum to 1."""
        weights = self.weights or (1.0,) * len(self.names)
        total = sum(map(abs, weights))
        return tuple(weight / total for weight in weights)

    @property
    def composition(self) -> str:
        """The weighted sum."""
        if self.gate:
            return "reward = their sum weighted by a softmax gate on the last hidden state of the prompt"
        terms = zip(self.portions, self.names, strict=True)
        return f"reward = {' + '.join(f'{portion:.6g} * {name}' for portion, name in terms)}"

    def gather(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Return the pooled state of each response, [N, H], with a gate beside that of its prompt's end, [N, 2 H]."""
        pooled = super().gather(batch, hidden)
        if not self.gate:
            return pooled
        return torch.cat([pooled, hidden[prompt_ends(batch).to(hidden.device)]], dim=1)

    def logits(self, features: Tensor) -> Tensor:
        """Return the attributes' values, float32 [N, names]."""
        return super().logits(features[:, : self.gating.in_features] if self.gate else features)

    def head(self, features: Tensor) -> Rewards:
        """Return the reward and the attributes."""
        values = self.logits(features)
        reward = (values * self._portions(features)).sum(1, keepdim=True)
        return Rewards(torch.cat([reward, values], dim=1))

    def _portions(self, features: Tensor) -> Tensor:
        if not self.gate:
            return torch.tensor(self.portions, device=features.device)
        with torch.autocast(features.device.type, enabled=False):
            return torch.softmax(self.gating(features[:, self.gating.in_features :].float()), dim=1)

    def _require_causal(self) -> None:
        if not self.causal:
            raise ValueError(
                f"gate needs a causal backbone, whose state of a prompt has not seen the response; "
                f"{type(self.classifier).__name__} reads both together: give weights instead"
            )


def _check_names(names: tuple[str, ...]) -> None:
    if not names or len(set(names)) < len(names) or not all(names):
        raise ValueError(f"names must be one name or more, all different and none empty, not {list(names)}")
    if taken := [name for name in names if name in TAKEN]:
        raise ValueError(f"names: {', '.join(taken)} is what every model's output is called; choose another name")


def _check_weights(names: tuple[str, ...], weights: tuple[float, ...]) -> None:
    if len(weights) != len(names):
        raise ValueError(f"weights must be one for each of the {len(names)} names, not {len(weights)}")
    if not all(map(math.isfinite, weights)) or not any(weights):
        raise ValueError(f"weights must be finite and not all 0, not {list(weights)}")
