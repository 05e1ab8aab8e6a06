"""What two sets of preferences share: prompts, near-duplicates of them, and responses without a prompt."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import Units, assign, units
from plaudit.preferences.split import without


@dataclass(frozen=True, slots=True)
class Leak:
    """What one set shares with another.

    Attributes:
        groups: how many groups are in both.
        records: records of the first set that hold one of them.
        example: one of these, named by its id, or its place.
        units: of the first set, found together with the second's.
        shared: ``[responses of the first set]``, whether a response is of a shared group.
    """

    groups: int
    records: int
    example: str
    units: Units
    shared: npt.NDArray[np.bool_]

    def removed(self, preferences: Preferences) -> Preferences:
        """Return the first set without what it shares: records with a prompt whole, others response by response."""
        return without(preferences, self.units, self.shared)


def find_leak(preferences: Preferences, held: Preferences) -> Leak:
    """Return what ``preferences`` shares with ``held``; groups are found over both, so near-duplicates count."""
    both = units(assign(Preferences.concatenate([preferences, held])))
    end = both.offsets[len(preferences)]
    own = Units(both.offsets[: len(preferences) + 1], both.codes[:end], both.names)
    shared = np.isin(own.codes, both.codes[end:])
    records = np.flatnonzero(np.logical_or.reduceat(shared, own.offsets[:-1])) if len(shared) else np.empty(0, int)
    example = ""
    if len(records):
        example = preferences[int(records[0])].id or f"record {records[0]}"
    return Leak(len(np.unique(own.codes[shared])), len(records), example, own, shared)
