"""Statements of the hot paths: made from the tables once, kept as the driver's own text, run on its own cursor.

What a statement costs through objects of an ORM is many times what SQLite needs for it. Here a statement is compiled
once for each kind of database; rows come as tuples, JSON as text.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ClauseElement, Dialect, Text, cast, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from plaudit.annotation.store.tables import FREE, HELD, SEEN

_DIALECTS: dict[str, Dialect] = {
    "sqlite": SQLiteDialect_pysqlite(paramstyle="qmark"),
    "postgresql": PGDialect_psycopg(paramstyle="format"),
}

# An index over some of the rows is used only where a statement says which in the very words of the index.
IS_HELD, IS_SEEN, IS_FREE = text(HELD), text(SEEN), text(FREE)


class Prepared:
    """A statement, and its text and parameters for each kind of database.

    Args:
        statement: of SQLAlchemy, with a ``bindparam`` for all that changes.
        columns: those that an ``insert`` fills, each a parameter of that name.
    """

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = list(columns) if columns is not None else None
        self._made: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def on(self, kind: str) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """Return the text, the names of its parameters in order, and the values of those that never change."""
        made = self._made.get(kind)
        if made is None:
            compiled: Any = self._statement.compile(dialect=_DIALECTS[kind], column_keys=self._columns)
            fixed = {name: one.value for name, one in compiled.binds.items() if not one.required}
            made = self._made[kind] = (str(compiled), tuple(compiled.positiontup), fixed)
        return made


class Raced(Exception):
    """What a transaction read is no longer so; it is to be begun again."""


class Hand:
    """Runs prepared statements within a transaction that somebody else begins and ends.

    Args:
        cursor: of the driver (`sqlite3` or psycopg).
        kind: of database: ``sqlite`` or ``postgresql``.
    """

    __slots__ = ("_cursor", "kind")

    def __init__(self, cursor: Any, kind: str) -> None:
        self._cursor = cursor
        self.kind = kind

    def lock(self, statement: Prepared, **values: Any) -> None:
        """Lock rows, where others could be at them: in SQLite nobody is while a transaction writes."""
        if self.kind != "sqlite":
            self.rows(statement, **values)

    def row(self, statement: Prepared, **values: Any) -> tuple[Any, ...] | None:
        """Return the first row, or None."""
        self._run(statement, values)
        found: tuple[Any, ...] | None = self._cursor.fetchone()
        return found

    def rows(self, statement: Prepared, **values: Any) -> list[tuple[Any, ...]]:
        """Return all rows."""
        self._run(statement, values)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def number(self, statement: Prepared, **values: Any) -> int:
        """Return the number that a statement counts."""
        found = self.row(statement, **values)
        return int(found[0] or 0) if found is not None else 0

    def change(self, statement: Prepared, **values: Any) -> int:
        """Return how many rows a statement changed that returns none."""
        self._run(statement, values)
        return int(self._cursor.rowcount)

    def _run(self, statement: Prepared, values: dict[str, Any]) -> None:
        words, names, fixed = statement.on(self.kind)
        given = fixed | values if fixed else values
        self._cursor.execute(words, [given[name] for name in names])


def as_text(column: Any) -> Any:
    """Return a JSON column as text, whatever a driver would make of it."""
    return cast(column, Text)


@lru_cache(maxsize=4096)
def short(words: str) -> Any:
    """Return a short list out of JSON that comes again and again; nobody may change it."""
    return json.loads(words)
