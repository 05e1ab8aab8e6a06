"""The one thread that writes to a SQLite file: all works that wait share one commit, so one wait for the disk.

Each work runs under a savepoint of its own: one that raises is undone and raises where it was asked for, and the others
do not notice. Nobody hears that a work is done before it is on the disk.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from plaudit.annotation.store.statements import Hand

Result = TypeVar("Result")

MOST = 256
"""Works that share a commit; more wait for the next one."""


@dataclass(slots=True, eq=False)
class _Job:
    """Something to do, and who waits for it: a thread, or (with a ``loop``) a task of asyncio.

    ``look`` may answer without a transaction; ``work`` is None for what has a transaction of its own.
    """

    work: Callable[[Hand], Any] | None
    look: Callable[[Any], Any]
    future: "Future[Any] | asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop | None = None
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        """Tell the one who waits, unless they left."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Does works in turn, in a thread that begins with the first of them.

    Args:
        connect: opens a connection that begins no transaction by itself.
        check: raises where the file is no longer the one that was opened.
        away: returns what a fault of the database is to those who asked.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        check: Callable[[], None],
        away: Callable[[Exception], Exception],
    ) -> None:
        self._connect, self._check, self._away = connect, check, away
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None

    def do(self, work: Callable[[Hand], Result], look: Callable[[Hand], Result | None] | None = None) -> Result:
        """Return what a work returns, once it is on the disk; or what ``look`` returns, where that is not None."""
        found: Result = self._wait(_Job(work, look or _nothing, Future()))
        return found

    async def doing(
        self, work: Callable[[Hand], Result], look: Callable[[Hand], Result | None] | None = None
    ) -> Result:
        """Do the same without holding a thread."""
        loop = asyncio.get_running_loop()
        job = _Job(work, look or _nothing, loop.create_future(), loop)
        self._put(job)
        found: Result = await job.future  # type: ignore[misc]  # it is the loop's
        return found

    def do_alone(self, work: Callable[[], Result]) -> Result:
        """Return what a work returns that has a connection and a transaction of its own, while nothing else writes."""
        found: Result = self._wait(_Job(None, lambda _: work(), Future()))
        return found

    def close(self) -> None:
        """Finish what was asked for, and let the connection go. The next work begins anew."""
        with self._starting:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put(None)
                thread.join()

    def _wait(self, job: _Job) -> Any:
        self._put(job)
        assert isinstance(job.future, Future)
        return job.future.result()

    def _put(self, job: _Job) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="plaudit-writer", daemon=True)
                self._thread.start()
            self._waiting.put(job)

    def _serve(self) -> None:
        going = True
        while going:
            taken = self._take()
            going = None not in taken
            for alone, jobs in groupby(filter(None, taken), key=lambda job: job.work is None):
                (self._each if alone else self._together)(list(jobs))
        self._drop()

    def _take(self) -> list[_Job | None]:
        """Return all that waits, one at least; None stands for the end."""
        taken = [self._waiting.get()]
        with suppress(Empty):
            while taken[-1] is not None and len(taken) < MOST:
                taken.append(self._waiting.get_nowait())
        return taken

    def _each(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            _try(job, job.look, None)
            _tell([job])

    def _together(self, jobs: Sequence[_Job]) -> None:
        """Do works in one transaction; if that fails, none of them is done."""
        left = list(jobs)
        try:
            self._check()
            connection = self._connection = self._connection or self._connect()
            left = self._looked(jobs, Hand(connection.cursor(), "sqlite"))
            if left:
                self._commit(left, connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            self._drop()
            for job in left:
                job.error = self._away(error)
        _tell(jobs)

    def _looked(self, jobs: Sequence[_Job], hand: Hand) -> list[_Job]:
        """Return the jobs that a look does not settle."""
        for job in jobs:
            if job.look is not _nothing:
                _try(job, job.look, hand)
        return [job for job in jobs if job.result is None and job.error is None]

    def _commit(self, jobs: Sequence[_Job], connection: sqlite3.Connection) -> None:
        cursor = connection.cursor()
        hand = Hand(cursor, "sqlite")
        cursor.execute("BEGIN IMMEDIATE")
        for job in jobs:
            assert job.work is not None
            cursor.execute("SAVEPOINT work")
            _try(job, job.work, hand)
            if job.error is not None:
                cursor.execute("ROLLBACK TO work")
            cursor.execute("RELEASE work")
        cursor.execute("COMMIT")
        self._check()

    def _drop(self) -> None:
        """Let the connection go; what was not committed is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _nothing(_: Any) -> None:
    return None


def _try(job: _Job, work: Callable[[Any], Any], hand: Hand | None) -> None:
    """Do a job; what it raises is its own, but for faults of the database: those are everyone's."""
    try:
        job.result = work(hand)
    except Exception as error:
        if hand is not None and is_fault(error):
            raise
        job.error = error


def is_fault(error: Exception) -> bool:
    """Return whether SQLite or the disk is at fault, and not the statement.

    SQLite has a plain `DatabaseError` for a file that is damaged or is something else.
    """
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _tell(jobs: Sequence[_Job]) -> None:
    """Tell all who wait; a loop is woken once for all of its own."""
    waking: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        if job.loop is None:
            job.settle()
        else:
            waking.setdefault(job.loop, []).append(job)
    for loop, settled in waking.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, settled)


def _settle(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.settle()
