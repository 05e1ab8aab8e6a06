"""Tiny reward models with random weights and the tokenizers of their families."""

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import PreTrainedModel

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.models.architectures.scalar import Scalar
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


def classifier(name: str, vocabulary: int, pad: int | None) -> PreTrainedModel:
    """Return a sequence classifier of a family whose rewards are well apart."""
    config = (decoders() | encoders())[name]
    config.vocab_size, config.max_position_embeddings, config.pad_token_id = vocabulary, 1024, pad
    config.eos_token_id = config.bos_token_id = None
    return build(config).eval()


def tiny(name: str = "llama", pooling: str | None = None, choice: str = "auto") -> tuple[Scalar, Encoder]:
    """Return a reward model of family ``name`` and its encoder."""
    tokenizer = family(TOKENIZERS[name])
    encoder = Encoder(tokenizer, for_tokenizer(tokenizer, choice), MAX_LENGTH)
    backbone = classifier(name, len(tokenizer), encoder.tokenizer.pad_token_id)
    return Scalar(backbone, pooling or ("first" if "bert" in name else "last")).eval(), encoder


def saved(folder: Path, name: str = "llama", change: Callable[[Scalar], None] | None = None) -> Contract:
    """Save a tiny artefact at ``folder``."""
    model, encoder = tiny(name)
    if change:
        change(model)
    return save(folder, model, encoder, RECIPE, history=[{"step": 1, "loss": 0.69}])
