"""One reward a response: a transformer backbone with the family's own sequence-classification head.

Causal backbones run prompt trees and are pooled at the last token; encoders run packed and are pooled at the first
token or the mean. A backbone that cannot run packed takes the padded path and says why.

Source: Stiennon et al., Learning to summarize from human feedback (2020); Ouyang et al., InstructGPT (2022).
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models import attention
from plaudit.models.blocks import Trees
from plaudit.models.heads import apply_head, backbone_of, head_parameters
from plaudit.models.language_head import LanguageHead
from plaudit.models.lean import slim
from plaudit.models.memory import keep_freed
from plaudit.models.padded import padded_hidden, unshared
from plaudit.models.pooling import pool
from plaudit.models.reward_model import Rewards
from plaudit.models.rotary import check_positions

LAYOUTS = ("trees", "padded")


class Scalar(nn.Module):
    """A reward model with one head.

    Args:
        classifier: the family's ``…ForSequenceClassification``.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders.
        causal: whether tokens see only what came before; read from the class if None.
        layout: ``trees`` packs without padding and shares prompts; ``padded`` is for backbones that cannot.
        compute_dtype: dtype of the backbone's products; weights, head and rewards stay in their own (fp32).

    Attributes:
        language_model: the backbone's language-model head, for rewards with log-likelihoods; None keeps none. It is
            no setting of the model and no part of what is saved.
    """

    language_model: LanguageHead | None

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        causal: bool | None = None,
        layout: str = "trees",
        compute_dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.language_model = None
        if layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}; known: {', '.join(LAYOUTS)}")
        self.classifier = classifier
        self.pooling, self.layout, self.compute_dtype = pooling, layout, compute_dtype
        self.causal = is_causal(classifier) if causal is None else causal
        self.padded_because = unpackable(classifier) if layout == "trees" else "asked for"
        if self.padded_because:
            self.layout = "padded"
        classifier.set_attn_implementation(attention.NAME if self.layout == "trees" else _own_attention(classifier))
        slim(backbone_of(classifier))
        keep_freed()

    @property
    def shares(self) -> bool:
        """Whether batches should be collated with shared prompts."""
        return self.causal and self.layout == "trees"

    def forward(self, batch: Batch) -> Rewards:
        """Score every response of ``batch``: float32 [N, labels]."""
        packed, hidden = self.hidden_states(batch)
        rewards = self.head(self.gather(packed, hidden))
        if self.language_model is None:
            return rewards
        with torch.autocast(hidden.device.type, self.compute_dtype, enabled=self._mixed()):
            return replace(rewards, log_likelihood=self.language_model(hidden, packed))

    def features(self, batch: Batch) -> Tensor:
        """Return the pooled hidden state of every response, [N, H]."""
        return self.gather(*self.hidden_states(batch))

    def hidden_states(self, batch: Batch) -> tuple[Batch, Tensor]:
        """Return the last hidden states [T, H], and the batch whose packed offsets their rows have."""
        check_positions(self.classifier.config, batch.layout, packed=self.layout == "trees")
        with torch.autocast(batch.input_ids.device.type, self.compute_dtype, enabled=self._mixed()):
            if self.layout == "padded":
                return unshared(batch), padded_hidden(backbone_of(self.classifier), batch, self._pad or 0)
            return batch, self._packed(batch)

    def gather(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Return the pooled hidden states [N, H] of the hidden states [T, H] of ``batch``."""
        return pool(hidden, batch, self.pooling, self._pad)

    def head(self, features: Tensor) -> Rewards:
        """Return the rewards of pooled hidden states [N, H]."""
        return Rewards(apply_head(self.classifier, features))

    def cast_backbone(self, dtype: torch.dtype) -> None:
        """Cast the backbone's weights to ``dtype`` once, for scoring: half the memory of autocast and no casts a call.

        The head, wherever the family keeps it, and buffers (rotary frequencies) stay as they are. The cast loses
        what ``dtype`` cannot hold, so a model that is to be trained or saved keeps its fp32 weights.

        Raises:
            ValueError: ``dtype`` is not a floating-point type.
        """
        if not dtype.is_floating_point:
            raise ValueError(
                f"a backbone cannot be cast to {dtype}; use torch.bfloat16, torch.float16 or torch.float32"
            )
        head = {id(parameter) for parameter in head_parameters(self.classifier)}
        for parameter in backbone_of(self.classifier).parameters():
            if id(parameter) not in head:
                parameter.data = parameter.data.to(dtype)
        self.compute_dtype = dtype

    @property
    def _pad(self) -> int | None:
        pad: int | None = self.classifier.config.get_text_config().pad_token_id
        return pad

    def _packed(self, batch: Batch) -> Tensor:
        backbone = backbone_of(self.classifier)
        trees = Trees(batch.layout, causal=self.causal, device=batch.input_ids.device)
        inputs: dict[str, Any] = {
            "input_ids": batch.input_ids[None],
            "position_ids": batch.position_ids[None] + _offset(backbone),
        }
        if bool(batch.token_type_ids.any()):
            inputs["token_type_ids"] = batch.token_type_ids[None]
        if self.causal:
            inputs["use_cache"] = False
        hidden: Tensor = backbone(**inputs, trees=trees).last_hidden_state[0]
        return hidden

    def _mixed(self) -> bool:
        """Return whether products need autocast: a cast backbone does not, unless it holds the head's pooler."""
        weights = backbone_of(self.classifier).parameters()
        return self.compute_dtype != torch.float32 and any(weight.dtype == torch.float32 for weight in weights)


def is_causal(classifier: PreTrainedModel) -> bool:
    """Return whether the backbone is a decoder: sequence classifiers of decoders keep their head in ``score``."""
    return hasattr(classifier, "score") and not getattr(classifier.config, "is_encoder_decoder", False)


def unpackable(classifier: PreTrainedModel) -> str:
    """Return why the backbone cannot run packed, or an empty string."""
    if not getattr(classifier, "_supports_attention_backend", False):
        return f"{type(classifier).__name__} computes attention itself, not through AttentionInterface"
    if getattr(classifier, "_is_stateful", False):
        return f"{type(classifier).__name__} carries a state from token to token"
    return ""


def _own_attention(classifier: PreTrainedModel) -> str:
    return "sdpa" if getattr(classifier, "_supports_sdpa", False) else "eager"


def _offset(backbone: PreTrainedModel) -> int:
    """Return the first position number: RoBERTa's tables begin after the row of the pad token."""
    embeddings: Any = getattr(backbone, "embeddings", None)
    if not hasattr(embeddings, "create_position_ids_from_input_ids"):
        return 0
    return int(embeddings.padding_idx) + 1
