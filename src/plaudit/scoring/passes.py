"""Forward passes for scoring: what shares a prompt goes through together, and no pass exceeds a budget of tokens."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from plaudit.encoding.batch import Batch
from plaudit.encoding.encode import encode_sequences
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.encoding.packing import collate_sequences
from plaudit.models.headed import Headed
from plaudit.models.heads import UnsupportedHead, penultimate

BUDGET = 16384
"""Packed tokens a forward pass, unless a single sequence is longer."""


class NonFiniteReward(ArithmeticError):
    """The model gave NaN or infinity: its weights or its dtype are broken. It is never passed on as a reward."""


def rewards_of(model: Headed, sequences: Iterable[Tokens], budget: int = BUDGET) -> NDArray[np.float64]:
    """Return the reward of each sequence, float64 [N]; otherwise as `columns_of`."""
    return columns_of(model, sequences, budget)[:, 0]


def columns_of(
    model: Headed, sequences: Iterable[Tokens], budget: int = BUDGET, *, deviations: bool = False
) -> NDArray[np.float64]:
    """Return rewards, parts and variance of each sequence, float64 [N, `Headed.columns`], in the order given.

    Equal sequences are computed once. With ``deviations``, the model's `Headed.directions` columns of them come after.

    Raises:
        NonFiniteReward: a number is NaN or infinite.
    """
    width = len(model.columns) + (model.directions if deviations else 0)
    return _each(model, sequences, lambda batch: _columns(model, batch, deviations=deviations), width, budget)


def logits_of(model: Headed, sequences: Iterable[Tokens]) -> NDArray[np.float64]:
    """Return the head's own outputs for each sequence, float64 [N, labels]; otherwise as `columns_of`."""
    return _each(model, sequences, lambda batch: model.logits(model.features(batch)), len(model.labels), BUDGET)


def features_of(model: Headed, sequences: Iterable[Tokens]) -> NDArray[np.float32]:
    """Return what the head's last linear layer reads of each sequence, float32 [N, F]; otherwise as `columns_of`.

    Of a head that does not show what is inside it, what the whole head reads.
    """
    encoded, places = encode_sequences(sequences)
    parts = list(plan(encoded, share=model.shares))
    read = [_forward(model, encoded, part, lambda batch: _read(model, batch)) for part in parts]
    found = np.zeros((encoded.sequences, read[0].shape[1] if read else 0), np.float32)
    for part, rows in zip(parts, read, strict=True):
        found[part] = rows
    return found[places]


def _read(model: Headed, batch: Batch) -> torch.Tensor:
    features = model.features(batch)
    try:
        return penultimate(model.classifier, features)
    except UnsupportedHead:
        return features


def _columns(model: Headed, batch: Batch, *, deviations: bool) -> torch.Tensor:
    rewards = model(batch)
    varied = [] if rewards.variance is None else [rewards.variance[:, None]]
    more = [rewards.deviations] if deviations and rewards.deviations is not None else []
    return torch.cat([rewards.values, *varied, *more], dim=1)


def _each(
    model: Headed, sequences: Iterable[Tokens], compute: Callable[[Batch], torch.Tensor], width: int, budget: int
) -> NDArray[np.float64]:
    encoded, places = encode_sequences(sequences)
    found = np.zeros((encoded.sequences, width))
    for part in plan(encoded, share=model.shares, budget=budget):
        found[part] = _forward(model, encoded, part, compute)
    return found[places]


def _forward(
    model: Headed, encoded: EncodedSet, part: list[int], compute: Callable[[Batch], torch.Tensor]
) -> NDArray[np.float64]:
    """Return what ``compute`` gives for ``part``, in its own order."""
    device = next(model.parameters()).device
    batch = collate_sequences(encoded, part, share=model.shares)
    with torch.inference_mode():
        values = compute(batch.to(device)).double().cpu().numpy()
    if not np.isfinite(values).all():
        bad = batch.sequences[int(np.argwhere(~np.isfinite(values))[0, 0])]
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
