"""Bootstrap: numbers that follow from sums over items, with intervals from prompts drawn anew."""

from collections.abc import Callable

import numpy as np

from plaudit.evaluation.intervals import FEWEST_GROUPS, LEVEL, Estimate, require_resamples, too_few, upper_level
from plaudit.evaluation.resampling import Sums, Units, draws
from plaudit.labels.items import Integers
from plaudit.labels.votes import Floats

Combine = Callable[[Floats], Floats]


def estimate(
    columns: Floats,
    combine: Combine,
    group: Integers,
    *,
    resamples: int = 2000,
    seed: int = 0,
    share: bool = False,
) -> Estimate:
    """Return the number that ``combine`` makes of the sums of columns, with its 95 % interval.

    Args:
        columns: float64 [I, K], a row an item; rows of zeros are no part of the sample.
        combine: from sums [..., K] to numbers [...].
        group: int64 [I], items that are drawn together.
        resamples: their number, at least 100.
        seed: theirs.
        share: whether it is a share of items, which has an exact interval where it is 0 or 1.

    Raises:
        ValueError: too few resamples.
    """
    require_resamples(resamples)
    there = columns.any(1)
    value = float(combine(columns.sum(0)))
    groups = np.unique(group[there]).size
    if not np.isfinite(value):
        return Estimate(value, None, None, "all votes say the same, or none can be compared" if groups else "no votes")
    if groups < FEWEST_GROUPS:
        return Estimate(value, None, None, too_few(groups))
    if share and min(value, 1 - value) < 1e-9:
        reach = ((1 - LEVEL) / 2) ** (1 / groups)
        return Estimate(value, reach, 1.0) if value > 0.5 else Estimate(value, 0.0, 1 - reach)
    found = combine(resampled(columns[there], group[there], resamples=resamples, seed=seed))
    return _read_off(value, found[np.isfinite(found)], groups)


def _read_off(value: float, found: Floats, groups: int) -> Estimate:
    if not found.size or np.ptp(found) < 1e-12:
        return Estimate(value, None, None, "it is the same in every resample")
    edge = upper_level(groups)
    low, high = np.quantile(found, (1 - edge, edge))
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def resampled(columns: Floats, group: Integers, *, resamples: int = 2000, seed: int = 0) -> Floats:
    """Return the sums of columns [I, K] in each resample of the groups, float64 [B, K]."""
    names, places = np.unique(group, return_inverse=True)
    units = Units(names.size, places, places, np.ones(places.size))
    sums = Sums(units, [columns])
    for block in draws(units, resamples, np.random.SeedSequence(seed)):
        sums.add(block)
    return sums.total()[0]
