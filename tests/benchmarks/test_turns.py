"""Two systems taking turns."""

import numpy as np
import pytest

from benchmarks.arms.turns import agreement, take_turns


def test_each_goes_once_untimed_and_then_in_alternating_order() -> None:
    """Both warm up; then who begins changes with every repeat; each is told the repeat's number."""
    calls: list[str] = []

    found = take_turns(lambda n: calls.append(f"ours{n}"), lambda n: calls.append(f"peer{n}"), 3)

    assert calls == ["peer0", "ours0", "peer0", "ours0", "ours1", "peer1", "peer2", "ours2"]
    assert (len(found.ours), len(found.peer)) == (3, 3)
    assert min(found.ours + found.peer) > 0


def test_agreement_by_hand() -> None:
    """One swap among four: 1 - 6 × 2 / (4 × 15) = 0.8."""
    found = agreement(np.array([1.0, 3.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.5]))

    assert found["rank_correlation"] == pytest.approx(0.8)
    assert found["largest_difference"] == 1.0
    assert found["responses"] == 4
