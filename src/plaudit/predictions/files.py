"""Saved predictions: the columns of a set in a file that anybody can read, or in a small one.

Both forms hold the same fields; JSON writes a float64 with as many digits as it takes to read it back exactly.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from plaudit.replacing import replacing

OF_RESPONSES = ("rewards", "response_group", "lengths", "variance")
OF_COMPARISONS = ("chosen", "rejected", "outcome", "weight", "strength", "margin_variance")
VARIANCES = {"variance": "rewards", "margin_variance": "chosen"}
"""Fields that may be left out, and for each a column that is as long."""
TABLES = ("parts", "ratings")
"""Fields that hold a column of the responses for each of some names."""

Columns = dict[str, Any]
"""The fields of a `plaudit.predictions.Predictions` by name."""

_KIND = "plaudit predictions"


def write_columns(predictions: Any, path: Path) -> None:
    """Write the fields of ``predictions`` to ``path``; the file appears whole or not at all."""
    write = _form(path)[1]
    with replacing(path) as temporary:
        write(predictions, temporary)


def read_columns(path: Path) -> Columns:
    """Return the fields that `write_columns` wrote.

    Raises:
        ValueError: the file is not one of its; the message names the file, the line and the field.
    """
    try:
        return _form(path)[0](path)
    except (KeyError, TypeError, ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path}: not saved predictions: {error}") from error


def _write_lines(predictions: Any, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(predictions):
            file.write(json.dumps(row, allow_nan=False) + "\n")


def _rows(predictions: Any) -> Iterator[dict[str, Any]]:
    yield {
        "kind": _KIND,
        "responses": predictions.rewards.size,
        "comparisons": len(predictions),
        "by_response": predictions.by_response,
        "ids": bool(predictions.ids),
        "slices": list(predictions.slices),
        **{table: list(getattr(predictions, table)) for table in TABLES if getattr(predictions, table)},
        **_made_by(predictions),
    }
    responses = zip(*(getattr(predictions, name).tolist() for name in OF_RESPONSES), strict=True)
    for index, values in enumerate(responses):
        identity = {"id": predictions.ids[index]} if predictions.ids else {}
        row = identity | dict(zip(OF_RESPONSES, values, strict=True))
        yield _stated(row) | _entries(predictions, index)
    comparisons = zip(*(getattr(predictions, name).tolist() for name in OF_COMPARISONS), strict=True)
    for index, values in enumerate(comparisons):
        row = dict(zip(OF_COMPARISONS, values, strict=True))
        stated = None if np.isnan(row["strength"]) else row["strength"]
        yield _stated(row) | {"strength": stated, "slices": [labels[index] for labels in predictions.slices.values()]}


def _made_by(predictions: Any) -> dict[str, str]:
    return {"model": predictions.model} if predictions.model else {}


def _stated(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in VARIANCES or not np.isnan(value)}


def _entries(predictions: Any, index: int) -> dict[str, dict[str, float]]:
    """Return what each table holds of one response, without what is missing."""
    tables = {table: getattr(predictions, table) for table in TABLES}
    known = {
        table: {name: float(column[index]) for name, column in columns.items() if not np.isnan(column[index])}
        for table, columns in tables.items()
    }
    return {table: entries for table, entries in known.items() if entries}


def _read_lines(path: Path) -> Columns:
    with path.open(encoding="utf-8") as file:
        rows = [_parsed(line, number) for number, line in enumerate(file, 1)]
    head = rows[0] if rows else {}
    _check_head(head, len(rows) - 1)
    split = 1 + head["responses"]
    responses, comparisons = rows[1:split], rows[split:]
    slices = list(zip(*_field(comparisons, "slices", split + 1), strict=True))
    columns = {name: _field(responses, name, 2) for name in OF_RESPONSES}
    columns |= {name: _field(comparisons, name, split + 1) for name in OF_COMPARISONS}
    columns["strength"] = [np.nan if value is None else value for value in columns["strength"]]
    tables = {
        table: {name: np.array([row.get(table, {}).get(name, np.nan) for row in responses]) for name in head[table]}
        for table in TABLES
        if table in head
    }
    return {
        "by_response": head["by_response"],
        "slices": {name: slices[place] if slices else () for place, name in enumerate(head["slices"])},
        "ids": tuple(_field(responses, "id", 2)) if head["ids"] else (),
        **({"model": head["model"]} if "model" in head else {}),
        **tables,
        **{name: np.asarray(values) for name, values in columns.items()},
    }


def _parsed(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON ({error})") from error
    if type(row) is not dict:
        raise ValueError(f"line {number} is not an object")
    return row


def _check_head(head: Mapping[str, Any], rows: int) -> None:
    if head.get("kind") != _KIND:
        raise ValueError(f"line 1 does not say kind {_KIND!r}")
    promised = head["responses"] + head["comparisons"]
    if promised != rows:
        raise ValueError(f"line 1 promises {promised} lines after it and there are {rows}; the file was cut or edited")


def _field(rows: Sequence[Mapping[str, Any]], name: str, first_line: int) -> list[Any]:
    for number, row in enumerate(rows, first_line):
        if name not in row and name not in VARIANCES:
            raise ValueError(f"line {number} has no field {name!r}")
    return [row.get(name, np.nan) for row in rows]


def _write_arrays(predictions: Any, path: Path) -> None:
    names = {"slices": {name: labels.tolist() for name, labels in predictions.slices.items()}, "ids": predictions.ids}
    tables = {table: found for table in TABLES if (found := getattr(predictions, table))}
    listed = {table: list(found) for table, found in tables.items()}
    head = {"kind": _KIND, "by_response": predictions.by_response} | _made_by(predictions)
    described = json.dumps(head | names | listed, allow_nan=False)
    columns = {name: getattr(predictions, name) for name in OF_RESPONSES + OF_COMPARISONS}
    columns |= {table: np.stack([*found.values()]) for table, found in tables.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, described=np.frombuffer(described.encode(), np.uint8), **columns)


def _read_arrays(path: Path) -> Columns:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        described = json.loads(arrays["described"].tobytes())
        stated = [name for name in OF_RESPONSES + OF_COMPARISONS if name in arrays or name not in VARIANCES]
        columns = {name: arrays[name] for name in stated}
        listed = {table: described.pop(table, ()) for table in TABLES}
        tables = {
            table: dict(zip(found, arrays[table], strict=True)) if found else {} for table, found in listed.items()
        }
    if described.pop("kind", None) != _KIND:
        raise ValueError(f"it does not say kind {_KIND!r}")
    return {**described, **tables, **columns}


_FORMS: dict[str, tuple[Callable[[Path], Columns], Callable[[Any, Path], None]]] = {
    ".jsonl": (_read_lines, _write_lines),
    ".npz": (_read_arrays, _write_arrays),
}


def _form(path: Path) -> tuple[Callable[[Path], Columns], Callable[[Any, Path], None]]:
    if path.suffix not in _FORMS:
        raise ValueError(
            f"{path}: predictions are kept as {' or '.join(_FORMS)}, not {path.suffix or 'without suffix'!r}"
        )
    return _FORMS[path.suffix]
