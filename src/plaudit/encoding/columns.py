"""The columns of an `EncodedSet` while they grow: plain numbers in arrays, so that a million records stay small."""

import hashlib
import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.encoding.annotators import annotator_columns
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Sequence
from plaudit.preferences.preference import Comparison

_FREE = -1


def digest_of(sequence: Sequence) -> bytes:
    """Return 16 bytes that two sequences share if their ids, segments and prompts are equal."""
    types = sequence.token_type_ids
    parts: tuple[Any, ...] = (
        sequence.ids,
        [] if types is None else types,
        [sequence.prompt_length, sequence.prompt_key],
    )
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(np.asarray(part, dtype=np.int64).tobytes() + b"|")
    return digest.digest()


class Places:
    """Numbers for digests of 16 bytes, in order of first appearance: a hash table of 32 to 48 bytes an entry."""

    def __init__(self) -> None:
        self._digests = bytearray()
        self._slots = array("q", [_FREE]) * 1024

    def __len__(self) -> int:
        return len(self._digests) // 16

    def add(self, digest: bytes) -> tuple[int, bool]:
        """Return the number of ``digest``, and whether it is new."""
        slot = self._slot(digest)
        if self._slots[slot] != _FREE:
            return self._slots[slot], False
        number = len(self)
        self._slots[slot] = number
        self._digests += digest
        if 2 * len(self) > len(self._slots):
            self._grow()
        return number, True

    def _slot(self, digest: bytes) -> int:
        """Return the slot that holds ``digest``, or the free one where it belongs."""
        mask = len(self._slots) - 1
        slot = int.from_bytes(digest[:8], "little") & mask
        while (number := self._slots[slot]) != _FREE and self._digests[16 * number : 16 * number + 16] != digest:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        self._slots = array("q", [_FREE]) * (2 * len(self._slots))
        for number in range(len(self)):
            self._slots[self._slot(bytes(self._digests[16 * number : 16 * number + 16]))] = number


class Means:
    """A table of means, a row a sequence and a column a name; NaN where nothing was given."""

    def __init__(self) -> None:
        self._sums: dict[str, array[float]] = {}
        self._counts: dict[str, array[int]] = {}

    def add(self, row: int, values: Mapping[str, float]) -> None:
        """Add one value to each of some columns of ``row``."""
        for name, value in values.items():
            sums = self._sums.setdefault(name, array("d"))
            counts = self._counts.setdefault(name, array("q"))
            missing = row + 1 - len(sums)
            sums.extend([0.0] * missing)
            counts.extend([0] * missing)
            sums[row] += value
            counts[row] += 1

    def table(self, rows: int) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Return the names, sorted, and the means, float32 ``[rows, names]``."""
        names = tuple(sorted(self._sums))
        table = np.full((rows, len(names)), np.nan, np.float32)
        for column, name in enumerate(names):
            sums, counts = np.array(self._sums[name]), np.array(self._counts[name])
            given = np.flatnonzero(counts)
            table[given, column] = sums[given] / counts[given]
        return names, table


@dataclass(slots=True)
class Sequences:
    """Distinct sequences, growing: equal ids, segments and prompts are stored once."""

    tokens: "array[int]" = field(default_factory=lambda: array("i"))
    types: "array[int]" = field(default_factory=lambda: array("B"))
    offsets: "array[int]" = field(default_factory=lambda: array("q", [0]))
    starts: "array[int]" = field(default_factory=lambda: array("i"))
    keys: "array[int]" = field(default_factory=lambda: array("q"))
    marks: "array[int]" = field(default_factory=lambda: array("B"))
    _ratings: Means = field(default_factory=Means)
    _places: Places = field(default_factory=Places)

    def add(self, sequence: Sequence) -> int:
        """Return where ``sequence`` is stored, storing it if it is new."""
        place, new = self._places.add(digest_of(sequence))
        if not new:
            return place
        types = sequence.token_type_ids
        if types is not None and types.any():
            self.types.frombytes(bytes(len(self.tokens) - len(self.types)))
            self.types.frombytes(np.asarray(types, np.uint8).tobytes())
        self.tokens.frombytes(np.asarray(sequence.ids, np.int32).tobytes())
        self.offsets.append(len(self.tokens))
        self.starts.append(sequence.prompt_length)
        self.keys.append(sequence.prompt_key)
        return place

    def rate(self, place: int, ratings: Mapping[str, float]) -> None:
        """Add ratings to a sequence; one that is rated several times gets their mean."""
        self._ratings.add(place, ratings)

    def mark(self, place: int, marks: NDArray[np.uint8]) -> None:
        """Add the marks [L] of a response's tokens; of one judged several times, each token has its highest."""
        self.marks.frombytes(bytes(len(self.tokens) - len(self.marks)))
        end = self.offsets[place + 1]
        own = np.frombuffer(self.marks, np.uint8)[end - len(marks) : end]
        np.maximum(own, marks, out=own)

    def encoded(self) -> EncodedSet:
        """Return the columns of the sequences, without records. They share this memory: nothing may be added after."""
        if self.marks:
            self.marks.frombytes(bytes(len(self.tokens) - len(self.marks)))
        if self.types:
            self.types.frombytes(bytes(len(self.tokens) - len(self.types)))
        names, table = self._ratings.table(len(self.keys))
        return EncodedSet(
            tokens=_column(self.tokens, np.int32),
            offsets=_column(self.offsets, np.int64),
            response_starts=_column(self.starts, np.int32),
            prompt_keys=_column(self.keys, np.int64),
            token_types=_column(self.types, np.uint8) if self.types else None,
            ratings=table,
            rating_names=names,
            marks=_column(self.marks, np.uint8) if self.marks else None,
            **Records().columns(),
        )


