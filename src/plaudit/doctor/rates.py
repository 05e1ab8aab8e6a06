"""Rates with their intervals, and the words for them.

>>> found = rate([1.0, 1.0, 0.0, 1.0], [0, 1, 2, 3])
>>> found.value
0.75
>>> told(found)
'75.0%'
"""

import numpy as np
from numpy.typing import ArrayLike

from plaudit.evaluation.intervals import Estimate, interval
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.predictions import Predictions

RESAMPLES = 1000
"""Resamples of groups behind each interval, where nobody says."""


def rate(
    hits: ArrayLike, groups: ArrayLike, weight: ArrayLike | None = None, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Return the share of hits with its 95 % interval from resampled groups.

    Args:
        hits: 1 for a hit, 0 for none, 0.5 for half of one, [M].
        groups: the unit that each belongs to, whole numbers [M].
        weight: how much each counts, 0 or more, [M]; 1 if not given.
        resamples: number of resamples, at least 100.
        seed: of them.

    Raises:
        ValueError: nothing is to be counted, or too few resamples.
    """
    found = np.asarray(hits, np.float64)
    scored = Predictions.from_pairs(found, 1 - found, group=groups, weight=weight)
    return interval(Accuracy(), scored, resamples, seed)


def told(estimate: Estimate) -> str:
    """Return a rate as people read it: ``75.0% [70.1%, 79.2%]``, without the brackets where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]"


def surely_above(estimate: Estimate, bound: float) -> bool:
    """Return whether the whole interval lies above ``bound``; never where there is no interval."""
    return estimate.low is not None and estimate.low > bound


def surely_below(estimate: Estimate, bound: float) -> bool:
    """Return whether the whole interval lies below ``bound``; never where there is no interval."""
    return estimate.high is not None and estimate.high < bound
