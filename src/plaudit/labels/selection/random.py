"""Drawn at random, each comparison as likely as any other: what every other way of choosing is held against.

A random batch is a fair sample of the pool: what is measured on its labels holds for the pool, which is not so of
batches that were chosen.

>>> import numpy as np
>>> from plaudit.labels.pool import Pool
>>> places = Random()(Pool(margins=np.zeros(9)), 3, np.random.default_rng(0))
>>> len(set(places.tolist()))
3
"""

import numpy as np

from plaudit.labels.pool import Ints, Pool
from plaudit.labels.selection import Selector


class Random(Selector):
    """Comparisons drawn without replacement, all equally likely."""

    def ranked(self, pool: Pool, count: int) -> Ints:
        """Return the first places: the pool is in random order."""
        return np.arange(min(count, len(pool)))
