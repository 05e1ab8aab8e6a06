"""Folds: fit on some groups, judge on others, so that nothing is ever judged by a fit that has seen its prompt.

Groups are dealt to folds at random. Where both sides of a comparison are of one group, each fold is judged by a fit
on all others. Where responses are drawn (`Predictions.by_response`) a comparison may touch two folds: it is judged by
a fit on the comparisons that touch neither, so with k folds there are up to k (k + 1) / 2 fits, each on about (1 - 2
/ k)² of the comparisons or more.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from plaudit.calibration.margins import bare
from plaudit.calibration.observed import Uncalibratable
from plaudit.evaluation.intervals import FEWEST_GROUPS
from plaudit.predictions import Floats, Integers, Predictions

FOLDS = 5
"""Folds where prompts are drawn."""

FOLDS_OF_RESPONSES = 8
"""Folds where responses are drawn."""

Judge = Callable[[Predictions, Predictions], Floats]
"""Given what to fit on and what to judge, returns one number for each comparison of the second."""


def usual(predictions: Predictions) -> int:
    """Return the number of folds where nobody says."""
    return FOLDS_OF_RESPONSES if predictions.by_response else FOLDS


def deal(groups: Integers, folds: int, seed: int) -> Integers:
    """Return the fold of each entry of ``groups`` [K], int64 [K], 0 to ``folds`` - 1; equal groups have equal folds."""
    found, place = np.unique(groups, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(found.size) % folds
    return np.asarray(dealt[place], dtype=np.int64)


def splits(predictions: Predictions, folds: int, seed: int) -> Iterator[tuple[Integers, Integers]]:
    """Yield (fit, judged): places of comparisons, int64; every comparison is judged once.

    Raises:
        Uncalibratable: fewer than 20 groups, or fewer than two folds (three where responses are drawn).
    """
    check(predictions, folds)
    left, right = deal(np.stack(predictions.comparison_groups).ravel(), folds, seed).reshape(2, -1)
    for first in range(folds):
        for second in range(first, folds):
            judged = (np.minimum(left, right) == first) & (np.maximum(left, right) == second)
            if judged.any():
                apart = ~np.isin(left, (first, second)) & ~np.isin(right, (first, second))
                yield np.flatnonzero(apart), np.flatnonzero(judged)


def cross_fitted(predictions: Predictions, judges: Mapping[str, Judge], folds: int, seed: int) -> dict[str, Floats]:
    """Return for each judge a number a comparison, float64 [M], from a fit that has not seen the comparison's groups.

    Args:
        predictions: at least 20 groups.
        judges: by name; all see the same splits.
        folds: how many parts groups are dealt to; see `usual`.
        seed: of the dealing.

    Raises:
        Uncalibratable: too few groups or folds, or a fold's complement allows no fit.
    """
    core = bare(predictions)
    found = {name: np.full(len(core), np.nan) for name in judges}
    for fit, judged in splits(core, folds, seed):
        seen, unseen = core.select(fit), core.select(judged)
        for name, judge in judges.items():
            found[name][judged] = judge(seen, unseen)
    return found


def check(predictions: Predictions, folds: int) -> None:
    """Refuse what cannot be cross-fitted; see `splits`."""
    groups, fewest = predictions.group_count, 3 if predictions.by_response else 2
    if groups < FEWEST_GROUPS:
        raise Uncalibratable(f"{groups} groups; fitting on some and judging on others needs at least {FEWEST_GROUPS}")
    if not fewest <= folds <= groups:
        raise Uncalibratable(f"folds must be from {fewest} to {groups}, the number of groups, not {folds}")
