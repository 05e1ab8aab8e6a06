"""Annotators as numbers: a name has the same key in every set, so what is learned of a person fits all of them.

Ann and Bob say the same of two responses and differ on the next two; Cyd says the opposite of both on the first:

>>> chosen, rejected = [0, 0, 2, 3, 1], [1, 1, 3, 2, 0]
>>> agreement(chosen, rejected, [False] * 5, [1, 2, 1, 2, 3])
{1: (-1.0, 2), 2: (-1.0, 2), 3: (-1.0, 1)}
"""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

NOBODY = 0
"""The key of a comparison that names no annotator."""


def annotator_key(name: str) -> int:
    """Return the key of an annotator, from 1 to 2⁶³ - 1, or `NOBODY` for an empty name."""
    if not name:
        return NOBODY
    return 1 + int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) % (2**63 - 1)


def annotator_columns(names: Iterable[str]) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return the keys of the annotators of comparisons, int64 [M], and their names; None and () if none is named."""
    given = list(names)
    known = {name: annotator_key(name) for name in given}
    if not any(known):
        return None, ()
    return np.array([known[name] for name in given], np.int64), tuple(sorted(name for name in known if name))


def agreement(
    chosen: ArrayLike, rejected: ArrayLike, tie: ArrayLike, annotator: ArrayLike
) -> dict[int, tuple[float, int]]:
    """Return for each key how far others said the same of the same two responses, and in how many comparisons.

    A comparison counts from 1, where all others said the same, to -1, where all said the opposite; ties count 0. Only
    comparisons of two responses that another named annotator compared as well are counted.

    Args:
        chosen: the preferred responses [M], as numbers.
        rejected: the others [M].
        tie: whether neither was preferred [M].
        annotator: who said so, keys [M].
    """
    ends = np.stack([np.asarray(chosen, np.int64), np.asarray(rejected, np.int64)], axis=1)
    keys, equal = np.asarray(annotator, np.int64), np.asarray(tie, bool)
    named = keys != NOBODY
    ends, keys, equal = ends[named], keys[named], equal[named]
    said = np.where(equal, 0.0, np.where(ends[:, 0] < ends[:, 1], 1.0, -1.0))
    pair = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    own = np.unique(np.stack([pair, keys], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    others = np.bincount(pair)[pair] - np.bincount(own)[own]
    lead = np.bincount(pair, said)[pair] - np.bincount(own, said)[own]
    beside = np.divide(said * lead, others, out=np.zeros_like(said), where=others > 0)
    people, place = np.unique(keys, return_inverse=True)
    totals, counts = np.bincount(place, beside, len(people)), np.bincount(place, others > 0, len(people))
    rows = zip(people.tolist(), totals.tolist(), counts.astype(int).tolist(), strict=True)
    return {key: (total, count) for key, total, count in rows if count}
