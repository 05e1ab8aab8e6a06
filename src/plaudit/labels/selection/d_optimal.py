r"""D-optimal design on the last layer: comparisons that together leave the least unknown of its weights.

Under Bradley-Terry a label of a comparison with the feature difference :math:`x = \phi_a - \phi_b` has the Fisher
information :math:`p (1 - p)\,x x^\top` about the weights of the last layer. Comparisons are taken one after the other,
each the one that adds most to

.. math:: \log\det\Bigl(\lambda I + \sum_i p_i (1 - p_i)\,x_i x_i^\top\Bigr),

which is :math:`\log(1 + p (1 - p)\,x^\top A^{-1} x)` for the matrix :math:`A` so far. After each,
:math:`x^\top A^{-1} x` of all comparisons is brought up to date by the rank-one formula of Sherman and Morrison, at a
cost of :math:`N d`. What was asked adds little again, so diversity is part of it.

Source: Sherman and Morrison, Adjustment of an Inverse Matrix (1950); Nemhauser, Wolsey and Fisher, An analysis of
approximations for maximizing submodular set functions (1978): the greedy batch has at least 63 % of the gain of the
best one; Shen, Sun and Ton, Reviving The Classics: Active Reward Modeling in Large Language Model Alignment (2025).

>>> import numpy as np
>>> from plaudit.labels.pool import Pool
>>> first = np.array([[2.0, 0.0], [1.9, 0.0], [0.0, 1.0]])
>>> DOptimal()(Pool(np.zeros(3), features=(first, 0 * first)), 2, np.random.default_rng(0)).tolist()
[0, 2]
"""

from typing import ClassVar

import numpy as np
from scipy.special import expit

from plaudit.labels.pool import Floats, Ints, Pool
from plaudit.labels.selection import Selector


class DOptimal(Selector):
    """Comparisons whose labels together determine the weights of the last layer best.

    Args:
        precision: λ, in the units of the features. By default that of the pool, or where it has none, the mean
            information of a comparison spread over all directions: as if one average label were known beforehand.

    Raises:
        ValueError: ``precision`` is not above 0.
    """

    needs: ClassVar[tuple[str, ...]] = ("features",)

    def __init__(self, precision: float | None = None) -> None:
        if precision is not None and not 0 < precision < np.inf:
            raise ValueError(f"precision must be a finite number above 0, not {precision}")
        self.precision = precision

    def ranked(self, pool: Pool, count: int) -> Ints:
        """Return the places of the greedy design, in the order in which they are added."""
        scaled = _scaled(pool, self.precision)
        unknown = (scaled**2).sum(1)
        taken = np.zeros(len(pool), bool)
        found = np.zeros(count, np.int64)
        directions, sizes = np.zeros((count, scaled.shape[1])), np.zeros(count)
        for number in range(count):
            place = found[number] = int(np.argmax(np.where(taken, -1.0, unknown)))
            taken[place] = True
            row = scaled[place]
            known = directions[:number]
            solved = row - (known @ row / sizes[:number]) @ known
            directions[number], sizes[number] = solved, 1 + row @ solved
            unknown = np.maximum(unknown - (scaled @ solved) ** 2 / sizes[number], 0.0)
        return found


def _scaled(pool: Pool, precision: float | None) -> Floats:
    """Return the feature differences times the root of p (1 - p) / λ, so that the design begins at the identity."""
    differences = pool.differences
    assert differences is not None
    rows = differences * np.sqrt(expit(pool.margins) * expit(-pool.margins))[:, None]
    prior = pool.precision if precision is None else precision
    if prior is None:
        prior = float((rows**2).mean()) if len(rows) else 1.0
    return np.asarray(rows / np.sqrt(prior or 1.0), np.float64)
