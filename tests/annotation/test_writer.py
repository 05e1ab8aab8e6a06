"""Many works to one commit: each alone in what goes wrong, all together in what the disk says."""

import asyncio
import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, text

from plaudit.annotation.errors import BadAnswer, BadLink, StoreAway
from plaudit.annotation.links import Pass
from plaudit.annotation.records import Answer, Pause
from plaudit.annotation.store import Store
from plaudit.annotation.store.database import Database
from plaudit.annotation.store.statements import Hand, Prepared
from tests.annotation.campaigns import answer_all, letter_of, pairs, shown
from tests.annotation.conftest import PLAIN

PUT = Prepared(text("INSERT INTO written (n) VALUES (:n)").bindparams(bindparam("n", required=True)))
ALL = Prepared(text("SELECT n FROM written ORDER BY n"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file with one table."""
    made = Database(tmp_path / "a.db", busy_seconds=0.2)
    made.write(lambda session: session.execute(text("CREATE TABLE written (n INTEGER PRIMARY KEY)")))
    yield made
    made.close()


def together(database: Database, works: list[Callable[[Hand], Any]]) -> list[Any]:
    """Do works that all wait before the first of them is begun; return what came of each, errors included."""

    async def main() -> list[Any]:
        free, held = (
            threading.Event(),
            threading.Thread(target=database._writer.do_alone, args=(lambda: free.wait(10),)),
        )
        held.start()
        await asyncio.sleep(0.02)
        asked = [asyncio.ensure_future(database.acting(work)) for work in works]
        await asyncio.sleep(0)
        free.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        held.join()
        return found

    return asyncio.run(main())


def put(n: int) -> Callable[[Hand], int]:
    return lambda hand: n * hand.change(PUT, n=n)


def bad(n: int) -> Callable[[Hand], int]:
    def work(hand: Hand) -> int:
        hand.change(PUT, n=n)
        raise BadAnswer(f"not {n}")

    return work


def written(database: Database) -> list[int]:
    return [n for (n,) in database.act(lambda hand: hand.rows(ALL))]


@settings(max_examples=15)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=20))
def test_a_work_that_raises_harms_no_other(tmp_path_factory, asked: list[tuple[bool, int]]) -> None:
    """Good works, works that write and raise, works that break a promise of the tables: each as if it were alone."""
    database = Database(tmp_path_factory.mktemp("batch") / "a.db")
    database.write(lambda session: session.execute(text("CREATE TABLE written (n INTEGER PRIMARY KEY)")))
    expected: list[int] = []
    found = together(database, [put(n) if good else bad(n) for good, n in asked])
    for (good, n), came in zip(asked, found, strict=True):
        if n in expected:
            assert isinstance(came, sqlite3.IntegrityError)
        elif good:
            assert came == n
            expected.append(n)
        else:
            assert str(came) == f"not {n}"

    assert written(database) == sorted(expected)
    database.close()


class Failing(sqlite3.Connection):
    """A connection whose commits fail."""

    def cursor(self, *_: Any) -> Any:
        return super().cursor(FailingCursor)


class FailingCursor(sqlite3.Cursor):
    def execute(self, words: str, *values: Any) -> Any:
        if words == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(words, *values)


def test_a_commit_that_fails_stores_nothing(database: Database, monkeypatch) -> None:
    """All who shared it are told that the database is away, nothing of it is there, and the next commit is whole."""
    file = str(database._file)
    with monkeypatch.context() as broken:
        connect = lambda: sqlite3.connect(file, isolation_level=None, check_same_thread=False, factory=Failing)  # noqa: E731
        broken.setattr(database._writer, "_connect", connect)
        found = together(database, [put(1), bad(2), put(3)])

    assert all(isinstance(one, StoreAway) and "disk I/O error" in str(one) for one in found), found
    assert together(database, [put(4), put(5)]) == [4, 5]
    assert written(database) == [4, 5]


def test_a_fault_in_the_middle_is_everyones(database: Database) -> None:
    """If the database fails under one work, none of its commit counts; all may ask again."""

    def fail(_: Hand) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    found = together(database, [put(1), fail, put(2)])

    assert [type(one) for one in found] == [StoreAway] * 3
    assert written(database) == []


def test_anothers_lock_is_waited_for_and_then_told(database: Database) -> None:
    """Works wait for another program's lock as long as they should; all of them hear of it."""
    other = sqlite3.connect(str(database._file), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    found = together(database, [put(1), put(2)])
    other.execute("ROLLBACK")
    other.close()

    assert [type(one) for one in found] == [StoreAway] * 2
    assert together(database, [put(1)]) == [1]


def test_nobody_hears_before_the_commit(database: Database) -> None:
    """While another connection still sees nothing, nobody has been told; whoever is told, all can see."""
    other = sqlite3.connect(str(database._file), check_same_thread=False)
    seen: list[tuple[int, bool]] = []

    async def main() -> None:
        async def one(n: int) -> None:
            await database.acting(put(n))
            row = other.execute("SELECT count(*) FROM written WHERE n = ?", (n,)).fetchone()
            seen.append((n, row == (1,)))

        await asyncio.gather(*map(one, range(1, 30)))

    asyncio.run(main())
    other.close()
    assert sorted(seen) == [(n, True) for n in range(1, 30)]


def test_closed_and_used_again(database: Database) -> None:
    """A database that was let go begins anew with the next work, and ends without a thread or a file left over."""
    assert database.act(put(1)) == 1
    database.close()
    database.close()
    assert database.act(put(2)) == 2
    database.close()

    assert not [one for one in threading.enumerate() if one.name == "plaudit-writer" and one.is_alive()]


def test_a_waiter_who_left_holds_up_nobody(database: Database) -> None:
    """A task that was cancelled, or a loop that was closed, is passed over; its work is done all the same."""

    async def main() -> None:
        asked = [asyncio.ensure_future(database.acting(put(n))) for n in (1, 2)]
        await asyncio.sleep(0)
        asked[0].cancel()
        assert await asked[1] == 2

    asyncio.run(main())
    assert written(database) == [1, 2]


def _answer_until_killed(where: str, told: Any) -> None:
    """Answer in four threads, telling of every acknowledged answer; after a while, die in the middle of it."""
    store = Store(where, busy_seconds=60)

    def work(name: str) -> None:
        me = store.add_annotator(name).id
        while not isinstance(view := store.next(me), Pause):
            store.answer(me, view.assignment, Answer(choice=letter_of(view)))
            told.send(view.assignment)

    threading.Timer(0.4, lambda: os.kill(os.getpid(), 9)).start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ("a", "b", "c", "d")))


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    """A process is killed while four answer: every answer it acknowledged is there, once; the rest can be answered."""
    where = str(tmp_path / "a.db")
    with Store(where, PLAIN) as store:
        store.add_tasks(pairs(3000))
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    killed = context.Process(target=_answer_until_killed, args=(where, told))
    killed.start()
    told.close()
    acknowledged = []
    try:
        while True:
            acknowledged.append(heard.recv())
    except EOFError:
        killed.join()
    with Store(where) as store:
        stored = [given.assignment for given in store.answers()]
        assert killed.exitcode == -9
        assert acknowledged
        assert set(acknowledged) <= set(stored)
        assert len(stored) == len(set(stored)) == store.progress().given
        assert store.progress().live <= 4
        assert not isinstance(store.next(1), Pause)


def test_waiting_costs_no_lock(tmp_path: Path) -> None:
    """Who was told to wait is told so again while another program holds the file's lock; new work is then seen."""
    with Store(tmp_path / "a.db", PLAIN, busy_seconds=0.05) as store:
        store.add_tasks(pairs(1))
        ann, bob = store.add_annotator("ann").id, store.add_annotator("bob").id
        view = shown(store, ann)
        assert store.next(bob) == Pause("waiting")
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert store.next(bob) == Pause("waiting")
        with pytest.raises(StoreAway):
            store.next(ann)
        other.execute("ROLLBACK")
        other.close()
        store.release(ann, view.assignment)
        assert shown(store, bob).prompt == view.prompt
        assert answer_all(store, bob) == (1, Pause("done"))
        assert store.next(ann) == Pause("done")
        assert store.next(ann) == Pause("done")
        store.close_campaign()
        assert store.next(ann) == Pause("closed")
        store.reopen()
        store.add_tasks(pairs(2))
        assert shown(store, ann).prompt == "prompt of t1"


def test_a_link_is_looked_at_in_the_transaction(tmp_path: Path) -> None:
    """A link that was taken back opens nothing from the next request on, for those who wait as for those who work."""
    with Store(tmp_path / "a.db", PLAIN) as store:
        store.add_tasks(pairs(1))
        ann, bob = store.add_annotator("ann"), store.add_annotator("bob")
        good, other = Pass("annotator", ann.id, 0, 9), Pass("annotator", bob.id, 0, 9)

        async def main() -> None:
            view = (await store.desk.next_for(good)).view
            assert not isinstance(view, Pause)
            assert (await store.desk.next_for(other)).view == Pause("waiting")
            store.revoke(ann.id)
            store.set_active(bob.id, active=False)
            for carried in (good, other, Pass("annotator", 77, 0, 9)):
                with pytest.raises(BadLink, match="taken back"):
                    await store.desk.next_for(carried)
                with pytest.raises(BadLink, match="taken back"):
                    await store.desk.answer_from(carried, view.assignment, Answer(choice="A"))
            renewed = Pass("annotator", ann.id, 1, 9)
            assert (await store.desk.answer_from(renewed, view.assignment, Answer(choice="A"))).first

        asyncio.run(main())
        assert len(store.answers()) == 1
