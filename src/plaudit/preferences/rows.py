"""Rows of a source, the errors that name them, and the ledger of what became of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from plaudit.preferences.preference import Preference

Fields = dict[str, Any]
"""The fields of one row, as a JSON object."""


class BadSource(ValueError):
    """A source as a whole cannot be read: it is missing, empty, unreachable, or not in a known format."""


class Unwritable(ValueError):
    """A record holds what the format asked for has no field for."""


class BadRow(ValueError):
    """One row is malformed; the message names file, row and field.

    Attributes:
        file: the file (or hub data set) as the reader knows it.
        number: the row, counted from 1 (lines of a jsonl, records of csv and parquet).
        field: the field at fault, or ``""`` for the row as a whole.
        reason: a short phrase under which dropped rows are counted.
    """

    def __init__(self, row: "Row", field: str, problem: str, reason: str) -> None:
        self.file, self.number, self.field, self.reason = row.file, row.number, field, reason
        where = f"{row.file or 'rows'}, row {row.number}"
        super().__init__(f"{where}, field {field!r}: {problem}" if field else f"{where}: {problem}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source: its fields, and where it stands."""

    fields: Mapping[str, Any]
    file: str = ""
    number: int = 0

    def bad(self, field: str, problem: str, reason: str) -> BadRow:
        """Return the error for this row; ``reason`` is the phrase it is counted under when dropped."""
        return BadRow(self, field, problem, reason)

    def missing(self, field: str, right: str) -> BadRow:
        """Return the error for an absent ``field``; ``right`` says what belongs there."""
        has = ", ".join(self.fields) or "none"
        return self.bad(field, f"is missing (the row has: {has}); it should be {right}", f"missing {field}")

    def wrong(self, field: str, value: object, right: str) -> BadRow:
        """Return the error for a ``field`` whose value is not what belongs there."""
        shown = repr(value)
        return self.bad(
            field, f"is {shown[:60]}{'…' if len(shown) > 60 else ''}; it should be {right}", f"wrong {_bare(field)}"
        )


def _bare(field: str) -> str:
    """``responses[3].text`` -> ``responses.text``: one reason for all positions."""
    return "".join(part.split("]")[-1] for part in field.split("["))


@dataclass(slots=True)
class Ledger:
    """What became of the rows: a bad one raises, or is counted when ``drop``.

    Attributes:
        drop: count bad rows instead of raising.
        drops: rows dropped, by reason.
        row: the row at which the record yielded last began.
    """

    drop: bool = False
    drops: Counter[str] = field(default_factory=Counter)
    row: Row = field(default_factory=lambda: Row({}))

    def bad(self, error: BadRow) -> None:
        """Raise ``error``, or count it."""
        if not self.drop:
            raise error
        self.drops[error.reason] += 1


def each(rows: Iterable[Row], parse: Callable[[Row], Preference], ledger: Ledger | None = None) -> Iterator[Preference]:
    """Yield ``parse(row)`` for every row; a `BadRow` goes to the ledger (which raises unless told to drop)."""
    ledger = ledger or Ledger()
    for row in rows:
        try:
            preference = parse(row)
        except BadRow as error:
            ledger.bad(error)
            continue
        ledger.row = row
        yield preference
