r"""A response whose tokens attend to the states of its prompt.

An encoder reads prompt and response apart. Every state :math:`a_i` of the response then looks at those of the prompt,
:math:`p_j`, by multi-head attention, and a norm follows:

.. math:: c_i = \mathrm{LayerNorm}\big(a_i + W_o \sum_j \mathrm{softmax}_j(a_i^\top W_q^\top W_k p_j / \sqrt d)
    \, W_v p_j\big), \qquad r = \mathrm{MLP}(\mathrm{pool}_i\, c_i).

A key and a value of zeros stand beside the prompt's, so that a word can attend to nothing, and a response without a
prompt has something to attend to. The prompt is encoded, and its keys and values are computed, once however many
responses it has.

Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.3; Humeau et al., Poly-encoders (2020).
"""

from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence
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
)
from plaudit.models.headed import How
from plaudit.models.mlp import Initial, Mlp
from plaudit.models.pooling import pool
from plaudit.models.splitting import Apart, split


class Crossing(nn.Module):
    """Multi-head attention from the states of responses to those of their prompts, with a residual and a norm.

    Args:
        width: of the states, H; a multiple of ``heads``.
        heads: number of attention heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.out, self.norm = nn.Linear(width, width), nn.LayerNorm(width)

    def forward(self, responses: Tensor, prompts: Tensor, seen: Tensor, prompt_of: Tensor) -> Tensor:
        """Return the states of the responses once they have looked at their prompts, [N, K, H].

        Args:
            responses: [N, K, H], padded.
            prompts: [P, L, H], padded.
            seen: bool [P, L], where there is a token.
            prompt_of: int64 [N], the prompt of each response.
        """
        query = self._by_head(self.query(responses))
        key, value = (pad(self._by_head(part(prompts)), (0, 0, 1, 0))[prompt_of] for part in (self.key, self.value))
        mask = pad(seen, (1, 0), value=True)[prompt_of][:, None, None]
        found = scaled_dot_product_attention(query, key, value, mask)
        crossed: Tensor = self.norm(responses + self.out(found.transpose(1, 2).flatten(2)))
        return crossed

    def _by_head(self, states: Tensor) -> Tensor:
        count, length, width = states.shape
        return states.view(count, length, self.heads, width // self.heads).transpose(1, 2)


class CrossAttentionConfig(CompositeConfig):
    """Configuration of an encoder whose responses attend to their prompts.

    Attributes:
        heads: number of heads of that attention.
    """

    model_type: ClassVar[str] = "plaudit_cross_attention"
    heads: int = 4


@registered
class CrossAttentionModel(ApartModel):
    """An encoder, the attention from response to prompt (``crossing``), and an MLP.

    Args:
        config: what it is made of.
        backbone: see `Composite`.
    """

    config_class = CrossAttentionConfig
    head_names: ClassVar[tuple[str, ...]] = ("crossing", "score")

    def __init__(self, config: CrossAttentionConfig, backbone: PreTrainedModel | None = None) -> None:
        super().__init__(config, backbone)
        width = int(config.get_text_config().hidden_size)
        if config.heads < 1 or width % config.heads:
            raise ValueError(f"heads must divide the {width} numbers of a hidden state, not {config.heads}")
        self.crossing = Crossing(width, config.heads)
        initial: Any = config.initial
        self.score = Mlp(width, tuple(config.sizes), layer_norm=config.layer_norm, initial=initial)
        self.post_init()

    def features_of(self, parts: Apart) -> Tensor:
        """Return the pooled state of every response that has looked at its prompt, [N, H]."""
        prompts = self.backbone(input_ids=parts.prompt_ids, attention_mask=parts.prompt_mask).last_hidden_state
        responses = self.backbone(input_ids=parts.response_ids, attention_mask=parts.response_mask).last_hidden_state
        seen = parts.prompt_mask.bool() & parts.asked[:, None]
        places = torch.arange(len(seen), device=seen.device)
        crossed = self.get_submodule("crossing")(responses, prompts, seen, places)
        return pooled(self.config.pooling, crossed, parts.response_mask)


class CrossAttention(OnMlp):
    """A reward model in which the words of the response attend to the states of the prompt.

    Args:
        classifier: the ``…ForSequenceClassification`` of an encoder, whose head is replaced; or a
            `CrossAttentionModel`.
        pooling: ``first`` or ``mean``, over the response.
        heads: number of attention heads; they divide the width of the hidden states.
        sizes: width of each hidden layer of the MLP.
        layer_norm: put a LayerNorm before each ReLU.
        initial: ``standard`` as torch draws weights, or ``small``: 0.01 times standard normal, biases 0.
        seed: of the initial weights of attention and MLP.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: a setting is out of its range, or the backbone is no encoder; the message says which.
    """

    whole_only: ClassVar[str] = "its attention from response to prompt is trained too, and reads every token"

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "first",
        *,
        heads: int = 4,
        sizes: tuple[int, ...] = (256,),
        layer_norm: bool = True,
        initial: Initial = "standard",
        seed: int = 0,
        **how: Unpack[How],
    ) -> None:
        self.heads, self.sizes, self.layer_norm = heads, tuple(sizes), layer_norm
        self.initial, self.seed = initial, seed
        check_pooling(pooling, "cross_attention")
        if not isinstance(classifier, CrossAttentionModel):
            require_encoder(classifier, "cross_attention", how.get("causal"))
            own = {"heads": heads, "sizes": self.sizes, "layer_norm": layer_norm, "initial": initial}
            classifier = CrossAttentionModel.over(classifier, seed=seed, pooling=pooling, **own)
        super().__init__(classifier, pooling, **(how | {"causal": False}))

    def features(self, batch: Batch) -> Tensor:
        """Return the pooled state of every response, [N, H]; each distinct prompt is encoded once."""
        parts = split(batch)
        same, responses = self.hidden_states(parts.responses)
        table, real = _padded(responses.float(), same)
        if parts.prompts is None:
            prompts, seen = table[:1, :0], real[:1, :0]
        else:
            prompt_batch, states = self.hidden_states(parts.prompts)
            prompts, seen = (pad(part, end) for part, end in zip(
                _padded(states.float(), prompt_batch), ((0, 0, 0, 0, 0, 1), (0, 0, 0, 1)), strict=True
            ))  # fmt: skip
        with torch.autocast(table.device.type, enabled=False):
            crossed = self.classifier.get_submodule("crossing")(table, prompts, seen, parts.prompt_of)
        return pool(crossed[real], same, self.pooling)


def _padded(hidden: Tensor, part: Batch) -> tuple[Tensor, Tensor]:
    """Return the states [T, H] of a part as [sequences, longest, H], and where there is a token."""
    lengths = [tree.length for tree in part.layout.trees]
    table = pad_sequence(list(hidden.split(lengths)), batch_first=True)
    places = torch.arange(table.shape[1], device=hidden.device)
    return table, places < torch.tensor(lengths, device=hidden.device)[:, None]
