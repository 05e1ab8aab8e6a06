"""Transactions on SQLite or PostgreSQL: whole or not at all, tried again where that is safe, clear when it is away."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from plaudit.annotation.errors import StoreAway

Result = TypeVar("Result")

TRIES = 6
_RACES = ("40001", "40P01", "55P03")  # PostgreSQL: serialisation failure, deadlock, lock not available


def url_of(where: str | Path) -> URL:
    """Return the database's URL: a path is a SQLite file, ``postgresql://…`` is spoken to with psycopg 3.

    Raises:
        ValueError: it is neither.
    """
    text = str(where)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).absolute()))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ValueError(f"the database {text.partition('://')[0]}://… is no URL: {error}") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        right = "a path of a SQLite file, or postgresql://user@host/name"
        raise ValueError(f"the database {url.render_as_string()} is not one plaudit can use; it should be {right}")
    return url.set(database=str(Path(url.database).absolute()))


class Database:
    """Runs functions in transactions.

    Args:
        where: a path or URL (see `url_of`).
        busy_seconds: how long to wait for a lock, or for a server, before it counts as away.
    """

    def __init__(self, where: str | Path, busy_seconds: float = 10.0) -> None:
        self.url = url_of(where)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._file = Path(self.url.database or "") if self.is_sqlite else None
        self._inode: tuple[int, int] | None = None
        self._turn: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()
        self.engine = _engine(self.url, busy_seconds)

    @property
    def name(self) -> str:
        """Return the URL without its password."""
        return self.url.render_as_string(hide_password=True)

    def write(self, work: Callable[[Session], Result]) -> Result:
        """Return what ``work`` returns, once all it did is stored for good.

        A race with another writer is tried again from the start, so ``work`` should do nothing but use its session.

        Raises:
            StoreAway: the database cannot be reached or cannot write; nothing counts as stored.
        """
        for left in range(TRIES, -1, -1):
            try:
                with self._turn:
                    return self._once(work, write=True)
            except (IntegrityError, OperationalError) as error:
                if not left or not _is_race(error):
                    raise self._away(error) from error
            except (DBAPIError, PoolTimeout) as error:
                raise self._away(error) from error
        raise AssertionError("unreachable")

    def read(self, work: Callable[[Session], Result]) -> Result:
        """Return what ``work`` returns from one consistent view of the database.

        Raises:
            StoreAway: the database cannot be reached.
        """
        try:
            return self._once(work, write=False)
        except (DBAPIError, PoolTimeout) as error:
            raise self._away(error) from error

    def _once(self, work: Callable[[Session], Result], *, write: bool) -> Result:
        self._check_file()
        with self.engine.connect() as connection:
            level = {} if self.is_sqlite else {"isolation_level": "READ COMMITTED" if write else "REPEATABLE READ"}
            connection.execution_options(plaudit_write=write, **level)
            with connection.begin(), Session(connection, expire_on_commit=False) as session:
                result = work(session)
                session.flush()
        if write:
            self._check_file()
        return result

    def _check_file(self) -> None:
        """Refuse to go on with a file that was moved away under the open connections: what they write would be lost."""
        if self._file is None or self._inode is None:
            return
        if _inode(self._file) != self._inode:
            self.engine.dispose()
            there = "another file lies there now" if self._file.exists() else "it is not there"
            raise StoreAway(f"{self._file}: {there}; put the database back, then do the same again")

    def remember_file(self) -> None:
        """Take the file as it is now for the database."""
        if self._file is not None:
            self._inode = _inode(self._file)

    def _away(self, error: Exception) -> Exception:
        if isinstance(error, IntegrityError):
            return error
        if isinstance(error, DBAPIError) and not _is_cut(error):
            return error
        self.engine.dispose()
        cause = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        return StoreAway(f"the database {self.name} cannot be used now ({cause}); nothing was stored: try again")

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()


def _engine(url: URL, busy_seconds: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=8, max_overflow=64, connect_args={"timeout": busy_seconds})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    seconds = {"connect_timeout": max(2, round(busy_seconds))}
    return create_engine(url, pool_size=16, max_overflow=16, pool_timeout=busy_seconds, connect_args=seconds)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Set what every connection needs: our own BEGIN, foreign keys, a write-ahead log that is on the disk at commit."""
    connection.isolation_level = None
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin writing at once where something will be written: a lock taken later could not be waited for."""
    write = connection.get_execution_options().get("plaudit_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _is_race(error: DBAPIError) -> bool:
    """Return whether two writers met: one of them may just try again."""
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", None) in _RACES


def _is_cut(error: DBAPIError) -> bool:
    """Return whether the database or the way to it is at fault, whatever the driver calls that, and not the statement.

    SQLite has a plain `DatabaseError` for a file that is damaged or is something else.
    """
    faults = (OperationalError, InterfaceError)
    return bool(error.connection_invalidated) or isinstance(error, faults) or type(error) is DatabaseError


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
