"""Reward models whose head is more than one layer, as transformers models of their own.

A composite is a folder like any other: ``config.json`` holds the backbone's configuration under ``text_config``, and
``AutoModel.from_pretrained`` (or ``AutoModelForSequenceClassification``) loads it, without remote code, once
``plaudit.models`` has been imported.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from plaudit.models.headed import Headed, is_causal
from plaudit.models.heads import backbone_of
from plaudit.models.mlp import check_mlp
from plaudit.models.splitting import Apart, apart

Model = TypeVar("Model", bound=type[PreTrainedModel])
POOLINGS = ("last", "first", "mean")
"""Poolings of which a composite takes one, unless it says that it takes others."""


class CompositeConfig(PreTrainedConfig):
    """Configuration of a backbone under a head of its own.

    Attributes:
        text_config: the backbone's configuration, or None where there is no backbone.
        pooling: which hidden state stands for a response, see `plaudit.models.pooling`.
        causal: whether the backbone is a decoder.
        sizes: width of each hidden layer of the head.
        layer_norm: whether each of them is normalised.
        initial: how the head's weights begin, see `plaudit.models.mlp.Mlp`.
        opening: ids after whose last occurrence the response begins, where there are no token types; none where the
            text form has no such ids.
    """

    text_config: dict[str, Any] | PreTrainedConfig | None = None
    pooling: str = "first"
    causal: bool = False
    sizes: tuple[int, ...] | list[int] = (128, 128)
    layer_norm: bool = True
    initial: str = "standard"
    opening: tuple[int, ...] | list[int] = ()

    def __post_init__(self, **kwargs: Any) -> None:
        """Make the backbone's configuration of its plain form; there is one output."""
        if isinstance(self.text_config, dict):
            self.text_config = AutoConfig.for_model(**self.text_config)
        if self.id2label is None:
            kwargs.setdefault("num_labels", 1)
        super().__post_init__(**kwargs)


