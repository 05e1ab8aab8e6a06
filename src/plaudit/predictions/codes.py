"""Codes: whole numbers counted from 0, in a pass over the values where these lie close together.

>>> import numpy as np
>>> [part.tolist() for part in coded(np.array([7, 3, 7, 4]))]
[[3, 4, 7], [2, 0, 2, 1]]
"""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

SPREAD = 4
"""A table of the numbers between the least and the largest is made where it has so many times the values' entries."""


def coded(values: Integers) -> tuple[Integers, Integers]:
    """Return the different values, ascending, and the place of each value among them, int64 [M]; as `numpy.unique`."""
    if not _close(values):
        found, places = np.unique(values, return_inverse=True)
        return found, places
    shifted, seen = _table(values)
    return np.flatnonzero(seen) + values.min(), (np.cumsum(seen) - 1)[shifted]


def distinct(values: Integers) -> int:
    """Return how many different values there are."""
    return int(np.count_nonzero(_table(values)[1])) if _close(values) else int(np.unique(values).size)


def _close(values: Integers) -> bool:
    return bool(values.size) and int(values.max()) - int(values.min()) < SPREAD * values.size


def _table(values: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Return the values less the least, and which numbers from that on are there."""
    shifted = values - values.min()
    seen = np.zeros(int(shifted.max()) + 1, np.bool_)
    seen[shifted] = True
    return shifted, seen
