"""Pools with known contents."""

import numpy as np

from plaudit.labels.pool import Pool


def drawn(seed: int = 0, size: int = 40, width: int = 5, members: int = 6) -> Pool:
    """A pool that holds everything, all of it random, four comparisons a prompt."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(size=size)
    return Pool(
        margins,
        margins + rng.normal(size=(members, size)),
        (rng.normal(size=(size, width)), rng.normal(size=(size, width))),
        np.arange(size) // 4,
    )


def turned(pool: Pool) -> Pool:
    """The same comparisons, each the other way round."""
    assert pool.members is not None
    assert pool.features is not None
    return Pool(-pool.margins, -pool.members, pool.features[::-1], pool.groups, pool.precision)