class Composite(PreTrainedModel):
    """A backbone (``backbone``) under a head (``score``). A subclass makes the head in its constructor.

    Args:
        config: what it is made of.
        backbone: of that configuration; built with random weights, to be loaded, if None.
    """

    config_class = CompositeConfig
    base_model_prefix = "backbone"
    supports_gradient_checkpointing = True
    head_names: ClassVar[tuple[str, ...]] = ("score",)
    _supports_sdpa = _supports_attention_backend = True

    def __init__(self, config: CompositeConfig, backbone: nn.Module | None = None) -> None:
        super().__init__(config)
        if backbone is not None:
            for module in backbone.modules():
                module._is_hf_initialized = True  # type: ignore[assignment] # noqa: SLF001 - its weights are given
        elif config.text_config is not None:
            backbone = self.new_backbone(AutoModel.from_config(config.text_config))
        if backbone is not None:
            self.backbone = backbone
            parts = encoders_in(backbone)
            config.text_config = parts[0].config
            self._supports_sdpa = all(getattr(part, "_supports_sdpa", False) for part in parts)
            self._supports_attention_backend = all(
                getattr(part, "_supports_attention_backend", False) for part in parts
            )
            self._is_stateful = any(getattr(part, "_is_stateful", False) for part in parts)

    @classmethod
    def over(cls, classifier: PreTrainedModel, *, seed: int, **settings: Any) -> Self:
        """Return a composite over the backbone of ``classifier``, whose own head is left behind.

        Args:
            classifier: a family's sequence classifier; its backbone becomes part of the composite.
            seed: of the new weights.
            settings: fields of the configuration.

        Raises:
            ValueError: the classifier has more than one output.
        """
        found, text = classifier.config.num_labels, classifier.config.get_text_config()
        if found != 1:
            raise ValueError(f"{cls.__name__} needs a base of 1 output, not {found}; load the base with heads=1")
        made: Any = cls.config_class
        config = made(
            text_config=classifier.config, pad_token_id=text.pad_token_id, problem_type="regression", **settings
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model: Any = cls(config, cls.new_backbone(backbone_of(classifier)))
        made_like: Self = model.to(next(classifier.parameters()).device).train(classifier.training)
        return made_like

    @classmethod
    def new_backbone(cls, backbone: PreTrainedModel) -> nn.Module:
        """Return what a composite keeps of a bare backbone: all of it but a pooler, which belongs to another head."""
        return without_pooler(backbone)

    def _init_weights(self, module: nn.Module) -> None:
        """Leave new weights as their constructors drew them."""

    def rewarded(self, features: Tensor) -> SequenceClassifierOutput:
        """Return the output for features [N, F]."""
        head: Any = self.score
        return SequenceClassifierOutput(logits=head(features.float()))


class ApartModel(Composite):
    """A composite that reads prompt and response apart. A subclass makes features of the two."""

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> SequenceClassifierOutput:
        """Return the rewards, ``logits`` [N, 1], of padded sequences of a prompt and a response.

        Args:
            input_ids: int64 [N, L], as a tokenizer writes a pair.
            attention_mask: [N, L], 1 where there is a token; everywhere if None.
            token_type_ids: int64 [N, L], 1 on the response. A row without any is cut after the last ``opening`` of the
                configuration, and is all response if there is none in it.

        Raises:
            NoBoundary: there are no token types, and the configuration has no ``opening``.
        """
        return self.rewarded(self.features_of(apart(input_ids, attention_mask, token_type_ids, self.config.opening)))

    @abstractmethod
    def features_of(self, parts: Apart) -> Tensor:
        """Return what the head reads of each sequence, [N, F]."""


class OnMlp(Headed):
    """An architecture whose one reward comes from an MLP with the settings ``sizes`` and ``initial``."""

    head_settings: ClassVar[tuple[str, ...]] = ("sizes", "layer_norm", "initial", "seed")

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the name of the one output, once the settings are such as can be."""
        check_mlp(settings["sizes"], settings["initial"])
        return ("reward",)


def pooled(pooling: str, hidden: Tensor, mask: Tensor) -> Tensor:
    """Return one state [N, H] of each of N padded sequences [N, L, H] with ``mask`` [N, L], by one of `POOLINGS`."""
    if pooling == "first":
        return hidden[torch.arange(len(hidden)), mask.argmax(1)]
    if pooling == "last":
        places = torch.arange(mask.shape[1], device=mask.device) * mask
        return hidden[torch.arange(len(hidden)), places.argmax(1)]
    return mean_of(hidden, mask)


def mean_of(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the mean [N, H] of the states [N, L, H] of the tokens where ``mask`` [N, L] is 1, in fp32."""
    weights = mask[..., None].float()
    return ((hidden.float() * weights).sum(1) / weights.sum(1).clamp(min=1)).to(hidden.dtype)


def encoders_in(backbone: nn.Module) -> list[PreTrainedModel]:
    """Return the transformers models of which ``backbone`` consists: itself, or its parts."""
    if isinstance(backbone, PreTrainedModel):
        return [backbone]
    return [part for part in backbone.children() if isinstance(part, PreTrainedModel)]


def without_pooler(backbone: PreTrainedModel) -> PreTrainedModel:
    """Take the pooler, a layer of the classification head that BERT's family keeps there, off ``backbone``."""
    if isinstance(getattr(backbone, "pooler", None), nn.Module):
        backbone.pooler = None  # type: ignore[assignment]
    return backbone


def registered(model: Model) -> Model:
    """Let transformers' auto classes find a composite and its configuration; a decorator."""
    config: Any = model.config_class
    AutoConfig.register(config.model_type, config, exist_ok=True)
    AutoModel.register(config, model, exist_ok=True)
    AutoModelForSequenceClassification.register(config, model, exist_ok=True)
    return model


def check_pooling(pooling: str, architecture: str) -> None:
    """Raise `ValueError` where a composite cannot pool so."""
    if pooling not in POOLINGS:
        raise ValueError(f"{architecture} pools by one of {', '.join(POOLINGS)}, not {pooling!r}")


def require_encoder(classifier: PreTrainedModel, architecture: str, causal: bool | None) -> None:
    """Raise `ValueError` where the backbone is not one whose tokens see the whole text."""
    if is_causal(classifier) if causal is None else causal:
        raise ValueError(
            f"{architecture} needs an encoder (BERT, MiniLM, ModernBERT …), not the causal {type(classifier).__name__}"
        )
