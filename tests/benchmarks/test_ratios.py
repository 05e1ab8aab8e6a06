"""Ratios, their intervals and what counts as met."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from benchmarks.ratios import Comparison, Ratio, Target, ratio_of, table

VALUES = st.lists(st.tuples(*[st.floats(0.01, 1000)] * 2), min_size=2, max_size=12)


@given(VALUES)
def test_interval_agrees_with_another_library(pairs: list[tuple[float, float]]) -> None:
    """The mean and the t interval are statsmodels', taken on the logarithms."""
    ours, peer = (np.array(side) for side in zip(*pairs, strict=True))
    logs = DescrStatsW(np.log(ours / peer))

    found = ratio_of(ours.tolist(), peer.tolist())

    low, high = np.exp(logs.tconfint_mean(alpha=0.05))
    assert math.isclose(found.mean, float(np.exp(logs.mean)), rel_tol=1e-9)
    assert math.isclose(found.low, low, rel_tol=1e-6)
    assert math.isclose(found.high, high, rel_tol=1e-6)


def test_interval_of_five_by_hand() -> None:
    """Five ratios e^1…e^5: mean e^3, half width 2.7764 × sqrt(2.5) / sqrt(5) in logarithms."""
    found = ratio_of([math.exp(power) for power in range(1, 6)], [1.0] * 5)

    half = 2.7764451 * math.sqrt(2.5) / math.sqrt(5)
    assert found.mean == pytest.approx(math.exp(3))
    assert (found.low, found.high) == pytest.approx((math.exp(3 - half), math.exp(3 + half)))


@given(VALUES)
def test_swapping_the_sides_inverts_the_ratio(pairs: list[tuple[float, float]]) -> None:
    """Who is called the peer does not matter: the interval is turned over."""
    ours, peer = zip(*pairs, strict=True)

    there, back = ratio_of(ours, peer), ratio_of(peer, ours)

    assert there.mean == pytest.approx(1 / back.mean)
    assert there.low == pytest.approx(1 / back.high)


def test_drift_shared_by_both_sides_leaves_no_spread() -> None:
    """Repeats are compared pair by pair: a machine that slows both down alike does not widen the interval."""
    found = ratio_of([6.0, 3.0, 1.5], [2.0, 1.0, 0.5])

    assert (found.low, found.mean, found.high) == pytest.approx((3.0, 3.0, 3.0))


@pytest.mark.parametrize(
    ("ours", "peer", "words"),
    [
        ([1.0], [1.0], "two or more"),
        ([1.0, 2.0], [1.0], "2 values of ours and 1"),
        ([1.0, 0.0], [1.0, 1.0], "positive and finite, not 0"),
        ([1.0, 1.0], [1.0, math.nan], "positive and finite, not nan"),
    ],
)
def test_what_cannot_be_compared_is_refused(ours: list[float], peer: list[float], words: str) -> None:
    """One repeat has no spread; counts must match; times and sizes are positive."""
    with pytest.raises(ValueError, match=words):
        ratio_of(ours, peer)


def test_the_unfavourable_end_counts() -> None:
    """A mean beyond the target is not enough on either side."""
    ratio = Ratio(5.0, 4.0, 6.0, (5.0,))

    assert not Target(4.5).met(ratio)
    assert Target(4.0).met(ratio)
    assert not Target(5.5, "at most").met(ratio)
    assert Target(6.0, "at most").met(ratio)


def test_the_table_says_what_was_met() -> None:
    """Each comparison is one line with its verdict; one without a target has none."""
    made = {"unit": "pairs/s", "ours": (6.0, 6.0), "peer": (2.0, 2.0)}
    met = Comparison(what="first", target=Target(3.0), **made)  # type: ignore[arg-type]
    missed = Comparison(what="second", target=Target(2.0, "at most"), **made)  # type: ignore[arg-type]
    free = Comparison(what="third", **made)  # type: ignore[arg-type]

    lines = table([met, missed, free]).splitlines()

    assert " ".join(lines[1].split()) == "first 6 pairs/s 2 pairs/s 3.00 [3.00, 3.00] at least 3 met"
    assert lines[2].endswith("at most 2   missed")
    assert lines[3].endswith("none")
