"""Rows of a file as they stand in it, so that those that nobody touches are written back byte for byte."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from plaudit.preferences.rows import BadSource, Fields
from plaudit.replacing import replacing

Rewritten = Mapping[int, Fields]
"""Number of a row to its new fields."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        suffixes: how the names of files end that hold the same rows in the same notation.
        write: writes some rows of a file to another: the numbers of those that stay, and what some of them become.
    """

    suffixes: tuple[str, ...]
    write: Callable[[Path, Path, Sequence[int], Rewritten], None]


def kind_of(path: Path) -> Kind:
    """Return the kind of a file.

    Raises:
        BadSource: it cannot be told from the name.
    """
    found = next((kind for kind in KINDS if path.name.lower().endswith(kind.suffixes)), None)
    if found is None:
        known = ", ".join(suffix for kind in KINDS for suffix in kind.suffixes)
        raise BadSource(f"{path}: cannot tell what it is from its name; it should end in {known}")
    return found


def write_rows(source: Path, target: Path, kept: Sequence[int], rewritten: Rewritten) -> None:
    """Write rows of ``source`` to ``target``, whole or not at all.

    Args:
        source: the file as it is.
        target: of the same kind.
        kept: numbers of the rows that stay, counted from 1 as reading counts them, ascending.
        rewritten: those of them that say something else now.

    Raises:
        BadSource: ``target`` is of another kind, or is ``source``, or cannot hold a rewritten row.
    """
    kind = kind_of(source)
    if not target.name.lower().endswith(kind.suffixes):
        raise BadSource(f"{target}: it should end in {' or '.join(kind.suffixes)}, as {source.name} does")
    if target.exists() and target.samefile(source):
        raise BadSource(f"{target}: it is the file to be cleaned; name another one")
    kind.write(source, target, kept, rewritten)


def _write_lines(source: Path, target: Path, kept: Sequence[int], rewritten: Rewritten) -> None:
    lines = _opened(source).split(b"\n")
    found = [
        _line(rewritten[at]) if at in rewritten else lines[at - 1].removesuffix(b"\r").removeprefix(_BOM) + b"\n"
        for at in kept
    ]
    data = b"".join(found)
    with replacing(target) as temporary:
        temporary.write_bytes(gzip.compress(data, mtime=0) if target.name.lower().endswith(".gz") else data)


_BOM = b"\xef\xbb\xbf"


def _opened(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.name.lower().endswith(".gz") else data


def _line(fields: Fields) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode("utf-8") + b"\n"


def _write_csv(source: Path, target: Path, kept: Sequence[int], rewritten: Rewritten) -> None:
    header, *raw = _csv_records(source)
    columns = next(csv.reader([header]))
    text = header + "".join(_csv_row(columns, rewritten[at]) if at in rewritten else raw[at - 1] for at in kept)
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def _csv_records(path: Path) -> list[str]:
    """Return the text of the header and of every record of a csv file, line ends included."""
    with path.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as stream:
        taken: list[str] = []
        found = []
        for _ in csv.reader(_noting(stream, taken), strict=True):
            found.append("".join(taken))
            taken.clear()
    return [text if text.endswith(("\n", "\r")) else text + "\n" for text in found]


def _noting(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _csv_row(columns: Sequence[str], fields: Fields) -> str:
    if strange := fields.keys() - set(columns):
        raise BadSource(f"the columns {', '.join(columns)} have no place for {', '.join(sorted(strange))}")
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([_cell(fields.get(column)) for column in columns])
    return written.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _write_parquet(source: Path, target: Path, kept: Sequence[int], rewritten: Rewritten) -> None:
    table = pq.read_table(source)
    rows = table.take(pa.array([at - 1 for at in kept], pa.int64()))
    if rewritten:
        plain = rows.to_pylist()
        for place, at in enumerate(kept):
            if at in rewritten:
                plain[place] = _parquet_row(table.schema, plain[place], rewritten[at])
        rows = pa.Table.from_pylist(plain, schema=table.schema)
    with replacing(target) as temporary:
        pq.write_table(rows, temporary)


def _parquet_row(schema: Any, before: Fields, fields: Fields) -> Fields:
    """Return a row with its new fields; those that only read as another type stay as they were."""
    if strange := fields.keys() - set(schema.names):
        raise BadSource(f"the columns {', '.join(schema.names)} have no place for {', '.join(sorted(strange))}")
    texts = (pa.types.is_temporal, pa.types.is_decimal)
    stays = {name for name in schema.names if any(is_one(schema.field(name).type) for is_one in texts)}
    return {name: before[name] if name in stays else fields.get(name) for name in schema.names}


KINDS = (
    Kind((".jsonl", ".jsonl.gz"), _write_lines),
    Kind((".csv",), _write_csv),
    Kind((".parquet",), _write_parquet),
)
