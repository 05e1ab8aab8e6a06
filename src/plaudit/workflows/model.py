"""The model of a run: a base model under a new reward head, with the encoder that speaks to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, PreTrainedModel

from plaudit import config as configuration
from plaudit import members
from plaudit.assets import base_model
from plaudit.config import BadConfiguration
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.models.backbone import load_base, random_base, refuse_code, refuse_unsafe
from plaudit.models.headed import GIVEN, Headed, is_causal, parameters
from plaudit.models.heads import head_modules
from plaudit.models.language_head import LanguageHead, NoLanguageModel, language_head
from plaudit.models.pooling import poolings
from plaudit.models.rotary import learned_limit, learned_positions

WHERE = "model.settings"
"""Where the settings of an architecture stand in a configuration."""

LONGEST = 2048
"""Tokens a sequence may have where neither the user nor the backbone says less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is trained.

    Attributes:
        base: a ``builtin:`` name, a folder or a hub id of a causal language model or an encoder; an SFT checkpoint as
            large as the policy, or smaller.
        architecture: a kind of reward model.
        settings: the architecture's own, such as ``{names = ["helpfulness", "toxicity"]}`` for ``attributes``.
        pooling: ``last``, ``first``, ``mean`` or ``response`` (the mean of the response's own tokens); several joined
            by ``+`` where the architecture can; empty takes ``last`` for causal models, ``first`` for encoders.
        layout: ``trees`` (packed, a shared prompt computed once) or ``padded``.
        template: how text is written, see ``encoding.choices.for_tokenizer``.
        max_length: tokens a sequence may have; long prompts lose their oldest turns. 0 takes the backbone's own limit,
            at most 2,048.
        random_weights: build the backbone from its configuration alone, with random weights; ``base`` then needs no
            weights, only ``config.json`` and a tokenizer.
        head_bias: give the head a bias, at first 0, where the family's class has none (GPT-2, Llama and their like).
            It never changes a margin.
        keep_language_model: keep the base's language-model head during training, ``frozen`` or ``trained``, for the
            regulariser ``language_model``; causal bases only. It is not part of the saved model.
        seed: of the new head.
    """

    base: str = "builtin:smollm2-135m-instruct"
    architecture: str = "scalar"
    settings: dict[str, Any] = field(default_factory=dict)
    pooling: str = ""
    layout: Literal["trees", "padded"] = "trees"
    template: str = "auto"
    max_length: int = 0
    random_weights: bool = False
    head_bias: bool = False
    keep_language_model: Literal["no", "frozen", "trained"] = "no"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pooling:
            poolings(self.pooling)
        if self.max_length < 0:
            raise ValueError(f"max_length must be 0 or more, not {self.max_length}")
        if self.keep_language_model != "no" and self.random_weights:
            raise ValueError("keep_language_model keeps a head that has learned; with random_weights there is none")


@dataclass(frozen=True, slots=True)
class Built:
    """A model ready to train.

    Attributes:
        model: the architecture.
        encoder: what writes and tokenises for it.
        notes: what was new, dropped or chosen, a sentence each.
    """

    model: Headed
    encoder: Encoder
    notes: tuple[str, ...]


def build(wanted: Model) -> Built:
    """Load the base, put the reward head on it and choose encoder, pooling and pad token."""
    folder = Path(base_model(wanted.base))
    (refuse_code if wanted.random_weights else refuse_unsafe)(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False).get_text_config()
    encoder = Encoder(
        tokenizer, for_tokenizer(tokenizer, wanted.template), _max_length(wanted, config), rows=config.vocab_size
    )
    architecture, own, labels = chosen(wanted)
    classifier, notes, new = _classifier(wanted, folder, encoder.tokenizer.pad_token_id, len(labels))
    pooling = wanted.pooling or ("last" if is_causal(classifier) else "first")
    if hasattr(classifier.config, "classifier_pooling"):
        classifier.config.classifier_pooling = "mean" if pooling == "mean" else "cls"
    language_model = _language_model(wanted, folder, classifier, notes)
    model = _made(architecture, classifier, pooling, layout=wanted.layout, **own)
    model.language_model = language_model
    if new:
        model.begin()
    if model.padded_because and wanted.layout == "trees":
        notes.append(f"padded, not packed: {model.padded_because}")
    notes.append(f"pooling {pooling}; pad token {encoder.tokenizer.pad_token!r}; at most {encoder.max_length} tokens")
    return Built(model, encoder, tuple(notes))


def chosen(wanted: Model) -> tuple[type[Headed], dict[str, Any], tuple[str, ...]]:
    """Return the architecture that was asked for, its own settings, and the labels of its head.

    Raises:
        BadConfiguration: there is no such architecture, or a setting is unknown, missing or wrong.
    """
    try:
        architecture: type[Headed] = members.load("architectures", wanted.architecture)
    except members.UnknownKind as error:
        raise BadConfiguration(f"[model] architecture = {wanted.architecture!r}: {error}") from error
    own = configuration.arguments(architecture, wanted.settings, WHERE, tuple(parameters(Headed)) + GIVEN)
    try:
        return architecture, own, architecture.labels_of(_completed(architecture, own))
    except ValueError as error:
        raise BadConfiguration(f"[{WHERE}] {error}") from error


def _completed(architecture: type[Headed], own: Mapping[str, Any]) -> dict[str, Any]:
    return {name: own.get(name, item.default) for name, item in parameters(architecture).items()}


def _made(architecture: type[Headed], classifier: PreTrainedModel, pooling: str, **how: Any) -> Headed:
    try:
        return architecture(classifier, pooling, **how)
    except ValueError as error:
        raise BadConfiguration(f"[{WHERE}] {error}") from error


def _classifier(wanted: Model, folder: Path, pad: int | None, heads: int) -> tuple[PreTrainedModel, list[str], bool]:
    """Return the base under its head, notes on it, and whether the head is new."""
    if wanted.random_weights:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        classifier = random_base(config, heads=heads, pad_token_id=pad, head_bias=wanted.head_bias, seed=wanted.seed)
        return classifier, [f"{type(classifier).__name__} with random weights, as asked"], True
    loaded = load_base(folder, heads=heads, pad_token_id=pad, head_bias=wanted.head_bias, seed=wanted.seed)
    notes = [f"{type(loaded.classifier).__name__} from {wanted.base}; new: {', '.join(loaded.new) or 'nothing'}"]
    if loaded.dropped:
        notes.append(f"not used from the checkpoint: {', '.join(loaded.dropped)}")
    modules = tuple(head_modules(loaded.classifier))
    new = any(name.startswith(modules) for name in loaded.new if name != "score.bias")
    if not new:
        notes.append("the checkpoint already had a head; training goes on from it")
    return loaded.classifier, notes, new


def _language_model(wanted: Model, folder: Path, classifier: PreTrainedModel, notes: list[str]) -> LanguageHead | None:
    """Return the base's language-model head where it is to be kept, and note that it is."""
    if wanted.keep_language_model == "no":
        return None
    if not is_causal(classifier):
        raise NoLanguageModel(f"{wanted.base} is no causal language model; model.keep_language_model must be 'no'")
    head = language_head(folder, classifier, trained=wanted.keep_language_model == "trained")
    notes.append(f"language-model head kept for training, {wanted.keep_language_model}; the saved model is without it")
    return head


def _max_length(wanted: Model, config: PreTrainedConfig) -> int:
    """Return the longest sequence: as asked, within the backbone's table of positions."""
    limit = learned_limit(config) or int(getattr(config, "max_position_embeddings", 0) or LONGEST)
    if not wanted.max_length:
        return min(limit, LONGEST)
    return min(wanted.max_length, limit) if learned_positions(config) else wanted.max_length
