"""A batch to label: chosen comparisons, and among them a share drawn at random, marked as such.

The random ones come first to be drawn, from the whole pool, so they are a fair sample of it: models can be measured
on them, and what choosing was worth can be seen by learning from the one part or the other. They are spread evenly over
the batch, so that whoever stops early has both.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plaudit.labels.pool import BadPool, Floats, Ints, Pool
from plaudit.labels.selection import Select
from plaudit.labels.selection.random import Random

RANDOM, CHOSEN = "random", "chosen"
SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Batch:
    """Comparisons to label, the first first.

    Attributes:
        places: int64 [count], of the pool.
        arms: [count], how each got there: `RANDOM` or `CHOSEN`.
    """

    places: Ints
    arms: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.places)

    def of(self, arm: str) -> Ints:
        """Return the places of one arm, in order."""
        return self.places[self.arms == arm]


def draw(select: Select, pool: Pool, count: int, *, random_share: float = SHARE, seed: int = 0) -> Batch:
    """Return a batch of ``count`` comparisons of ``pool``.

    Args:
        select: what chooses; where it is itself `Random`, the whole batch is of the random arm.
        pool: what there is.
        count: how many, 1 or more.
        random_share: share of the batch that is drawn at random, above 0 and at most 1; at least one comparison is.
        seed: of all that is drawn. The random arm does not hang on what chooses the rest.

    Raises:
        BadPool: the pool holds fewer, or lacks what ``select`` goes by.
        ValueError: the share makes no sense.
    """
    if not 0 < random_share <= 1:
        raise ValueError(f"random_share must be above 0 and at most 1, not {random_share}: some are always random")
    if not 1 <= count <= len(pool):
        raise BadPool(f"{count} comparisons cannot be chosen from a pool of {len(pool)}; ask for 1 to {len(pool)}")
    for_random, for_choosing = np.random.default_rng(seed).spawn(2)
    drawn = count if isinstance(select, Random) else max(1, math.floor(random_share * count + 0.5))
    by_chance = Random()(pool, drawn, for_random)
    rest = np.setdiff1d(np.arange(len(pool)), by_chance)
    chosen = rest[select(pool.select(rest), count - drawn, for_choosing)]
    return _interleaved(by_chance, chosen)


def _interleaved(by_chance: Ints, chosen: Ints) -> Batch:
    """Return both arms in one order, each spread evenly over it."""
    places = np.concatenate([by_chance, chosen])
    arms = np.array([RANDOM] * len(by_chance) + [CHOSEN] * len(chosen), object)
    order = np.argsort(np.concatenate([_steps(len(by_chance)), _steps(len(chosen))]), kind="stable")
    return Batch(places[order], arms[order])


def _steps(count: int) -> Floats:
    return (np.arange(count) + 0.5) / max(count, 1)
