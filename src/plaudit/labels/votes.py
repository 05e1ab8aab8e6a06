"""Votes: who said what of which two responses, as parallel arrays. Everything about annotators starts from them.

An item is two responses that were compared under one objective. Which of them is its *first* is decided by a digest of
their texts, so a label says which response was preferred and nothing about where it stood; the side is in ``swapped``.

>>> votes = Votes.from_arrays([0, 0, 1], ["ann", "bob", "ann"], [1, 0, -1])
>>> len(votes), votes.annotators, votes.counts().tolist()
(3, ('ann', 'bob'), [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
>>> len(votes.without("ann").items)
1
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from plaudit.labels.items import Cataloguer, Integers, Items
from plaudit.preferences.fields import NOTE
from plaudit.preferences.preference import Comparison, Preference

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]

SWAPPED = NOTE + "swapped"
"""Field of a vote that says whether the later of the two responses stood on the left."""

TIMES = ("created", "timestamp", "tstamp")
"""Fields of a vote that say when it was given: seconds since 1970, or a date and time as ISO 8601 has them."""

UNNAMED = "votes without an annotator's name"
AGAIN = "votes of an annotator on an item after the first"


class NoVotes(ValueError):
    """There is no vote, or none of the kind that is needed."""


@dataclass(frozen=True, slots=True)
class Votes:
    """V votes of A annotators on I items. Every item and every annotator has at least one vote.

    Attributes:
        item: int64 [V], position in ``items``.
        annotator: int64 [V], position in ``annotators``.
        label: int8 [V], 1 for the first response, -1 for the second, 0 for a tie.
        strength: float64 [V], how much better, in the units of `Comparison.strength`; NaN where it was not said.
        swapped: int8 [V], 1 if the annotator saw the second response on the left, 0 if the first, -1 if unknown.
        time: float64 [V], when, in seconds since 1970; NaN where unknown.
        annotators: their names, sorted.
        items: what was compared.
        left_out: how many votes were left out, by reason.
    """

    item: Integers
    annotator: Integers
    label: Codes
    strength: Floats
    swapped: Codes
    time: Floats
    annotators: tuple[str, ...]
    items: Items
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, preferences: Iterable[Preference], *, sides: bool = True) -> "Votes":
        """Return the votes of all comparisons with a named annotator.

        Args:
            preferences: records; an item is two responses of one record under one objective.
            sides: whether the order of a record's two responses, turned round where a vote says so (`SWAPPED`), is how
                they stood. False where records were sorted: then only votes that say so have a side. Of records with
                more responses than two only such votes have one in any case.

        Raises:
            NoVotes: no comparison has an annotator's name.
        """
        catalogue, left_out = Cataloguer(), Counter[str]()
        rows: list[tuple[int, str, int, float, int, float]] = []
        for index, preference in enumerate(preferences):
            shelf, paired = catalogue.of_record(index, preference), sides and len(preference.responses) == 2
            for edge in preference.comparisons:
                if edge.annotator:
                    place, forward = shelf.place(edge.chosen, edge.rejected, edge.objective)
                    rows.append((place, edge.annotator, *_said(edge, forward=forward, paired=paired)))
                else:
                    left_out[UNNAMED] += 1
        if not rows:
            raise NoVotes(
                f"no comparison has an annotator's name ({left_out[UNNAMED]} have none); votes need to know whose they "
                "are: a field 'annotator' in each row"
            )
        item, annotator, label, strength, swapped, time = zip(*rows, strict=True)
        return cls.from_arrays(
            item, annotator, label, strength=strength, swapped=swapped, time=time, items=catalogue.items(),
            left_out=left_out,
        )  # fmt: skip

    @classmethod
    def from_arrays(
        cls,
        item: npt.ArrayLike,
        annotator: Sequence[str],
        label: npt.ArrayLike,
        *,
        strength: npt.ArrayLike = math.nan,
        swapped: npt.ArrayLike = -1,
        time: npt.ArrayLike = math.nan,
        items: Items | None = None,
        left_out: Mapping[str, int] | None = None,
    ) -> "Votes":
        """Return the votes that parallel arrays [V] hold; for the fields see the class.

        Args:
            item: numbers of the items, 0 or more.
            annotator: a name a vote.
            label: 1, 0 or -1.
            strength: numbers of 0 or more, or NaN.
            swapped: 1, 0 or -1.
            time: seconds.
            items: what the numbers stand for; by default nothing is known of them.
            left_out: what was lost on the way here.

        Raises:
            ValueError: arrays differ in length, or hold something else than these values.
        """
        numbers, labels, turned = (np.asarray(one, np.int64) for one in (item, label, swapped))
        names, codes = np.unique(np.asarray(annotator, object).astype(str), return_inverse=True)
        turned, strengths, times = (np.broadcast_to(one, numbers.shape) for one in (turned, strength, time))
        _require_arrays(numbers, codes, labels, turned, np.asarray(strengths, np.float64))
        catalogue = Items.plain(int(numbers.max(initial=-1)) + 1) if items is None else items
        votes = cls(
            item=numbers,
            annotator=codes.astype(np.int64),
            label=labels.astype(np.int8),
            strength=np.array(strengths, np.float64),
            swapped=turned.astype(np.int8),
            time=np.array(times, np.float64),
            annotators=tuple(names.tolist()),
            items=catalogue,
            left_out=dict(left_out or {}),
        )
        return votes.select(np.arange(numbers.size))

    def __len__(self) -> int:
        return int(self.item.size)

    def select(self, places: Sequence[int] | NDArray[Any]) -> "Votes":
        """Return the votes at ``places`` (or where a mask is true), with only their items and annotators."""
        chosen = np.asarray(places)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        items, item = np.unique(self.item[chosen], return_inverse=True)
        people, annotator = np.unique(self.annotator[chosen], return_inverse=True)
        return Votes(
            item=item.astype(np.int64),
            annotator=annotator.astype(np.int64),
            label=self.label[chosen],
            strength=self.strength[chosen],
            swapped=self.swapped[chosen],
            time=self.time[chosen],
            annotators=tuple(self.annotators[person] for person in people),
            items=self.items.select(items),
            left_out=self.left_out,
        )

    def by(self, *names: str) -> "Votes":
        """Return the votes of these annotators.

        Raises:
            NoVotes: somebody of that name has given none.
        """
        return self.select(np.isin(self.annotator, self._codes(names)))

    def without(self, *names: str) -> "Votes":
        """Return the votes of all other annotators; see `by`."""
        return self.select(~np.isin(self.annotator, self._codes(names)))

    def between(self, start: float, end: float) -> "Votes":
        """Return the votes given from ``start`` on and before ``end``, in seconds since 1970."""
        return self.select((self.time >= start) & (self.time < end))

    def on(self, items: Sequence[int] | NDArray[Any]) -> "Votes":
        """Return the votes on these items (positions, or a mask [I])."""
        wanted = np.asarray(items)
        wanted = np.flatnonzero(wanted) if wanted.dtype == bool else wanted
        return self.select(np.isin(self.item, wanted))

    def shared(self) -> "Votes":
        """Return the votes on items that at least two annotators judged."""
        pairs = np.unique(self.item * max(len(self.annotators), 1) + self.annotator)
        people = np.bincount(pairs // max(len(self.annotators), 1), minlength=len(self.items))
        return self.on(people > 1)

    def once(self) -> "Votes":
        """Return the first vote of each annotator on each item; the others are counted in ``left_out``."""
        _, firsts = np.unique(self.item * max(len(self.annotators), 1) + self.annotator, return_index=True)
        again = len(self) - firsts.size
        found = self.select(np.sort(firsts))
        counted = Counter(self.left_out) + Counter({AGAIN: again})
        return replace(found, left_out=dict(counted)) if again else found

    def listed(self) -> "Votes":
        """Return the same votes with each item's first response being the one that comes first in its record.

        Measures that correct for chance can depend on it: where records are sorted by something that people see, the
        model's name for one, it is chance there that the one side wins more often.
        """
        turned = self.items.first > self.items.second
        sign, known = np.where(turned, -1, 1)[self.item], self.swapped >= 0
        side = np.where(known & turned[self.item], 1 - self.swapped, self.swapped)
        label, swapped = (self.label * sign).astype(np.int8), side.astype(np.int8)
        return replace(self, label=label, swapped=swapped, items=self.items.turned(turned))

    def counts(self) -> Floats:
        """Return how many votes each item has for the first, for neither and for the second, float64 [I, 3]."""
        flat = self.item * 3 + (1 - self.label.astype(np.int64))
        return np.bincount(flat, minlength=3 * len(self.items)).reshape(-1, 3).astype(np.float64)

    def left(self) -> Codes:
        """Return what each vote says by side: 1 for the left, -1 for the right, 0 for a tie or an unknown side; [V]."""
        sign = np.where(self.swapped < 0, 0, 1 - 2 * self.swapped)
        return (self.label * sign).astype(np.int8)

    def _codes(self, names: Sequence[str]) -> list[int]:
        unknown = [name for name in names if name not in self.annotators]
        if unknown:
            known = ", ".join(self.annotators[:20]) + (", …" if len(self.annotators) > 20 else "")
            raise NoVotes(f"no vote is by {', '.join(map(repr, unknown))}; the annotators are {known or 'none'}")
        return [self.annotators.index(name) for name in names]


def _said(edge: Comparison, *, forward: bool, paired: bool) -> tuple[int, float, int, float]:
    """Return label, strength, side and time of a vote; ``forward`` if its chosen response is the item's first."""
    label = 0 if edge.tie else 1 if forward else -1
    strength = math.nan if edge.strength is None else edge.strength
    return label, strength, _side(edge, forward=forward, paired=paired), when(edge)


