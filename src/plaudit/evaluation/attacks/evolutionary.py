"""Evolving suffixes: the best so far are changed a little, or two of them joined, and the better ones stay."""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.attacks.pieces import Pieces, Suffix
from plaudit.evaluation.attacks.random_search import OfPieces, drawn, untried
from plaudit.evaluation.attacks.suffixes import written
from plaudit.evaluation.attacks.trials import Trials

PARENTS = 8
"""Suffixes that the next ones are made of."""
FIRST = 0.25
"""Share of the budget that is spent on random suffixes to begin with."""


class Evolutionary(OfPieces):
    """Suffixes made of the best found so far.

    A new one is a parent with pieces replaced, put in, taken out or moved, or the beginning of one parent before the
    end of another.
    """

    name: ClassVar[str] = "evolutionary"

    def __call__(self, trials: Trials, rng: np.random.Generator) -> None:
        """Try suffixes until the budget is used up, or nothing new comes of the best."""
        pieces = self.pieces_of(trials)
        known: dict[Suffix, float] = {}
        first = trials.affordable * (1 - FIRST)
        while trials.affordable > first and self._try(trials, known, untried(trials, lambda: self._new(pieces, rng))):
            pass
        while known and self._try(trials, known, untried(trials, lambda: self._child(known, pieces, rng))):
            pass

    def _new(self, pieces: Pieces, rng: np.random.Generator) -> Suffix:
        return drawn(pieces, self.longest, rng)

    def _try(self, trials: Trials, known: dict[Suffix, float], fresh: list[Suffix]) -> bool:
        """Try the suffixes, keep the `PARENTS` best of all, and return whether there was one to try."""
        gains = trials.run([written(suffix) for suffix in fresh]).tolist()
        known |= dict(zip(fresh, gains, strict=True))
        kept = sorted(known.items(), key=lambda found: (-found[1], len(written(found[0])), found[0]))[:PARENTS]
        known.clear()
        known.update(kept)
        return bool(fresh)

    def _child(self, known: dict[Suffix, float], pieces: Pieces, rng: np.random.Generator) -> Suffix:
        """Return a changed parent; the better ones are taken more often."""
        parents = list(known)
        weights = np.arange(len(parents), 0, -1, dtype=np.float64)
        one, other = (parents[place] for place in rng.choice(len(parents), size=2, p=weights / weights.sum()))
        child = list(one)
        if one != other and rng.random() < 0.3:
            child = [*one[: rng.integers(len(one) + 1)], *other[rng.integers(len(other)) :]]
        for _ in range(rng.integers(1, 3)):
            child = _changed(child, pieces, rng)
        return tuple(child[: self.longest])


def _changed(child: list[str], pieces: Pieces, rng: np.random.Generator) -> list[str]:
    """Return the pieces with one replaced, put in, taken out or moved; the list is the caller's to change."""
    kind, piece = int(rng.integers(4)), pieces[int(rng.integers(len(pieces)))]
    if kind == 0 or not child:
        child.insert(int(rng.integers(len(child) + 1)), piece)
    elif kind == 1:
        child[int(rng.integers(len(child)))] = piece
    elif kind == 2 and len(child) > 1:
        del child[int(rng.integers(len(child)))]
    else:
        moved = child.pop(int(rng.integers(len(child))))
        child.insert(int(rng.integers(len(child) + 1)), moved)
    return child
