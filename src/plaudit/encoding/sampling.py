"""Sampling: which records are in which step, on which rank, in which micro-batch. A pure function of its arguments.

A step is ``batch_size`` records, whatever the number of processes or of micro-batches: more processes or less memory
change who computes what, never what a step is made of. Every record is in exactly one step of an epoch; the last step
may be short and is kept. Inside a step, records are spread over ranks by token count and, on a rank, over micro-batches
that fill a token budget.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Micro = tuple[int, ...]
"""Record numbers of one micro-batch; empty where a rank only has to keep the others company."""

Unit = tuple[int, tuple[int, ...]]
"""Packed tokens, and the records that are packed together."""


class TreeTooLarge(ValueError):
    """A record alone takes more tokens than a micro-batch may hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step.

    Attributes:
        ranks: for each rank its micro-batches; every rank has the same number of them, at least one, and those
            that had to be added are empty.
    """

    ranks: tuple[tuple[Micro, ...], ...]

    @property
    def records(self) -> tuple[int, ...]:
        """The records of the step, sorted."""
        return tuple(sorted(record for rank in self.ranks for micro in rank for record in micro))


@dataclass(frozen=True, slots=True, eq=False)
class Plan(Sequence[Step]):
    """The steps of one epoch, each worked out when asked for.

    Attributes:
        order: int64 [R], the records in the order in which they are cut into steps.
        sizes: int64 [R], packed tokens of each record on its own.
        groups: int64 [R], records with the same key other than 0 share a prompt.
        shared: int64 [R], tokens of that prompt.
        batch_size: records a step, over all ranks and micro-batches.
        world_size: number of ranks.
        accumulation: parts into which a rank's share is cut before the budget is looked at.
        token_budget: most tokens of a micro-batch; a record above it is alone in its own.
    """

    order: NDArray[np.int64]
    sizes: NDArray[np.int64]
    groups: NDArray[np.int64]
    shared: NDArray[np.int64]
    batch_size: int
    world_size: int
    accumulation: int
    token_budget: int

    def __len__(self) -> int:
        """Return the number of steps."""
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps in order."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Step:  # type: ignore[override]
        """Return step ``number``."""
        if not 0 <= number < len(self):
            raise IndexError(f"step {number} of a plan of {len(self)} steps")
        records = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        bins = _balance(self._units(records), self.world_size * self.accumulation)
        ranks = [
            [micro for part in bins[first : first + self.accumulation] for micro in _fill(part, self.token_budget)]
            for first in range(0, len(bins), self.accumulation)
        ]
        most = max(1, *(len(rank) for rank in ranks))
        return Step(tuple(tuple(rank) + ((),) * (most - len(rank)) for rank in ranks))

    def _units(self, records: NDArray[np.int64]) -> list[Unit]:
        families: dict[object, list[int]] = {}
        for record in records.tolist():
            families.setdefault(int(self.groups[record]) or ("alone", record), []).append(record)
        return [unit for family in families.values() for unit in self._cut(family)]

    def _cut(self, family: list[int]) -> Iterable[Unit]:
        tokens = int(self.sizes[family].sum() - self.shared[family[0]] * (len(family) - 1))
        if len(family) > 1 and tokens > self.token_budget:
            return [(int(self.sizes[record]), (record,)) for record in family]
        return [(tokens, tuple(family))]


def plan(
    sizes: ArrayLike,
    *,
    batch_size: int,
    world_size: int = 1,
    seed: int = 0,
    epoch: int = 0,
    token_budget: int = 16_384,
    accumulation: int = 1,
    groups: ArrayLike | None = None,
    shared: ArrayLike | None = None,
    oversized: str = "alone",
) -> Plan:
    """Plan one epoch.

    Args:
        sizes: packed tokens of each record on its own, [R], all at least 1.
        batch_size: records a step, over all ranks and micro-batches.
        world_size: number of ranks; it changes who computes a record, never in which step it is.
        seed: of the random order.
        epoch: the order is another one in each.
        token_budget: most tokens of a micro-batch.
        accumulation: cut each rank's share of a step into this many parts of about equal size first.
        groups: key of each record's prompt, [R]; records with one key (other than 0) come one after another, so that
            they are in one step (but for those at the border of two) and in one micro-batch, where they share a tree.
        shared: tokens of that prompt, [R].
        oversized: ``alone`` gives a record above the budget its own micro-batch, ``error`` refuses it.

    Raises:
        ValueError: no records, or a setting out of range.
        TreeTooLarge: a record is above the budget and ``oversized`` is ``error``.
    """
    tokens = np.asarray(sizes, dtype=np.int64)
    _check(tokens, batch_size, world_size, accumulation, token_budget, oversized)
    keys = np.zeros(len(tokens), np.int64) if groups is None else np.asarray(groups, dtype=np.int64)
    prompts = np.zeros(len(tokens), np.int64) if shared is None else np.asarray(shared, dtype=np.int64)
    order = _order(keys, np.random.default_rng([seed, epoch]))
    return Plan(order, tokens, keys, prompts, batch_size, world_size, accumulation, token_budget)


def _check(
    sizes: NDArray[np.int64], batch_size: int, world_size: int, accumulation: int, budget: int, oversized: str
) -> None:
    if sizes.ndim != 1 or not len(sizes):
        raise ValueError("there are no records to plan; at least one is needed")
    settings = {
        "batch_size": batch_size,
        "world_size": world_size,
        "accumulation": accumulation,
        "token_budget": budget,
    }
    for name, value in settings.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if oversized not in ("alone", "error"):
        raise ValueError(f"oversized must be 'alone' or 'error', not {oversized!r}")
    largest = int(np.argmax(sizes))
    if oversized == "error" and sizes[largest] > budget:
        raise TreeTooLarge(
            f"record {largest} takes {sizes[largest]} tokens and a micro-batch holds {budget}; raise the token budget, "
            "shorten the maximum length, or let such records run alone (oversized='alone')"
        )


def _order(keys: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Shuffle the records; those with one key follow each other where the first of them fell."""
    shuffled = random.permutation(len(keys))
    if not keys.any():
        return shuffled
    alone = -np.arange(1, len(keys) + 1) - np.abs(keys).max()
    kinds = np.where(keys == 0, alone, keys)[shuffled]
    _, first, inverse = np.unique(kinds, return_index=True, return_inverse=True)
    return np.asarray(shuffled[np.argsort(first[inverse], kind="stable")])


def _balance(units: list[Unit], bins: int) -> list[list[Unit]]:
    """Spread units over bins, the largest first, each to the lightest bin so far."""
    filled: list[list[Unit]] = [[] for _ in range(bins)]
    load = np.zeros(bins, dtype=np.int64)
    for unit in sorted(units, key=lambda unit: -unit[0]):
        lightest = int(np.argmin(load))
        filled[lightest].append(unit)
        load[lightest] += unit[0]
    return filled


def _fill(units: list[Unit], budget: int) -> list[Micro]:
    """Put units, the largest first, into the first micro-batch that has room."""
    room: list[int] = []
    micros: list[list[int]] = []
    for tokens, records in units:
        place = next((number for number, left in enumerate(room) if left >= tokens), len(room))
        if place == len(room):
            room.append(budget)
            micros.append([])
        room[place] -= tokens
        micros[place].extend(records)
    return [tuple(micro) for micro in micros]
