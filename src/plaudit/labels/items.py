"""Items: the two responses a vote is about, in an orientation that says nothing about where they stood on the page."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.preferences.preference import Content, Preference, characters

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Items:
    """I pairs of responses that were compared, each under one objective.

    Attributes:
        record: int64 [I], index of the record in the preferences.
        first: int64 [I], position of the first response in the record.
        second: int64 [I], position of the other.
        objective: what was judged, one name an item; ``""`` for overall preference.
        characters: int64 [I, 2], characters of the first and of the second response.
        group: int64 [I], the unit of resampling: records of one group, else of one prompt, else the record.
    """

    record: Integers
    first: Integers
    second: Integers
    objective: tuple[str, ...]
    characters: Integers
    group: Integers

    def __len__(self) -> int:
        return int(self.record.size)

    def select(self, places: Integers) -> "Items":
        """Return the items at ``places``, in that order."""
        return Items(
            record=self.record[places],
            first=self.first[places],
            second=self.second[places],
            objective=tuple(self.objective[place] for place in places),
            characters=self.characters[places],
            group=self.group[places],
        )

    def turned(self, where: NDArray[np.bool_]) -> "Items":
        """Return the same items, with first and second changing places ``where`` the mask [I] says so."""
        return replace(
            self,
            first=np.where(where, self.second, self.first),
            second=np.where(where, self.first, self.second),
            characters=np.where(where[:, None], self.characters[:, ::-1], self.characters),
        )

    @classmethod
    def plain(cls, count: int, characters: Any = None) -> "Items":
        """Return ``count`` items about which nothing is known but, perhaps, ``characters`` [I, 2]."""
        each = np.arange(count)
        lengths = np.zeros((count, 2), np.int64) if characters is None else np.asarray(characters, np.int64)
        if lengths.shape != (count, 2):
            raise ValueError(f"characters must be of shape ({count}, 2), two lengths an item, not {lengths.shape}")
        return cls(each, np.zeros_like(each), np.ones_like(each), ("",) * count, lengths, each)


class Cataloguer:
    """Numbers the items of records as their comparisons come by."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, str, int, int, int]] = []
        self._groups: dict[Any, int] = {}

    def of_record(self, index: int, preference: Preference) -> "Shelf":
        """Return the items of one record, none yet."""
        unit = preference.group or preference.prompt or index
        return Shelf(self._rows, index, preference, self._groups.setdefault(unit, len(self._groups)))

    def items(self) -> Items:
        """Return all items that were numbered, in order."""
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * 7
        record, first, second, left, right, group = (np.array(columns[at], np.int64) for at in (0, 1, 2, 4, 5, 6))
        return Items(record, first, second, tuple(columns[3]), np.stack([left, right], axis=1), group)


class Shelf:
    """The items of one record."""

    def __init__(self, rows: list[Any], index: int, preference: Preference, group: int) -> None:
        self._rows, self._index, self._group = rows, index, group
        self._responses = preference.responses
        self._known: dict[tuple[int, int, str], int] = {}
        self._digests: dict[int, bytes] = {}

    def place(self, one: int, other: int, objective: str) -> tuple[int, bool]:
        """Return the number of the item that compares two responses, and whether ``one`` is its first."""
        first, second = sorted((one, other), key=lambda at: (self._digest(at), at))
        key = (first, second, objective)
        if key not in self._known:
            self._known[key] = len(self._rows)
            lengths = (characters(self._responses[at].content) for at in (first, second))
            self._rows.append((self._index, first, second, objective, *lengths, self._group))
        return self._known[key], one == first

    def _digest(self, at: int) -> bytes:
        if at not in self._digests:
            self._digests[at] = digest(self._responses[at].content)
        return self._digests[at]


def digest(content: Content) -> bytes:
    """Return eight bytes that depend on a text and on nothing else; their order is as good as a coin."""
    turns = content if isinstance(content, str) else [[turn.role, turn.content] for turn in content]
    return hashlib.blake2b(json.dumps(turns).encode(), digest_size=8).digest()