def _side(edge: Comparison, *, forward: bool, paired: bool) -> int:
    said = edge.extra.get(SWAPPED)
    if not isinstance(said, bool) and not paired:
        return -1
    first_is_earlier = forward == (edge.chosen < edge.rejected)
    return int(first_is_earlier == bool(said))


def when(edge: Comparison) -> float:
    """Return when a vote was given, in seconds since 1970, or NaN where none of `TIMES` says so."""
    for name in TIMES:
        said = edge.extra.get(name)
        if isinstance(said, int | float) and not isinstance(said, bool):
            return float(said)
        if isinstance(said, str):
            try:
                moment = datetime.fromisoformat(said)
            except ValueError:
                continue
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return math.nan


def _require_arrays(item: Integers, codes: Any, label: Integers, swapped: Integers, strength: Floats) -> None:
    if item.ndim != 1 or not item.shape == codes.shape == label.shape:
        shapes = f"{item.shape}, {codes.shape} and {label.shape}"
        raise ValueError(f"item, annotator and label must be lists of one length, not of shapes {shapes}")
    if (item < 0).any():
        raise ValueError("items are numbered from 0; some numbers are negative")
    for name, values in (("label", label), ("swapped", swapped)):
        if not np.isin(values, (-1, 0, 1)).all():
            raise ValueError(f"{name} must be 1, 0 or -1; there is also {values[~np.isin(values, (-1, 0, 1))][0]}")
    if (strength < 0).any():
        raise ValueError("strengths must be 0 or more, or NaN where none was stated")
