"""Rows of files: jsonl, jsonl.gz, parquet and csv, read as a stream, each row with its file and number."""

import csv
import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from plaudit.preferences.entries import ATTRIBUTES
from plaudit.preferences.rows import BadRow, BadSource, Fields, Ledger, Row

_NUMBERS = ("margin", "rank", "strength", "weight", *ATTRIBUTES)
_STRUCTURES = ("messages", "responses", "ratings", "pairwise", "pair_order", "tools", "chat_template_kwargs")
_CONTENTS = ("prompt", "chosen", "rejected", "text", "response", "response_a", "response_b")


def files_of(path: Path) -> list[Path]:
    """Return the files of a source: the file itself, or all readable ones under a folder, sorted.

    Raises:
        BadSource: nothing is there, or nothing that can be read.
    """
    if path.is_file():
        _reader(path)
        return [path]
    if not path.is_dir():
        raise BadSource(f"{path}: no such file or folder; a hub data set is named 'owner/name'")
    found = sorted(file for file in path.rglob("*") if file.is_file() and _suffix(file) in READERS)
    if not found:
        raise BadSource(f"{path}: the folder holds no file that ends in {', '.join(READERS)}")
    return found


def rows_of(path: Path, ledger: Ledger, name: str) -> Iterator[Row]:
    """Yield the rows of one file, under the name errors are to call it; a bad row goes to ``ledger``.

    Raises:
        BadSource: the file is damaged or cannot be opened.
        BadRow: a row cannot be taken apart (unless the ledger drops).
    """
    with _damage(name):
        yield from _reader(path)(path, ledger, name)


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), "")


def _reader(path: Path) -> Callable[[Path, Ledger, str], Iterator[Row]]:
    suffix = _suffix(path)
    if not suffix:
        raise BadSource(f"{path}: cannot tell what it is from its name; it should end in {', '.join(READERS)}")
    return READERS[suffix]


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, OSError, pa.ArrowException, csv.Error) as error:
        raise BadSource(f"{name}: the file is damaged or cannot be read: {error}") from error


def _jsonl(path: Path, ledger: Ledger, name: str) -> Iterator[Row]:
    with path.open("rb") as stream:
        yield from _lines(stream, ledger, name)


def _jsonl_gz(path: Path, ledger: Ledger, name: str) -> Iterator[Row]:
    with gzip.open(path) as stream:
        yield from _lines(cast(BinaryIO, stream), ledger, name)


def _lines(stream: BinaryIO, ledger: Ledger, name: str) -> Iterator[Row]:
    for at, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            yield _object(line.removeprefix(b"\xef\xbb\xbf") if at == 1 else line, Row({}, name, at))
        except BadRow as error:
            ledger.bad(error)


def _object(line: bytes, nothing: Row) -> Row:
    try:
        fields = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise nothing.bad("", f"is not UTF-8 ({error.reason} at byte {error.start})", "not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise nothing.bad("", f"is not JSON ({error}); it should be one object a line", "not JSON") from error
    if not isinstance(fields, dict):
        raise nothing.bad("", f"is a {type(fields).__name__}; it should be a JSON object", "not an object")
    if b"\\ud" in line or b"\\uD" in line:
        _check_surrogates(fields, nothing)
    return Row(fields, nothing.file, nothing.number)


def _check_surrogates(fields: Fields, row: Row) -> None:
    where = surrogate(fields)
    if where:
        problem = "holds half of a surrogate pair, which is no character; the text was cut or mis-encoded"
        raise row.bad(where, problem, "lone surrogate")


def surrogate(value: object, where: str = "") -> str:
    """Return where in ``value`` a text (or a name) holds a lone surrogate, or ``""``."""
    if isinstance(value, str):
        return where if any("\ud800" <= letter <= "\udfff" for letter in value) else ""
    if isinstance(value, dict):
        inner = [(f"{where}.{name}".removeprefix("."), part) for name, part in value.items()]
        inner += [(f"a name in {where or 'the row'}", name) for name in value]
    elif isinstance(value, list):
        inner = [(f"{where}[{i}]", part) for i, part in enumerate(value)]
    else:
        return ""
    return next((found for found in (surrogate(part, name) for name, part in inner) if found), "")


def _parquet(path: Path, _: Ledger, name: str) -> Iterator[Row]:
    at = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=256):
            for fields in plain_rows(batch):
                at += 1
                yield Row(fields, name, at)


def plain_rows(batch: Any) -> list[Fields]:
    """Return the rows of an Arrow batch or table; dates, times and decimals become their text."""
    rows: list[Fields] = [{name: _plain(value) for name, value in row.items()} for row in batch.to_pylist()]
    return rows


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _csv(path: Path, ledger: Ledger, name: str) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as stream:
        yield from _records(stream, ledger, name)


def _records(stream: TextIO, ledger: Ledger, name: str) -> Iterator[Row]:
    lines = csv.reader(stream, strict=True)
    header = next(lines, [])
    if len(set(header)) < len(header):
        raise BadSource(f"{name}: two columns have the same name in the header: {', '.join(header)}")
    for at, cells in enumerate(lines, 1):
        row = Row({column: _cell(column, text) for column, text in zip(header, cells, strict=False)}, name, at)
        if len(cells) != len(header):
            problem = f"has {len(cells)} cells; the header names {len(header)} columns"
            ledger.bad(row.bad("", problem, "wrong number of cells"))
        elif field := surrogate(row.fields):
            ledger.bad(row.bad(field, "is not UTF-8", "not UTF-8"))
        else:
            yield row


def _cell(column: str, text: str) -> Any:
    """Return a csv cell as a value: structures and turns from JSON, numbers (or null) in number columns."""
    if text.startswith(("[", "{")) and (column in _STRUCTURES or column in _CONTENTS):
        return _structure(column, text)
    return _number(text) if column in _NUMBERS else text


def _structure(column: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    turns = isinstance(value, list) and all(isinstance(turn, dict) for turn in value)
    return value if turns or column in _STRUCTURES else text


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


READERS: dict[str, Callable[[Path, Ledger, str], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl_gz,
    ".parquet": _parquet,
    ".csv": _csv,
}
