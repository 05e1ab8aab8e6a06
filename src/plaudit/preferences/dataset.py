"""A read-only sequence of preferences in an Arrow table, memory-mapped when large."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plaudit.preferences import codec
from plaudit.preferences.preference import Content, Preference, Response
from plaudit.preferences.writing import TableWriter

Indices = npt.NDArray[np.int64]
_STRIDE = 1024


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """What one source contributes: its records, responses and comparisons, and the summed weight of the latter."""

    records: int
    responses: int
    comparisons: int
    weight: float


@dataclass(frozen=True, slots=True)
class Edges:
    """A record's comparisons as arrays ``[comparisons]``; ``strength`` is NaN where none is stated."""

    chosen: npt.NDArray[np.int32]
    rejected: npt.NDArray[np.int32]
    tie: npt.NDArray[np.bool_]
    strength: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


class Preferences(Sequence[Preference]):
    """A read-only sequence of records; selecting makes a view, never a copy.

    Args:
        table: a ``pyarrow.Table`` of `codec.SCHEMA`.
        indices: rows of the table that make up this view, in order; None for all.
        drops: what was lost on the way here, by reason.
    """

    def __init__(self, table: Any, indices: Indices | None = None, drops: Counter[str] | None = None) -> None:
        self.table = table
        self._indices = indices
        self.drops: Counter[str] = Counter(drops or {})

    @classmethod
    def of(cls, preferences: Iterable[Preference], weight: float = 1.0) -> "Preferences":
        """Return the records as a `Preferences`; every comparison counts ``weight`` times its own weight.

        Raises:
            ValueError: a record compares responses it does not have, or a weight or strength is negative or not finite.
            TypeError: an extra holds what JSON cannot.
        """
        return cls.of_weighted((preference, weight) for preference in preferences)

    @classmethod
    def of_weighted(cls, pairs: Iterable[tuple[Preference, float]]) -> "Preferences":
        """Return the records as a `Preferences`, each with the weight of its source; the inverse of `weighted`."""
        return cls.of_columns(codec.encode(preference, weight) for preference, weight in pairs)

    @classmethod
    def of_columns(cls, rows: Iterable[codec.Columns]) -> "Preferences":
        """Return rows of `codec.SCHEMA` as a `Preferences`."""
        with TableWriter() as writer:
            for row in rows:
                writer.append(row)
            return cls(writer.finish())

    def __len__(self) -> int:
        return int(self.table.num_rows) if self._indices is None else len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Preference: ...
    @overload
    def __getitem__(self, index: slice) -> "Preferences": ...
    def __getitem__(self, index: int | slice) -> "Preference | Preferences":
        if isinstance(index, slice):
            return self.select(np.arange(len(self))[index])
        return codec.decode(self._row(index))

    def _row(self, index: int) -> dict[str, Any]:
        at = range(len(self))[index]
        at = at if self._indices is None else int(self._indices[at])
        row: dict[str, Any] = self.table.slice(at, 1).to_pylist()[0]
        return row

    def __iter__(self) -> Iterator[Preference]:
        for piece in self._pieces(_STRIDE):
            for row in piece.to_pylist():
                yield codec.decode(row)

    def weighted(self) -> Iterator[tuple[Preference, float]]:
        """Yield every record with its comparisons' own weights, and the weight of its source beside it."""
        for piece in self._pieces(_STRIDE):
            for row in piece.to_pylist():
                yield codec.decode(row | {"weight": 1.0}), row["weight"]

    def _pieces(self, stride: int, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Yield tables of ``stride`` records at a time, in order."""
        table = self.table if columns is None else self.table.select(columns)
        for start in range(0, len(self), stride):
            if self._indices is None:
                yield table.slice(start, stride)
            else:
                yield table.take(pa.array(self._indices[start : start + stride]))

    def column(self, name: str) -> Any:
        """Return one column of the view (a ``pyarrow.ChunkedArray``); see `codec.SCHEMA` for their names."""
        column = self.table.column(name)
        return column if self._indices is None else column.take(pa.array(self._indices))

    def select(self, indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> "Preferences":
        """Return a view of the records at ``indices``, in that order.

        Raises:
            IndexError: an index lies outside.
        """
        wanted = np.asarray(indices, np.int64)
        if len(wanted) and not (-len(self) <= wanted.min() and wanted.max() < len(self)):
            raise IndexError(
                f"select: indices run from {wanted.min()} to {wanted.max()}; there are {len(self)} records"
            )
        wanted = wanted % max(len(self), 1)
        return Preferences(self.table, wanted if self._indices is None else self._indices[wanted])

    @classmethod
    def concatenate(cls, parts: Sequence["Preferences"]) -> "Preferences":
        """Return the records of ``parts`` one after the other, without copying; their drops are added up."""
        drops: Counter[str] = Counter()
        rows, at = [], 0
        for part in parts:
            drops.update(part.drops)
            rows.append(part.table_rows() + at)
            at += part.table.num_rows
        table = pa.concat_tables([part.table for part in parts]) if parts else codec.SCHEMA.empty_table()
        whole = sum(map(len, parts)) == at and all(part.is_whole for part in parts)
        return cls(table, None if whole else np.concatenate(rows), drops)

    @property
    def is_whole(self) -> bool:
        """Whether this is the whole of its table, in the table's order."""
        return self._indices is None

    def table_rows(self) -> Indices:
        """Return the row of ``table`` that each record stands in ``[records]``."""
        return np.arange(self.table.num_rows) if self._indices is None else self._indices

    def edges(self, index: int) -> Edges:
        """Return the comparisons of one record as arrays, without making an object of each."""
        at = range(len(self))[index]
        at = at if self._indices is None else int(self._indices[at])
        row = self.table.slice(at, 1)
        cells = {name: row.column(name)[0].values for name in ("chosen", "rejected", "tie", "strength", "vote_weight")}
        chosen = cells["chosen"].to_numpy()
        weight = np.ones(len(chosen)) if cells["vote_weight"] is None else cells["vote_weight"].to_numpy()
        return Edges(
            chosen=chosen,
            rejected=cells["rejected"].to_numpy(),
            tie=np.zeros(len(chosen), bool) if cells["tie"] is None else cells["tie"].to_numpy(zero_copy_only=False),
            strength=np.full(len(chosen), np.nan) if cells["strength"] is None else _floats(cells["strength"]),
            weight=weight * row.column("weight")[0].as_py(),
        )

    def prompts(self) -> Iterator[Content]:
        """Yield the prompt of every record, in order, without reading the rest."""
        for piece in self._pieces(_STRIDE, ("prompt",)):
            yield from map(codec.prompt, piece.column("prompt").to_pylist())

    def responses(self) -> Iterator[tuple[Response, ...]]:
        """Yield the responses of every record, in order, without reading the rest."""
        for piece in self._pieces(_STRIDE, ("responses",)):
            yield from map(codec.responses, piece.column("responses").to_pylist())

    def with_groups(self, groups: Sequence[str]) -> "Preferences":
        """Return the same records with these groups, one name a record."""
        if len(groups) != len(self):
            raise ValueError(f"with_groups: {len(groups)} groups for {len(self)} records; it takes one a record")
        column = pa.array(list(groups), pa.large_string())
        if self._indices is not None:
            whole = np.full(self.table.num_rows, "", object)
            whole[self._indices] = list(groups)
            column = pa.array(whole, pa.large_string())
        table = self.table.set_column(self.table.schema.get_field_index("group"), "group", column)
        return Preferences(table, self._indices, self.drops)

    def with_comparison_weights(self, weights: Sequence[npt.NDArray[np.float64]]) -> "Preferences":
        """Return the same records with other weights of their comparisons, before those of the sources.

        Args:
            weights: an array a record, with a number a comparison.

        Raises:
            ValueError: not one array a record, or one number a comparison, or a weight is negative or not finite.
        """
        counts = pc.list_value_length(self.column("chosen")).to_pylist()
        if [len(one) for one in weights] != counts:
            raise ValueError("with_comparison_weights: takes an array a record, with a number a comparison")
        if not all((np.isfinite(one) & (one >= 0)).all() for one in weights):
            raise ValueError("with_comparison_weights: a weight is negative or not finite; it should be 0 or more")
        cells: list[list[float] | None] = [None] * self.table.num_rows
        for row, one in zip(self.table_rows().tolist(), weights, strict=True):
            cells[row] = one.tolist()
        table = self.table
        for name, column in (("vote_weight", cells), ("vote_total", [sum(cell or ()) for cell in cells])):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, pa.array(column, table.schema.field(name).type))
        return Preferences(table, self._indices, self.drops)

    @cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """The group of every record as a code ``[records]``, counted from 0 in order of appearance.

        Raises:
            ValueError: groups have not been assigned (see `plaudit.preferences.groups.assign`).
        """
        column = self.column("group").combine_chunks()
        if len(self) and pc.any(pc.equal(column, "")).as_py():
            raise ValueError("some records have no group; call plaudit.preferences.groups.assign first")
        codes: npt.NDArray[np.int64] = pc.dictionary_encode(column).indices.to_numpy().astype(np.int64)
        return codes

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """The weight of every record's source ``[records]``; comparisons read from here have it multiplied in."""
        weights: npt.NDArray[np.float64] = self.column("weight").to_numpy()
        return weights

    @cached_property
    def sources(self) -> dict[str, SourceFigures]:
        """Figures per source, in order of appearance."""
        weighted = pc.multiply(self.column("weight"), self.column("vote_total"))
        counts = pc.list_value_length(self.column("chosen"))
        names = ("source", "size", "counts", "weight")
        table = pa.table([self.column("source"), self.column("size"), counts, weighted], names)
        sums = [("size", "count"), ("size", "sum"), ("counts", "sum"), ("weight", "sum")]
        totals = table.group_by("source", use_threads=False).aggregate(sums).to_pylist()
        return {
            row["source"]: SourceFigures(row["size_count"], row["size_sum"], row["counts_sum"], row["weight_sum"])
            for row in totals
        }

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over content, sources and weights in order, as 64 hex digits.

        Groups, files and row numbers do not count: the same records read from elsewhere have the same fingerprint.
        """
        digest = hashlib.sha256(f"{len(self)} records".encode())
        for piece in self._pieces(_STRIDE, (*codec.CONTENT, "weight")):
            for column in piece.columns:
                for buffer in _buffers(column.combine_chunks()):
                    digest.update(buffer.tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        sources = ", ".join(f"{name}: {figures.records}" for name, figures in self.sources.items())
        return f"Preferences({len(self)} records; {sources})"


def _floats(values: Any) -> npt.NDArray[np.float64]:
    filled: npt.NDArray[np.float64] = pc.fill_null(values, float("nan")).to_numpy(zero_copy_only=False)
    return filled


def _buffers(column: Any) -> Iterator[npt.NDArray[Any]]:
    """Yield arrays that say all that a column says, however it is cut into chunks and whatever lies under its nulls."""
    yield column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_list(column.type):
        yield pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        yield from _buffers(column.flatten())
    elif pa.types.is_large_string(column.type):
        cells = pc.fill_null(column, "")
        yield pc.binary_length(cells).to_numpy(zero_copy_only=False)
        yield np.frombuffer(pc.binary_join(pa.array([cells.to_pylist()]), "")[0].as_buffer(), np.uint8)
    else:
        yield pc.fill_null(column, False if pa.types.is_boolean(column.type) else 0).to_numpy(zero_copy_only=False)
