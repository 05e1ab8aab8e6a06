"""plaudit's side of the common checkpoints: encoders, encoded pairs and models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encode import encode_all
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.sampling import plan
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.precision import DTYPES
from plaudit.preferences.preference import Comparison, Message, Preference, Response

Turn = dict[str, str]
Pair = dict[str, list[Turn]]
"""``prompt``, ``chosen`` and ``rejected``, each as messages: TRL's conversational shape."""


def encoder_of(folder: Path, max_length: int, template: str = "chatml") -> Encoder:
    """Return an encoder around the tokenizer of a checkpoint."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return Encoder(tokenizer, for_tokenizer(tokenizer, template), max_length)


def scalar_of(folder: Path, dtype: str, pooling: str = "last") -> Scalar:
    """Return the reward model in ``folder``, with fp32 weights, computing in ``dtype``, in evaluation mode."""
    classifier = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    return Scalar(classifier, pooling, compute_dtype=DTYPES[dtype]).eval()


def preference_of(pair: Pair) -> Preference:
    """Return a pair as a record."""
    chosen, rejected = (Response(content=messages(pair[side])) for side in ("chosen", "rejected"))
    edges = (Comparison(chosen=0, rejected=1),)
    return Preference(prompt=messages(pair["prompt"]), responses=(chosen, rejected), comparisons=edges)


def messages(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Return turns as messages."""
    return tuple(Message(turn["role"], turn["content"]) for turn in turns)


def in_planned_order(pairs: Sequence[Pair], encoder: Encoder, batch_size: int, seed: int) -> EncodedSet:
    """Encode ``pairs`` so that plaudit's first epoch under ``seed`` takes them in the order given.

    Raises:
        ValueError: the planned order would be another.
    """
    order = plan(np.ones(len(pairs)), batch_size=batch_size, seed=seed).order
    placed: list[Pair] = [pairs[0]] * len(pairs)
    for pair, place in zip(pairs, order.tolist(), strict=True):
        placed[place] = pair
    encoded = encode_all(map(preference_of, placed), encoder)
    keys = encoded.prompt_keys[encoded.record_sequences[encoded.record_offsets[:-1]]]
    grouped = plan(encoded.record_sizes(), batch_size=batch_size, seed=seed, groups=keys).order
    if not np.array_equal(grouped, order):
        raise ValueError("two pairs have the same prompt, so that plaudit takes the pairs in another order")
    return encoded


def planned_ids(encoded: EncodedSet, batch_size: int, seed: int) -> list[list[int]]:
    """Return the token ids of chosen and rejected, pair by pair in the order of the first epoch."""
    order = plan(encoded.record_sizes(), batch_size=batch_size, seed=seed).order
    sides = [(encoded.chosen[record], encoded.rejected[record]) for record in order]
    return [encoded.ids(int(side)).tolist() for pair in sides for side in pair]
