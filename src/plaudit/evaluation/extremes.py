"""Extremes: the responses of highest and lowest reward, and the mistakes that the model is surest of, to be read."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from plaudit.evaluation.distributions import compared
from plaudit.predictions import Predictions

OFTEN = 1
"""In so many of the mistakes shown one response may be, or one odd response would be all there is to read."""


def highest(predictions: Predictions, count: int, known: Iterable[int] | None = None) -> list[int]:
    """Return the places of the ``count`` responses of highest reward, highest first.

    Args:
        predictions: the scored comparisons.
        count: how many.
        known: places of responses to choose from; all that are compared by default.
    """
    return _sorted(predictions, known)[::-1][:count]


def lowest(predictions: Predictions, count: int, known: Iterable[int] | None = None) -> list[int]:
    """Return the places of the ``count`` responses of lowest reward, lowest first; see `highest`."""
    return _sorted(predictions, known)[:count]


def _sorted(predictions: Predictions, known: Iterable[int] | None) -> list[int]:
    found = compared(predictions)
    kept = found if known is None else found[np.isin(found, np.fromiter(known, np.int64))]
    order: list[int] = kept[np.argsort(predictions.rewards[kept], kind="stable")].tolist()
    return order


def mistakes(predictions: Predictions, count: int, known: Iterable[int] | None = None) -> list[int]:
    """Return the places of the ``count`` comparisons that the model gets wrong with the widest margin, widest first.

    Args:
        predictions: the scored comparisons; ties are no mistakes.
        count: how many.
        known: places of responses that can be shown; all by default.
    """
    shown = np.ones(predictions.rewards.size, bool)
    if known is not None:
        shown[:] = False
        shown[np.fromiter(known, np.int64)] = True
    both = shown[predictions.chosen] & shown[predictions.rejected]
    wrong = both & (predictions.outcome == 1) & (predictions.weight > 0) & (predictions.margins < 0)
    places = np.flatnonzero(wrong)
    seen: Counter[int] = Counter()
    found: list[int] = []
    for place in places[np.argsort(predictions.margins[places], kind="stable")].tolist():
        sides = (int(predictions.chosen[place]), int(predictions.rejected[place]))
        if len(found) < count and max(seen[side] for side in sides) < OFTEN:
            seen.update(sides)
            found.append(place)
    return found
