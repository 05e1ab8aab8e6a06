"""Forward passes for scoring: what shares a prompt goes through together, and no pass exceeds a budget of tokens."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from plaudit.encoding.encode import encode_sequences
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.encoding.packing import collate_sequences
from plaudit.models.headed import Headed

BUDGET = 16384
"""Packed tokens a forward pass, unless a single sequence is longer."""


class NonFiniteReward(ArithmeticError):
    """The model gave NaN or infinity: its weights or its dtype are broken. It is never passed on as a reward."""


def rewards_of(model: Headed, sequences: Iterable[Tokens], budget: int = BUDGET) -> NDArray[np.float64]:
    """Return the reward of each sequence, float64 [N], in the order given; equal sequences are computed once.

    Raises:
        NonFiniteReward: a reward is NaN or infinite.
    """
    encoded, places = encode_sequences(sequences)
    rewards = np.zeros(encoded.sequences)
    for part in plan(encoded, share=model.shares, budget=budget):
        rewards[part] = _forward(model, encoded, part)
    return rewards[places]


def _forward(model: Headed, encoded: EncodedSet, part: list[int]) -> NDArray[np.float64]:
    """Return the rewards of ``part`` in its own order."""
    device = next(model.parameters()).device
    batch = collate_sequences(encoded, part, share=model.shares)
    with torch.inference_mode():
        values = model(batch.to(device)).scalar.double().cpu().numpy()
    if not np.isfinite(values).all():
        bad = batch.sequences[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise NonFiniteReward(f"the reward of a sequence of {len(encoded.ids(bad))} tokens is not a finite number")
    place = {sequence: index for index, sequence in enumerate(batch.sequences)}
    return np.asarray(values[[place[sequence] for sequence in part]])


def plan(encoded: EncodedSet, *, share: bool, budget: int = BUDGET) -> Iterator[list[int]]:
    """Yield every sequence once, in parts of at most ``budget`` packed tokens (or of one longer sequence).

    Sequences of one prompt stay together as far as the budget allows; others are taken by length, so that a part's are
    alike.
    """
    part: list[int] = []
    used, open_key = 0, 0
    for sequence in _ordered(encoded, share=share):
        length, key = int(encoded.lengths[sequence]), int(encoded.prompt_keys[sequence]) if share else 0
        shared = int(encoded.response_starts[sequence]) if part and key and key == open_key else 0
        if part and used + length - shared > budget:
            yield part
            part, used, shared = [], 0, 0
        part.append(sequence)
        used, open_key = used + length - shared, key
    if part:
        yield part


def _ordered(encoded: EncodedSet, *, share: bool) -> Sequence[int]:
    """Return all sequences, by the length of their family's longest member, then family, then length."""
    lengths = encoded.lengths
    if not share:
        return [int(place) for place in np.argsort(lengths, kind="stable")]
    longest: dict[int, int] = {}
    for key, length in zip(encoded.prompt_keys.tolist(), lengths.tolist(), strict=True):
        longest[key] = max(length, longest.get(key, 0))
    order = [
        (longest[key] if key else length, key, length, place)
        for place, (key, length) in enumerate(zip(encoded.prompt_keys.tolist(), lengths.tolist(), strict=True))
    ]
    return [place for *_, place in sorted(order)]
