"""Aggregation: from several people's votes to a probability of each answer, and a skill of each of them.

A member is called with `Votes` and returns `Aggregated`. Which response of an
item is called first must not matter to it.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from plaudit.labels.votes import Floats, Votes

ANSWERS = ("first", "tie", "second")
"""What an item's probabilities are of, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated:
    """What votes amount to.

    Attributes:
        probabilities: float64 [I, 3], of the first response being preferred, of a tie, of the second; they sum to 1.
        skill: float64 [A], how far to trust each annotator, from 0 to 1, more is better; None where the method
            has none.
        bias: float64 [A], probability that the annotator takes the left where the two are equal to them; None where
            the method has none, NaN for those whose sides are not known.
    """

    probabilities: Floats
    skill: Floats | None = None
    bias: Floats | None = None


class Aggregator(Protocol):
    """A way of making one label of several votes. Constructor arguments are its settings."""

    def __call__(self, votes: Votes) -> Aggregated:
        """Return probabilities for each item, and a skill for each annotator where the method has one.

        Args:
            votes: each annotator's first on an item should be the only one; see `Votes.once`.
        """
        ...


def smoothed(counts: Floats, prior: float) -> Floats:
    """Return the shares of votes for the first, neither and the second, float64 [I, 3].

    Beforehand ``prior`` votes are put on either side, spread evenly over the three answers. Half of a tie counts for
    each side, so shares of sides are those of `plaudit.preferences.confidence`.
    """
    weighed = counts + 2 * prior / 3
    return np.asarray(weighed / weighed.sum(1, keepdims=True), np.float64)


def require_positive(**settings: float) -> None:
    """Refuse settings that are not above 0.

    Raises:
        ValueError: one is not.
    """
    for name, value in settings.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be a finite number above 0, not {value}")
