"""Scores from anywhere: a CSV file with a comparison a row becomes predictions.

The first line names the columns, in any order:

``chosen``, ``rejected``                  needed; rewards of the preferred and of the other response, any finite numbers
``group``                                 the prompt, any text: rows of one prompt are resampled together
``chosen_id``, ``rejected_id``            identities of the two responses: by them rows are matched with those of
                                          another model
``outcome``                               1 where ``chosen`` was preferred (if left out), 0.5 for a tie
``weight``                                how much the row counts, 0 or more; 1 if left out
``strength``                              stated margin, empty where none was stated
``chosen_length``, ``rejected_length``    whole numbers; lengths of the texts in characters
``slice.NAME``                            a label, any text, to break figures down by

A response may be in several rows, under one id and, where there are groups, in one group; it then has one reward and
one length. Without groups, ids that come back make the response the unit of resampling, else every row is a unit.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.predictions import Floats, Predictions

NEEDED = ("chosen", "rejected")
NUMBERS = {"outcome": 1.0, "weight": 1.0, "strength": math.nan}
"""Columns of comparisons that may be left out, or left empty, and what they then hold."""
IDS, LENGTHS = ("chosen_id", "rejected_id"), ("chosen_length", "rejected_length")
SLICE = "slice."

Rows = Mapping[str, Sequence[str]]
"""The columns of a file by name, as text."""


class BadScores(ValueError):
    """A file of scores that cannot be used; the message names the file, the row and the column."""


def read_scores(path: Path | str) -> Predictions:
    """Return what a CSV file of scores says, see the module.

    Raises:
        BadScores: a column is missing or unknown, a row has too many or too few fields, a value is not what its column
            holds, or rows disagree about a response. The first row after the names is row 1.
        OSError: the file cannot be read.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = _columns(csv.reader(file, strict=True))
        return _predictions(columns)
    except (csv.Error, ValueError) as error:
        raise BadScores(f"{path}: {error}") from error


def _columns(reader: Any) -> Rows:
    names = [name.strip() for name in next(reader, [])]
    _check_names(names)
    rows = list(reader)
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise BadScores(f"row {number} has {len(row)} fields; there are {len(names)} columns")
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _check_names(names: Sequence[str]) -> None:
    known = (*NEEDED, "group", *IDS, *NUMBERS, *LENGTHS)
    for name in NEEDED:
        if name not in names:
            raise BadScores(f"there is no column {name!r}; there are: {', '.join(names) or 'none'}")
    for name in names:
        if name not in known and not (name.startswith(SLICE) and len(name) > len(SLICE)):
            raise BadScores(f"no column is called {name!r}; there can be: {', '.join(known)}, {SLICE}NAME")
        if names.count(name) > 1:
            raise BadScores(f"there are {names.count(name)} columns {name!r}; one is needed")
    for both in (IDS, LENGTHS):
        if len({*both} & {*names}) == 1:
            raise BadScores(f"{both[0]} and {both[1]} go together; one of them is missing")


def _predictions(columns: Rows) -> Predictions:
    count = len(columns["chosen"])
    responses = _Responses(columns, count)
    labels = {name.removeprefix(SLICE): list(own) for name, own in columns.items() if name.startswith(SLICE)}
    numbers: dict[str, Any] = {name: _numbers(columns, name, default) for name, default in NUMBERS.items()}
    lengths = [_numbers(columns, name, 0.0) for name in LENGTHS]
    return Predictions(
        rewards=responses.of([_numbers(columns, name, math.nan) for name in NEEDED], "reward"),
        lengths=responses.of(lengths, "length").astype(np.int64),
        chosen=responses.places[:count],
        rejected=responses.places[count:],
        response_group=responses.groups,
        by_response=responses.by_response,
        ids=responses.ids,
        slices={name: np.array(own, dtype=object) for name, own in labels.items()},
        **numbers,
    )


def _numbers(columns: Rows, name: str, default: float) -> Floats:
    """Return a column as numbers; NaN is refused where it is not the default of a column that may be left out."""
    if name not in columns:
        return np.full(len(columns["chosen"]), default)
    try:
        found = np.array([float(text) if text.strip() else default for text in columns[name]], np.float64)
    except ValueError:
        found = np.array([_number(text) for text in columns[name]])
    needed = name in NEEDED
    wrong = ~np.isfinite(found) if needed else np.isinf(found) | (np.isnan(found) & ~np.isnan(default))
    if name in LENGTHS:
        wrong |= (found < 0) | (found != np.round(found))
    if wrong.any():
        row = int(np.argmax(wrong))
        wanted = "a whole number, 0 or more" if name in LENGTHS else "a finite number"
        raise BadScores(f"row {row + 1}: {name} is {columns[name][row]!r}; it must be {wanted}")
    return found


def _number(text: str) -> float:
    """Return a number, or infinity for what is none, which no column may hold."""
    try:
        return float(text) if text.strip() else math.nan
    except ValueError:
        return math.inf


class _Responses:
    """The distinct responses of M rows: what is called alike is one response, what has no name is one by itself."""

    def __init__(self, columns: Rows, count: int) -> None:
        """Find them.

        Attributes:
            places: int64 [2 M], the response of each side, all chosen ones first.
            groups: int64 [N], the group of each.
            ids: their ids, or empty.
            by_response: whether each is a group of its own.
        """
        named = IDS[0] in columns
        self.ids: tuple[str, ...] = ()
        self.places = np.arange(2 * count)
        if named:
            self.ids, self.places = _numbered([*columns[IDS[0]], *columns[IDS[1]]])
            self._check_ids(count)
        self.by_response = named and "group" not in columns and len(self.ids) < 2 * count
        rows = _numbered(columns["group"])[1] if "group" in columns else np.arange(count)
        sides = np.tile(rows, 2).astype(np.float64)
        self.groups = np.arange(len(self.ids)) if self.by_response else self.of([sides], "group").astype(np.int64)

    def of(self, sides: Sequence[Floats], what: str) -> Floats:
        """Return what each response has, float64 [N], given what each side has, and refuse two answers."""
        column = np.concatenate(sides)
        found = np.zeros(int(self.places.max(initial=-1)) + 1)
        found[self.places] = column
        wrong = found[self.places] != column
        if wrong.any():
            side = int(np.argmax(wrong))
            row = side % (column.size // 2) + 1
            raise BadScores(
                f"row {row}: {self.ids[int(self.places[side])]!r} has another {what} here than further down"
            )
        return found

    def _check_ids(self, count: int) -> None:
        if "" in self.ids:
            side = int(np.argmax(self.places == self.ids.index("")))
            raise BadScores(
                f"row {side % count + 1}: {IDS[side // count]} is empty; every response needs an id, or none"
            )


def _numbered(texts: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the distinct texts in order of appearance, and the number of each."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return tuple(numbers), np.fromiter((numbers[text] for text in texts), np.int64, len(texts))
