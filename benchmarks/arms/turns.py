"""Two systems taking turns in one process."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

Rewards = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Turns:
    """What the two did in each repeat.

    Attributes:
        ours, peer: seconds of each repeat.
    """

    ours: list[float]
    peer: list[float]


def take_turns(ours: Callable[[int], Any], peer: Callable[[int], Any], repeats: int) -> Turns:
    """Time ``peer(i)`` and ``ours(i)`` one after the other, in turns about who begins, after one untimed go of each."""
    peer(0)
    ours(0)
    taken: dict[str, list[float]] = {"ours": [], "peer": []}
    for repeat in range(repeats):
        sides = [("peer", peer), ("ours", ours)]
        for name, side in sides if repeat % 2 == 0 else reversed(sides):
            began = time.perf_counter()
            side(repeat)
            taken[name].append(time.perf_counter() - began)
    return Turns(**taken)


def agreement(ours: Rewards, peer: Rewards) -> dict[str, float]:
    """Return how far two lists of rewards agree: rank correlation, and the largest difference beside the spread."""
    return {
        "rank_correlation": float(spearmanr(ours, peer).statistic),
        "largest_difference": float(np.abs(ours - peer).max()),
        "spread": float(np.std(peer)),
        "responses": len(ours),
    }
