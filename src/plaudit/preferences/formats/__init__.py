"""Formats of preference data: one file each, reading rows into records and writing records back into rows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol

from plaudit.preferences.preference import Preference
from plaudit.preferences.rows import Fields, Ledger, Row


class Format(Protocol):
    """What every format offers. Reading and writing are inverse: every field of every row survives.

    Attributes:
        needs: the columns a row must have, in words, for messages.
        example: rows of this format, with every feature of it.
    """

    needs: ClassVar[str]
    example: ClassVar[tuple[Fields, ...]]

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a row with these fields is meant to be in this format."""
        ...

    def read(self, rows: Iterable[Row], ledger: Ledger | None = None) -> Iterator[Preference]:
        """Yield the records of ``rows``.

        Raises:
            BadRow: a row is malformed (and ``ledger``, if given, does not drop).
        """
        ...

    def write(self, preferences: Iterable[Preference]) -> Iterator[Fields]:
        """Yield the rows of ``preferences``.

        Raises:
            Unwritable: a record holds what this format has no field for.
        """
        ...
