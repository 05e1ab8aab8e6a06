"""Preferences that no order of the responses satisfies: pairs decided both ways, and circles.

>>> circles([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])
([], [0, 1, 2])
>>> circles([("a", "b"), ("b", "a"), ("b", "c")])
([0, 1], [])
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ends = Sequence[tuple[str, str]]
"""Preferred and other response of each comparison, by any name."""


def circles(ends: Ends) -> tuple[list[int], list[int]]:
    """Return which comparisons are decided the other way too, and which of the others lie on a circle.

    A comparison of a response with itself is neither.
    """
    known = set(ends)
    turned = [at for at, (one, other) in enumerate(ends) if one != other and (other, one) in known]
    left = [at for at, (one, other) in enumerate(ends) if one != other and (other, one) not in known]
    return turned, [left[at] for at in _circling([ends[at] for at in left])]


def _circling(ends: Ends) -> list[int]:
    """Return the comparisons both of whose ends can be reached from each other."""
    if len(ends) < 3:
        return []
    number = {name: at for at, name in enumerate(dict.fromkeys(name for pair in ends for name in pair))}
    rows, columns = np.array([[number[name] for name in pair] for pair in ends]).T
    graph = coo_array((np.ones(len(ends)), (rows, columns)), shape=(len(number), len(number)))
    of: np.ndarray = connected_components(graph, directed=True, connection="strong")[1]
    return np.flatnonzero(of[rows] == of[columns]).tolist()
