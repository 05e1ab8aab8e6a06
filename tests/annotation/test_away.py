"""A database that goes away and comes back: a clear error in between, and nothing that was acknowledged is lost."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from plaudit.annotation.errors import StoreAway
from plaudit.annotation.records import Answer
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from plaudit.annotation.store.database import url_of
from tests.annotation.campaigns import answer_all, pairs, shown
from tests.annotation.conftest import PLAIN
from tests.annotation.postgres import NoServer, Server


def test_moved_file_is_away_until_it_is_back(tmp_path: Path) -> None:
    """Writes to a file that was moved would be lost: they are refused; after it is back the same form is stored."""
    file, hidden = tmp_path / "a.db", tmp_path / "hidden"
    with Store(file, PLAIN) as store:
        store.add_tasks(pairs(2))
        ann = store.add_annotator("ann").id
        view = shown(store, ann)
        hidden.mkdir()
        for one in tmp_path.glob("a.db*"):
            one.rename(hidden / one.name)
        for act in (
            lambda: store.answer(ann, view.assignment, Answer(choice="A")),
            lambda: store.next(ann),
            store.progress,
        ):
            with pytest.raises(StoreAway, match=r"a\.db: it is not there"):
                act()
        assert not file.exists()
        for one in hidden.glob("a.db*"):
            one.rename(tmp_path / one.name)

        assert store.answer(ann, view.assignment, Answer(choice="A")).first
        assert len(store.answers()) == 1


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    """A copy under the same name is not silently taken for the database that connections are open to."""
    file = tmp_path / "a.db"
    with Store(file, PLAIN) as store:
        store.add_tasks(pairs(1))
        shutil.copy(file, tmp_path / "copy")
        (tmp_path / "copy").rename(file)
        with pytest.raises(StoreAway, match="another file"):
            store.add_annotator("ann")


def test_locked_database_is_away_for_as_long(tmp_path: Path) -> None:
    """Another program's lock that outlasts the patience is an error to try again after; then all is as before."""
    file = tmp_path / "a.db"
    with Store(file, PLAIN, busy_seconds=0.05) as store:
        store.add_tasks(pairs(1))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreAway, match=r"locked.*try again"):
            store.add_annotator("ann")
        assert store.progress().tasks == 1
        other.execute("ROLLBACK")
        other.close()

        assert store.add_annotator("ann").id == 1


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A folder that is not there, or a file of something else, is an error that names it."""
    (tmp_path / "text.db").write_text("not a database at all, but long enough to look like a page " * 20)
    with pytest.raises(StoreAway, match="nowhere"):
        Store(tmp_path / "nowhere" / "a.db")
    with pytest.raises(StoreAway, match=r"text\.db.*not a database"):
        Store(tmp_path / "text.db")


@pytest.mark.parametrize("where", ["mysql://me@host/a", "sqlite://", "sqlite:///:memory:", "nonsense://"])
def test_urls_that_cannot_be_used(where: str) -> None:
    """Only files and PostgreSQL are taken; the message says so, without a password."""
    with pytest.raises(ValueError, match="database"):
        url_of(where)


def test_urls_that_can_be_used(tmp_path: Path) -> None:
    """Paths are SQLite files; PostgreSQL goes through psycopg 3, however its URL is written."""
    assert url_of(tmp_path / "a.db").render_as_string() == f"sqlite:///{tmp_path}/a.db"
    assert url_of("postgresql://me:secret@host/a").drivername == "postgresql+psycopg"
    assert "secret" not in str(url_of("postgresql+psycopg2://me:secret@host/a").render_as_string())


def test_a_server_that_is_not_there() -> None:
    """A server that does not answer is away; the message names it without the password."""
    with pytest.raises(StoreAway) as caught:
        Store("postgresql://me:hidden@127.0.0.1:1/a", busy_seconds=2)

    assert "127.0.0.1:1" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.slow
def test_a_server_that_crashes_and_comes_back() -> None:
    """PostgreSQL is stopped as by a crash: clear errors while it is down; then everything acknowledged is there."""
    try:
        server = Server()
    except NoServer as error:
        pytest.skip(str(error))
    with server, Store(server.database(), Settings(overlap_share=0, gold_rate=0, check_rate=0)) as store:
        store.add_tasks(pairs(6))
        ann = store.add_annotator("ann").id
        assert answer_all(store, ann, most=3)[0] == 3
        view = shown(store, ann)
        server.stop("immediate")
        for act in (lambda: store.answer(ann, view.assignment, Answer(choice="A")), store.progress):
            with pytest.raises(StoreAway, match="try again"):
                act()
        server.start()

        assert store.answer(ann, view.assignment, Answer(choice="A")).first
        assert answer_all(store, ann)[0] == 2
        assert len(store.answers()) == 6
