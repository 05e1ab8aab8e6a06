"""Splitting by group: no group, and without a prompt no response, is in two parts."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import Units, assign, units
from plaudit.preferences.preference import Preference

Parts = npt.NDArray[np.int64]


def split(preferences: Preferences, fractions: Mapping[str, float], seed: int = 0) -> dict[str, Preferences]:
    """Return the records in parts of about the given shares, cut between groups.

    The part of a group follows from the seed, the group's name and the other groups, never from the order of records.
    Where there is no prompt, the responses themselves are dealt out: a record whose responses fall into different parts
    is cut, and each comparison across parts is lost and counted in the ``drops`` of the part its chosen response is in.

    Args:
        preferences: the records; groups are assigned where there are none.
        fractions: share of the records for each part; they sum to 1.
        seed: another seed gives another split.

    Raises:
        ValueError: the fractions are not positive or do not sum to 1, or a part would get no group.
    """
    _check_fractions(fractions)
    if "" in set(preferences.column("group").unique().to_pylist()):
        preferences = assign(preferences)
    found = units(preferences)
    part_of = deal(found, list(fractions.values()), seed)[found.codes]
    for at, (name, fraction) in enumerate(fractions.items()):
        if not np.any(part_of == at):
            raise ValueError(
                f"split: {name!r} ({fraction:g}) gets none of {len(found.names)} groups; it needs more data"
            )
    return dict(zip(fractions, _cut(preferences, found, part_of, len(fractions)), strict=True))


def without(preferences: Preferences, found: Units, banned: npt.NDArray[np.bool_]) -> Preferences:
    """Return the records without some of their responses, and without what is then left with nothing to learn.

    Args:
        preferences: the records.
        found: the units of their responses.
        banned: ``[responses]``, whether a response goes; with a prompt, all of a record's or none.
    """
    left = next(_cut(preferences, found, banned.astype(np.int64), 2))
    left.drops = Counter(preferences.drops)
    return left


def _check_fractions(fractions: Mapping[str, float]) -> None:
    total = sum(fractions.values())
    if not fractions or min(fractions.values()) <= 0 or abs(total - 1) > 1e-9:
        raise ValueError(f"fractions are {dict(fractions)} (sum {total:g}); they should be above 0 and sum to 1")


def deal(found: Units, fractions: list[float], seed: int) -> Parts:
    """Return the part of each unit, its number in ``fractions``, int64 [units].

    Units stand in an order drawn from seed and name, cut where the shares of records end.
    """
    sizes = np.diff(found.offsets)
    mass = np.bincount(found.codes, np.repeat(1 / np.maximum(sizes, 1), sizes), minlength=len(found.names))
    keys = [hashlib.blake2b(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest() for name in found.names]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    middle = np.cumsum(mass[order]) - mass[order] / 2
    parts = np.empty(len(order), np.int64)
    parts[order] = np.searchsorted(np.cumsum(fractions)[:-1] * mass.sum(), middle, side="right")
    return parts


def _cut(preferences: Preferences, found: Units, part_of: Parts, count: int) -> Iterator[Preferences]:
    """Yield the parts: whole records first, then the pieces of those that were cut."""
    starts = found.offsets[:-1]
    least, most = np.minimum.reduceat(part_of, starts), np.maximum.reduceat(part_of, starts)
    across = np.flatnonzero(least != most)
    homes = [part_of[found.offsets[at] : found.offsets[at + 1]] for at in across]
    for part in range(count):
        whole = preferences.select(np.flatnonzero((least == part) & (most == part)))
        drops: Counter[str] = Counter()
        pieces = Preferences.of_weighted(_pieces(preferences.select(across), homes, part, drops))
        joined = Preferences.concatenate([whole, assign(pieces)]) if len(pieces) else whole
        joined.drops.update(drops)
        yield joined


def _pieces(
    preferences: Preferences, homes: list[Parts], part: int, drops: Counter[str]
) -> Iterator[tuple[Preference, float]]:
    for (preference, weight), home in zip(preferences.weighted(), homes, strict=True):
        piece, lost = _piece(preference, home, part)
        if lost:
            drops["comparison across parts"] += lost
        if piece is not None:
            yield piece, weight


def _piece(preference: Preference, home: Parts, part: int) -> tuple[Preference | None, int]:
    """Return what of a record lies in a part (None if there is nothing to learn), and the comparisons it lost there."""
    position = {int(at): new for new, at in enumerate(np.flatnonzero(home == part))}
    kept = tuple(
        replace(edge, chosen=position[edge.chosen], rejected=position[edge.rejected])
        for edge in preference.comparisons
        if edge.chosen in position and edge.rejected in position
    )
    lost = sum(edge.chosen in position and edge.rejected not in position for edge in preference.comparisons)
    if not position or (preference.comparisons and not kept):
        return None, lost
    responses = tuple(preference.responses[at] for at in position)
    name = f"{preference.id}/{part}"
    return replace(preference, responses=responses, comparisons=kept, id=name, group=""), lost