@dataclass(slots=True)
class Records:
    """Records over sequences, growing."""

    offsets: "array[int]" = field(default_factory=lambda: array("q", [0]))
    sequences: "array[int]" = field(default_factory=lambda: array("q"))
    edge_offsets: "array[int]" = field(default_factory=lambda: array("q", [0]))
    chosen: "array[int]" = field(default_factory=lambda: array("q"))
    rejected: "array[int]" = field(default_factory=lambda: array("q"))
    tie: "array[int]" = field(default_factory=lambda: array("B"))
    strength: "array[float]" = field(default_factory=lambda: array("f"))
    weight: "array[float]" = field(default_factory=lambda: array("f"))
    annotator: list[str] = field(default_factory=list)

    def add(self, places: Mapping[int, int], edges: Iterable[Comparison]) -> None:
        """Add a record whose response ``place`` is sequence ``places[place]``."""
        self.sequences.extend(places.values())
        self.offsets.append(len(self.sequences))
        for edge in edges:
            self.chosen.append(places[edge.chosen])
            self.rejected.append(places[edge.rejected])
            self.tie.append(edge.tie)
            self.strength.append(np.nan if edge.strength is None else edge.strength)
            self.weight.append(edge.weight)
            self.annotator.append(sys.intern(edge.annotator))
        self.edge_offsets.append(len(self.chosen))

    def columns(self) -> dict[str, Any]:
        """Return the record and comparison columns of an `EncodedSet`; they share this memory."""
        keys, names = annotator_columns(self.annotator)
        return {
            "annotator": keys,
            "annotators": names,
            "record_offsets": _column(self.offsets, np.int64),
            "record_sequences": _column(self.sequences, np.int64),
            "comparison_offsets": _column(self.edge_offsets, np.int64),
            "chosen": _column(self.chosen, np.int64),
            "rejected": _column(self.rejected, np.int64),
            "tie": _column(self.tie, np.bool_),
            "strength": _column(self.strength, np.float32),
            "weight": _column(self.weight, np.float32),
        }


def _column(values: "array[Any]", dtype: Any) -> NDArray[Any]:
    """Return the numbers of an array as NumPy's, without copying them."""
    return np.frombuffer(values, dtype) if values else np.empty(0, dtype)
