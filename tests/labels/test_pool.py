"""A pool is arrays that belong together."""

from typing import Any

import numpy as np
import pytest

from plaudit.labels.pool import BadPool, Pool
from tests.labels.pools import drawn

ZEROS = np.zeros(3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margins": [[0.0]]}, r"margins must be \[N\], not of shape \[1, 1\]"),
        ({"margins": [0.0, np.nan]}, r"margins\[1\] is not a finite number \(1 are not\)"),
        (
            {"margins": ZEROS, "members": np.zeros((2, 4))},
            r"members must be \[K, 3\] of 2 or more members, not \[2, 4\]",
        ),
        ({"margins": ZEROS, "members": np.zeros((1, 3))}, r"2 or more members, not \[1, 3\]"),
        (
            {"margins": ZEROS, "members": np.full((2, 3), np.inf)},
            r"members\[0, 0\] is not a finite number \(6 are not\)",
        ),
        ({"margins": ZEROS, "features": (np.zeros((3, 2)),)}, "features must be two arrays.*not 1"),
        ({"margins": ZEROS, "features": (np.zeros((3, 2)), np.zeros((3, 1)))}, r"not \[3, 2\] and \[3, 1\]"),
        ({"margins": ZEROS, "features": (np.zeros((3, 0)), np.zeros((3, 0)))}, r"features must be \[3, d\] twice"),
        ({"margins": ZEROS, "groups": [0, 1]}, r"groups must be \[3\], one a comparison, not \[2\]"),
        ({"margins": ZEROS, "precision": 0.0}, "precision must be a finite number above 0"),
    ],
)
def test_what_does_not_belong_together_is_refused(arguments: dict[str, Any], message: str) -> None:
    """The message names the array and the shape it should have."""
    with pytest.raises(BadPool, match=message):
        Pool(**arguments)


def test_a_selection_keeps_rows_together() -> None:
    """Every array is selected alike."""
    pool = drawn()
    part = pool.select([3, 1])
    assert part.features is not None
    assert pool.features is not None
    assert part.members is not None
    assert pool.members is not None

    assert part.margins.tolist() == pool.margins[[3, 1]].tolist()
    assert part.members.tolist() == pool.members[:, [3, 1]].tolist()
    assert part.features[1].tolist() == pool.features[1][[3, 1]].tolist()
    assert part.groups.tolist() == pool.groups[[3, 1]].tolist()


def test_without_groups_each_comparison_is_its_own() -> None:
    """And an empty pool has none."""
    assert Pool(ZEROS).groups.tolist() == [0, 1, 2]
    assert len(Pool(np.zeros(0))) == 0


def test_what_it_holds_is_named() -> None:
    """By the names that selectors ask for."""
    assert (Pool(ZEROS).holds, drawn().holds) == ((), ("members", "features"))
    assert Pool(ZEROS).differences is None
