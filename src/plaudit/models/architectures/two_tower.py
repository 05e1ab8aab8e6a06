r"""Two encoders, one for the prompt and one for the response, whose states are fused.

For the pooled states :math:`p` of the prompt and :math:`a` of the response,

.. math:: r = \mathrm{MLP}([p;\, a;\, p \odot a]).

Neither encoder sees the other's text, so a prompt is encoded once however many responses it has, and states of either
can be kept. What depends on single words of both is out of its reach; `cross_attention` is for that. Without a prompt,
:math:`p = 0`.

Source: Huang et al., Learning Deep Structured Semantic Models for Web Search using Clickthrough Data (2013);
Reimers and Gurevych, Sentence-BERT (2019), for the concatenation.
"""

import copy
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models.composite import (
    ApartModel,
    CompositeConfig,
    OnMlp,
    check_pooling,
    pooled,
    registered,
    require_encoder,
    without_pooler,
)
from plaudit.models.headed import How
from plaudit.models.heads import backbone_of
from plaudit.models.mlp import Initial, Mlp
from plaudit.models.pooling import pool
from plaudit.models.splitting import Apart, split


class TwoTowerConfig(CompositeConfig):
    """Configuration of two encoders of the same shape under an MLP."""

    model_type: ClassVar[str] = "plaudit_two_tower"


@registered
class TwoTowerModel(ApartModel):
    """Two encoders, ``backbone.prompt`` and ``backbone.response``, under an MLP.

    Args:
        config: what it is made of.
        backbone: see `Composite`.
    """

    config_class = TwoTowerConfig

    def __init__(self, config: TwoTowerConfig, backbone: nn.Module | None = None) -> None:
        super().__init__(config, backbone)
        self.score = Mlp(
            3 * int(config.get_text_config().hidden_size),
            tuple(config.sizes),
            layer_norm=config.layer_norm,
            initial=config.initial,  # type: ignore[arg-type]
        )
        self.post_init()

    @classmethod
    def new_backbone(cls, backbone: PreTrainedModel) -> nn.Module:
        """Return two encoders that begin with the same weights."""
        first = without_pooler(backbone)
        return nn.ModuleDict({"prompt": first, "response": copy.deepcopy(first)})

    def features_of(self, parts: Apart) -> Tensor:
        """Return the fused states of every response and its prompt, [N, 3 H]."""
        prompts = self._encoded("prompt", parts.prompt_ids, parts.prompt_mask) * parts.asked[:, None]
        return fused(prompts, self._encoded("response", parts.response_ids, parts.response_mask))

    def _encoded(self, tower: str, ids: Tensor, mask: Tensor) -> Tensor:
        hidden = self.get_submodule(f"backbone.{tower}")(input_ids=ids, attention_mask=mask).last_hidden_state
        return pooled(self.config.pooling, hidden, mask)


def fused(prompts: Tensor, responses: Tensor) -> Tensor:
    """Return [N, 3 H] of the states of prompts and responses, [N, H] each."""
    return torch.cat([prompts, responses, prompts * responses], dim=1)


class TwoTower(OnMlp):
    """A reward model that encodes prompts and responses apart.

    Args:
        classifier: the ``…ForSequenceClassification`` of an encoder, whose head is replaced; or a `TwoTowerModel`.
        pooling: ``first`` or ``mean``.
        sizes: width of each hidden layer of the fusing MLP.
        layer_norm: put a LayerNorm before each ReLU.
        initial: ``standard`` as torch draws weights, or ``small``: 0.01 times standard normal, biases 0.
        seed: of the MLP's initial weights.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: a setting is out of its range, or the backbone is no encoder; the message says which.
    """

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "first",
        *,
        sizes: tuple[int, ...] = (256,),
        layer_norm: bool = True,
        initial: Initial = "standard",
        seed: int = 0,
        **how: Unpack[How],
    ) -> None:
        self.sizes, self.layer_norm, self.initial, self.seed = tuple(sizes), layer_norm, initial, seed
        check_pooling(pooling, "two_tower")
        if not isinstance(classifier, TwoTowerModel):
            require_encoder(classifier, "two_tower", how.get("causal"))
            own = {"sizes": self.sizes, "layer_norm": layer_norm, "initial": initial}
            classifier = TwoTowerModel.over(classifier, seed=seed, pooling=pooling, **own)
        super().__init__(classifier, pooling, **(how | {"causal": False}))

    def features(self, batch: Batch) -> Tensor:
        """Return the fused states of every response and its prompt, [N, 3 H]; each distinct prompt is encoded once."""
        parts = split(batch)
        responses = self._states("response", parts.responses)
        none = torch.zeros_like(responses[:1])
        prompts = none if parts.prompts is None else torch.cat([self._states("prompt", parts.prompts), none])
        return fused(prompts[parts.prompt_of], responses)

    def _states(self, tower: str, part: Batch) -> Tensor:
        encoder: Any = backbone_of(self.classifier).get_submodule(tower)
        same, hidden = self.hidden_states(part, encoder)
        return pool(hidden, same, self.pooling)
