r"""Selectors: which comparisons of a pool to label next. A new file here is a new one, tested by being there.

A kind is a class whose constructor is its configuration. Called with a `Pool`, a count and a generator it returns so
many places of the pool, the most wanted first, none twice. The same pool and seed give the same places, whatever order
the pool is in and whichever response of a comparison comes first.

Each selector but ``random`` keeps a batch from being many times the same question. Those that go by a score take,
one after the other, the comparison of the highest

.. math:: s_i \, \rho_i^{\,\delta},

with :math:`\delta` the setting ``diversity`` and :math:`\rho_i` the share of comparison :math:`i` that those taken
before leave unexplained (`plaudit.labels.diversity`).
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import numpy as np

from plaudit import members
from plaudit.labels.diversity import rank
from plaudit.labels.pool import BadPool, Floats, Ints, Pool


class Select(Protocol):
    """What every kind is, once built."""

    def __call__(self, pool: Pool, count: int, rng: np.random.Generator) -> Ints:
        """Return ``count`` places of ``pool``, the most wanted first."""
        ...


class Selector(ABC):
    """What the kinds of this folder share: what they need is checked, and the order of a pool does not count.

    Attributes:
        needs: what a pool must hold, of ``members`` and ``features``.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(self, pool: Pool, count: int, rng: np.random.Generator) -> Ints:
        """Return ``count`` places of ``pool``, int64, the most wanted first; ties are drawn.

        Raises:
            BadPool: the pool holds fewer, or lacks what this selector goes by.
        """
        if not 0 <= count <= len(pool):
            raise BadPool(f"{count} comparisons cannot be chosen from {len(pool)}; ask for 0 to {len(pool)}")
        require(type(self).__module__.rpartition(".")[2], self.needs, pool)
        places = pool.order()[rng.permutation(len(pool))]
        return places[self.ranked(pool.select(places), count)]

    @abstractmethod
    def ranked(self, pool: Pool, count: int) -> Ints:
        """Return ``count`` places of a pool in random order, the most wanted first; the first of equals."""


class Scored(Selector):
    """A selector that gives every comparison a score, 0 or more, and takes high ones that differ.

    Args:
        diversity: δ, how much being unlike those taken before counts beside the score: 0 or more; 0 takes the highest.

    Raises:
        ValueError: ``diversity`` is negative or not finite.
    """

    def __init__(self, diversity: float = 1.0) -> None:
        if not 0 <= diversity < np.inf:
            raise ValueError(f"diversity must be a finite number, 0 or more, not {diversity}")
        self.diversity = diversity

    @abstractmethod
    def score(self, pool: Pool) -> Floats:
        """Return how much a label of each comparison is wanted, float64 [N], 0 or more."""

    def ranked(self, pool: Pool, count: int) -> Ints:
        """Return the places of the highest scores, each weighed by how much those before it leave unexplained."""
        return rank(self.score(pool), pool, count, self.diversity)


def require(name: str, needs: tuple[str, ...], pool: Pool) -> None:
    """Raise `BadPool` where ``pool`` lacks one of ``needs``; the message says which selectors would fit."""
    lacking = [each for each in needs if each not in pool.holds]
    if lacking:
        raise BadPool(
            f"{name} needs {' and '.join(lacking)}, and this pool has none; what it holds is enough for "
            f"{', '.join(fitting(pool))}"
        )


def fitting(pool: Pool) -> list[str]:
    """Return the names of the selectors of this folder that ``pool`` holds enough for."""
    return [name for name in members.names("selectors") if not set(needs_of(name)) - set(pool.holds)]


def needs_of(name: str) -> tuple[str, ...]:
    """Return what the selector called ``name`` asks of a pool; nothing where a foreign one does not say.

    Raises:
        plaudit.members.UnknownKind: there is no such selector.
    """
    found: tuple[str, ...] = getattr(members.load("selectors", name), "needs", ())
    return found
