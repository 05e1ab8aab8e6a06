"""Tiny reward models with random weights and the tokenizers of their families."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.headed import Headed, parameters
from plaudit.scoring.artifact import save
from plaudit.scoring.contract import Contract
from tests.encoding.families import family
from tests.models.families import build, decoders, encoders

TOKENIZERS = {"llama": "smollm2", "gpt2": "gpt2", "gemma2": "gemma", "bert": "bert", "modernbert": "bert"}
MAX_LENGTH = 768
RECIPE = {"seed": 0, "versions": {"torch": torch.__version__}}
PAIRS = [
    ("How do I boil an egg?", "Eight minutes in boiling water."),
    ("How do I boil an egg?", "Eggs."),
    ("How do I boil an egg?", "Why would you? Eat something else, for example a piece of dry bread."),
    ("Say hello.", "Hello!"),
    ("", "A film of great charm."),
    ("What is the capital of Peru, and why do people ask about it so often?", "Lima."),
]


def configuration(name: str, vocabulary: int, pad: int | None, positions: int = 1024) -> Any:
    """Return a tiny configuration of a family for a vocabulary."""
    config: Any = (decoders() | encoders())[name]
    config.vocab_size, config.max_position_embeddings, config.pad_token_id = vocabulary, positions, pad
    config.eos_token_id = config.bos_token_id = None
    return config


def classifier(name: str, vocabulary: int, pad: int | None, positions: int = 1024, heads: int = 1) -> PreTrainedModel:
    """Return a sequence classifier of a family whose rewards are well apart."""
    model: PreTrainedModel = build(configuration(name, vocabulary, pad, positions), heads=heads)
    model.eval()
    return model


def tiny(name: str = "llama", pooling: str | None = None, choice: str = "auto") -> tuple[Scalar, Encoder]:
    """Return a reward model of family ``name`` and its encoder."""
    tokenizer = family(TOKENIZERS[name])
    encoder = Encoder(tokenizer, for_tokenizer(tokenizer, choice), MAX_LENGTH)
    backbone = classifier(name, len(tokenizer), encoder.tokenizer.pad_token_id)
    return Scalar(backbone, pooling or ("first" if "bert" in name else "last")).eval(), encoder


def tiny_of(architecture: type[Headed], name: str = "llama", **settings: Any) -> tuple[Headed, Encoder]:
    """Return a model of any architecture over the tiny backbone of family ``name``, and its encoder."""
    tokenizer = family(TOKENIZERS[name])
    encoder = Encoder(tokenizer, for_tokenizer(tokenizer), MAX_LENGTH)
    defaults = {key: value.default for key, value in parameters(architecture).items()}
    heads = len(architecture.labels_of(defaults | settings))
    backbone = classifier(name, len(tokenizer), encoder.tokenizer.pad_token_id, heads=heads)
    pooling = "first" if "bert" in name else "last"
    return architecture(backbone, pooling, **settings).eval(), encoder


def saved(folder: Path, name: str = "llama", change: Callable[[Scalar], None] | None = None) -> Contract:
    """Save a tiny artefact at ``folder``."""
    model, encoder = tiny(name)
    if change:
        change(model)
    return save(folder, model, encoder, RECIPE, history=[{"step": 1, "loss": 0.69}])
