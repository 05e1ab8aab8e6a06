"""Random suffixes: what anybody finds who draws pieces and keeps the best; what a cleverer search has to beat."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from plaudit.evaluation.attacks.pieces import Pieces, Suffix, pieces_for
from plaudit.evaluation.attacks.suffixes import written
from plaudit.evaluation.attacks.trials import Trials

TOGETHER = 16
"""Suffixes scored in one call."""


class OfPieces:
    """A search whose suffixes are made of pieces.

    Args:
        longest: pieces of a suffix, at most.
        pieces: what they are drawn from; `pieces_for` the responses searched on if None.

    Raises:
        ValueError: ``longest`` is below 1.
    """

    def __init__(self, longest: int = 8, pieces: Pieces | None = None) -> None:
        self.longest, self.pieces = checked_length(longest), pieces

    def pieces_of(self, trials: Trials) -> Pieces:
        """Return what suffixes are made of."""
        return pieces_for(trials) if self.pieces is None else self.pieces


class RandomSearch(OfPieces):
    """Suffixes of 1 to ``longest`` pieces, each drawn with equal probability."""

    name: ClassVar[str] = "random"

    def __call__(self, trials: Trials, rng: np.random.Generator) -> None:
        """Try suffixes until the budget is used up, or nothing new is drawn."""
        pieces = self.pieces_of(trials)
        while fresh := untried(trials, lambda: drawn(pieces, self.longest, rng)):
            trials.run([written(suffix) for suffix in fresh])


def drawn(pieces: Pieces, longest: int, rng: np.random.Generator) -> Suffix:
    """Return 1 to ``longest`` pieces."""
    return tuple(pieces[place] for place in rng.integers(len(pieces), size=rng.integers(1, longest + 1)))


def untried(trials: Trials, propose: Callable[[], Suffix], count: int = TOGETHER) -> list[Suffix]:
    """Return up to ``count`` suffixes that were not tried yet and can be paid for; none if nothing new is proposed."""
    fresh: dict[str, Suffix] = {}
    wanted = min(count, trials.affordable)
    for _ in range(50 * wanted):
        suffix = propose()
        text = written(suffix)
        if text.strip() and text not in trials.tried:
            fresh.setdefault(text, suffix)
        if len(fresh) == wanted:
            break
    return list(fresh.values())


def checked_length(longest: int) -> int:
    """Return it.

    Raises:
        ValueError: it is below 1.
    """
    if longest < 1:
        raise ValueError(f"a suffix has at least one piece; longest is {longest}")
    return longest
