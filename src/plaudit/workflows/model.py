"""The model of a run: a base model under a new reward head, with the encoder that speaks to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, PreTrainedModel

from plaudit import members
from plaudit.assets import base_model
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.models.backbone import load_base, random_base, refuse_code, refuse_unsafe
from plaudit.models.headed import Headed, is_causal
from plaudit.models.heads import head_modules
from plaudit.models.pooling import POOLINGS
from plaudit.models.rotary import learned_limit, learned_positions

LONGEST = 2048
"""Tokens a sequence may have where neither the user nor the backbone says less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is trained.

    Attributes:
        base: a ``builtin:`` name, a folder or a hub id of a causal language model or an encoder; an SFT checkpoint as
            large as the policy, or smaller.
        architecture: a kind of reward model.
        pooling: ``last``, ``first`` or ``mean``; empty takes ``last`` for causal models, ``first`` for encoders.
        layout: ``trees`` (packed, a shared prompt computed once) or ``padded``.
        template: how text is written, see ``encoding.choices.for_tokenizer``.
        max_length: tokens a sequence may have; long prompts lose their oldest turns. 0 takes the backbone's own limit,
            at most 2,048.
        random_weights: build the backbone from its configuration alone, with random weights; ``base`` then needs no
            weights, only ``config.json`` and a tokenizer.
        head_bias: give the head a bias, at first 0, where the family's class has none (GPT-2, Llama and their like).
            It never changes a margin.
        seed: of the new head.
    """

    base: str = "builtin:smollm2-135m-instruct"
    architecture: str = "scalar"
    pooling: str = ""
    layout: Literal["trees", "padded"] = "trees"
    template: str = "auto"
    max_length: int = 0
    random_weights: bool = False
    head_bias: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pooling and self.pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, not {self.pooling!r}")
        if self.max_length < 0:
            raise ValueError(f"max_length must be 0 or more, not {self.max_length}")


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
    classifier, notes = _classifier(wanted, folder, encoder.tokenizer.pad_token_id)
    pooling = wanted.pooling or ("last" if is_causal(classifier) else "first")
    if hasattr(classifier.config, "classifier_pooling"):
        classifier.config.classifier_pooling = "mean" if pooling == "mean" else "cls"
    architecture = members.load("architectures", wanted.architecture)
    model: Headed = architecture(classifier, pooling, layout=wanted.layout)
    if model.padded_because and wanted.layout == "trees":
        notes.append(f"padded, not packed: {model.padded_because}")
    notes.append(f"pooling {pooling}; pad token {encoder.tokenizer.pad_token!r}; at most {encoder.max_length} tokens")
    return Built(model, encoder, tuple(notes))


def _classifier(wanted: Model, folder: Path, pad: int | None) -> tuple[PreTrainedModel, list[str]]:
    if wanted.random_weights:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        classifier = random_base(config, pad_token_id=pad, head_bias=wanted.head_bias, seed=wanted.seed)
        return classifier, [f"{type(classifier).__name__} with random weights, as asked"]
    loaded = load_base(folder, pad_token_id=pad, head_bias=wanted.head_bias, seed=wanted.seed)
    notes = [f"{type(loaded.classifier).__name__} from {wanted.base}; new: {', '.join(loaded.new) or 'nothing'}"]
    if loaded.dropped:
        notes.append(f"not used from the checkpoint: {', '.join(loaded.dropped)}")
    heads = tuple(head_modules(loaded.classifier))
    if not any(name.startswith(heads) for name in loaded.new if name != "score.bias"):
        notes.append("the checkpoint already had a head; training goes on from it")
    return loaded.classifier, notes


def _max_length(wanted: Model, config: PreTrainedConfig) -> int:
    """Return the longest sequence: as asked, within the backbone's table of positions."""
    limit = learned_limit(config) or int(getattr(config, "max_position_embeddings", 0) or LONGEST)
    if not wanted.max_length:
        return min(limit, LONGEST)
    return min(wanted.max_length, limit) if learned_positions(config) else wanted.max_length
