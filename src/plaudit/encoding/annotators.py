"""Annotators as numbers: a name has the same key in every set, so what is learned of a person fits all of them."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

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
