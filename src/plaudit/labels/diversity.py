r"""Batches that do not ask the same thing many times: scores, times what is new.

Two comparisons with the feature differences :math:`x_i, x_j` ask for the same to the degree
:math:`k_{ij} = \cos^2(x_i, x_j)`, whichever way round they are. Without features, two of one prompt do to the degree
one half, others not at all. The share of comparison :math:`i` that the set :math:`S` leaves unexplained is

.. math:: \rho_i = 1 - k_{iS}\,k_{SS}^{-1}\,k_{Si},

from 1 for something new to 0 for something that was asked. Taking, one after the other, the highest
:math:`s_i \rho_i^{\delta}` is with :math:`\delta = 1` the greedy maximisation of the determinant of
:math:`\mathrm{diag}(\sqrt s)\,k\,\mathrm{diag}(\sqrt s)` over the batch, the most probable batch of a determinantal
point process. One pick costs :math:`N (d + |S|)`.

Source: Chen, Zhang and Zhou, Fast Greedy MAP Inference for Determinantal Point Process (2018); Bıyık et al., Batch
Active Learning Using Determinantal Point Processes (2019).
"""

from collections.abc import Callable

import numpy as np

from plaudit.labels.pool import Floats, Ints, Pool

SAME_PROMPT = 0.5
"""How much two comparisons of one prompt have in common where nothing else is known of them."""
_LEAST = 1e-9
"""Share below which nothing is new."""

Likeness = Callable[[int], Floats]


def rank(scores: Floats, pool: Pool, count: int, diversity: float) -> Ints:
    """Return ``count`` places, the most wanted first; of equals the one that comes first.

    Args:
        scores: float64 [N], 0 or more.
        pool: the comparisons.
        count: how many, at most N.
        diversity: δ; 0 ranks by the score alone.
    """
    if not diversity:
        return np.argsort(-scores, kind="stable")[:count]
    likeness, left = likeness_of(pool), np.ones(len(pool))
    taken, factors = np.zeros(len(pool), bool), np.zeros((count, len(pool)))
    found = np.zeros(count, np.int64)
    for number in range(count):
        place = found[number] = _best(scores * left**diversity, left, taken)
        taken[place] = True
        if left[place] > _LEAST:
            known = factors[:number]
            factors[number] = (likeness(int(place)) - known[:, place] @ known) / np.sqrt(left[place])
            left = np.maximum(left - factors[number] ** 2, 0.0)
            left[left < _LEAST] = 0.0
    return found


def _best(worth: Floats, left: Floats, taken: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """Return the place of the highest worth; where none has any, of what is newest."""
    free = np.where(taken, -1.0, worth)
    place = int(np.argmax(free))
    return place if free[place] > 0 else int(np.argmax(np.where(taken, -1.0, left)))


def likeness_of(pool: Pool) -> Likeness:
    """Return a function from a place to how much each comparison asks for the same as it, float64 [N], 0 to 1."""
    differences = pool.differences
    if differences is None:
        groups = pool.groups

        def of_prompt(place: int) -> Floats:
            found = np.where(groups == groups[place], SAME_PROMPT, 0.0)
            found[place] = 1.0
            return found

        return of_prompt
    lengths = np.sqrt((differences**2).sum(1))
    directions = differences / np.where(lengths > 0, lengths, 1.0)[:, None]

    def of_direction(place: int) -> Floats:
        found = np.square(directions @ directions[place])
        found[place] = 1.0
        return np.asarray(found, np.float64)

    return of_direction
