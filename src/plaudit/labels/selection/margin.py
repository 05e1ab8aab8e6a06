r"""Closest to even: the comparisons whose outcome the model is least sure of.

The score is the variance of the outcome, :math:`4 p (1 - p)` with :math:`p = \sigma(\Delta)`: 1 at a margin of 0. It
asks about what people may be split on as readily as about what the model has yet to learn: it cannot tell the two
apart, ``bald`` can.

Source: Lewis and Gale, A Sequential Algorithm for Training Text Classifiers (1994).

>>> import numpy as np
>>> from plaudit.labels.pool import Pool
>>> Margin()(Pool(margins=np.array([3.0, -0.1, 1.0])), 2, np.random.default_rng(0)).tolist()
[1, 2]
"""

import numpy as np
from scipy.special import expit

from plaudit.labels.pool import Floats, Pool
from plaudit.labels.selection import Scored


class Margin(Scored):
    """Comparisons whose margin is closest to 0.

    Args:
        diversity: how much being unlike those taken before counts beside the score: 0 or more; 0 takes the highest.
    """

    def score(self, pool: Pool) -> Floats:
        """Return the variance of the outcome, relative to that of a coin."""
        return np.asarray(4 * expit(pool.margins) * expit(-pool.margins), np.float64)
