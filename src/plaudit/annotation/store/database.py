"""Transactions on SQLite or PostgreSQL: whole or not at all, tried again where that is safe, clear when it is away."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from anyio.to_thread import run_sync
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from plaudit.annotation.errors import StoreAway
from plaudit.annotation.store.statements import Hand, Raced
from plaudit.annotation.store.writer import Writer

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
        self._busy_seconds = busy_seconds
        self.engine = _engine(self.url, busy_seconds)
        self._driver: Any = self.engine.dialect.loaded_dbapi
        self._writer = Writer(self._connect_sqlite, self._check_file, self._away) if self.is_sqlite else None

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
        if self._writer is None:
            return self._tried(lambda: self._once(work, write=True))
        writer = self._writer
        return self._tried(lambda: writer.do_alone(lambda: self._once(work, write=True)))

    def act(self, work: Callable[[Hand], Result], look: Callable[[Hand], Result | None] | None = None) -> Result:
        """Return what ``work`` returns, once all it did is stored for good: `write` for what is asked for all day.

        In SQLite all works that wait share one commit; in PostgreSQL each has its own transaction, tried again where
        it raced with another.

        Args:
            work: reads and writes; it should do nothing but use its hand.
            look: one statement that reads. Where it returns something, that is the result and nothing is written.

        Raises:
            StoreAway: the database cannot be reached or cannot write; nothing counts as stored.
        """
        if self._writer is not None:
            return self._writer.do(work, look)
        return self._tried(lambda: self._acted(work, look))

    async def acting(
        self, work: Callable[[Hand], Result], look: Callable[[Hand], Result | None] | None = None
    ) -> Result:
        """Do as `act` does, without holding up the event loop."""
        if self._writer is not None:
            return await self._writer.doing(work, look)
        return await run_sync(self.act, work, look)

    def hand(self, session: Session) -> Hand:
        """Return a hand within the session's transaction."""
        session.flush()
        cursor = session.connection().connection.cursor()
        return Hand(cursor, self.url.get_backend_name())

    def _tried(self, attempt: Callable[[], Result]) -> Result:
        for left in range(TRIES, -1, -1):
            try:
                return attempt()
            except (DBAPIError, PoolTimeout, Raced, self._driver.Error) as error:
                if not left or not self._is_race(error):
                    raise self._away(error) from error
        raise AssertionError("unreachable")

    def _acted(self, work: Callable[[Hand], Result], look: Callable[[Hand], Result | None] | None) -> Result:
        with self._borrowed() as connection:
            hand = Hand(connection.cursor(), "postgresql")
            if look is not None:
                connection.autocommit = True
                found = look(hand)
                connection.autocommit = False
                if found is not None:
                    return found
            result = work(hand)
            connection.commit()
            return result

    @contextmanager
    def _borrowed(self) -> Iterator[Any]:
        """Lend a connection of the driver from the pool; what is not committed at the end is undone."""
        lent = self.engine.raw_connection()
        connection: Any = lent.driver_connection
        try:
            yield connection
        finally:
            if not connection.closed and connection.autocommit:
                connection.autocommit = False
            lent.close()

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

    def _is_race(self, error: Exception) -> bool:
        """Return whether two writers met: one of them may just try again."""
        cause = _cause(error)
        raced = isinstance(cause, Raced | self._driver.IntegrityError)
        return raced or getattr(cause, "sqlstate", None) in _RACES

    def _away(self, error: Exception) -> Exception:
        """Return what is raised for an error: itself, unless the database or the way to it is at fault."""
        if isinstance(error, StoreAway):
            return StoreAway(*error.args)
        if not self._is_fault(error):
            return error
        self.engine.dispose()
        cause = str(_cause(error)).strip().split("\n")[0]
        return StoreAway(f"the database {self.name} cannot be used now ({cause}); nothing was stored: try again")

    def _is_fault(self, error: Exception) -> bool:
        """Return whether the database is at fault, whatever the driver calls that, and not the statement.

        SQLite has a plain `DatabaseError` for a file that is damaged or is something else.
        """
        cause, driver = _cause(error), self._driver
        faults = (driver.OperationalError, driver.InterfaceError, PoolTimeout, Raced)
        cut = isinstance(error, DBAPIError) and error.connection_invalidated
        return cut or isinstance(cause, faults) or type(cause) is driver.DatabaseError

    def _connect_sqlite(self) -> sqlite3.Connection:
        """Open the connection of the writing thread."""
        connection = sqlite3.connect(self._file or "", timeout=self._busy_seconds, check_same_thread=False)
        _prepare_sqlite(connection, None)
        return connection

    def close(self) -> None:
        """Let all connections go."""
        if self._writer is not None:
            self._writer.close()
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


def _cause(error: Exception) -> Exception:
    """Return the driver's error, where SQLAlchemy put its own around it."""
    return getattr(error, "orig", None) or error


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
