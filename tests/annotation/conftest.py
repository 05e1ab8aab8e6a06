"""Stores to test: SQLite always, PostgreSQL where one can be started (slow)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from tests.annotation.postgres import NoServer, Server
from tests.browser import PATIENCE, launched

PLAIN = Settings(overlap_share=0, gold_rate=0, check_rate=0)
"""Every comparison once, nothing mixed in."""


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running PostgreSQL server, or a skip that says what to install."""
    try:
        server = Server()
        server.__enter__()
    except NoServer as error:
        pytest.skip(str(error))
    yield server
    server.__exit__()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that is new, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "campaign.db")
    server: Server = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def open_store(where: str, clock: Clock) -> Iterator[Callable[..., Store]]:
    """Open stores over the same database; they are closed at the end."""
    opened: list[Store] = []

    def open_one(settings: Settings = PLAIN, **options: object) -> Store:
        opened.append(Store(where, settings, clock, **options))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium, or skip; for slow tests."""
    with launched() as opened:
        yield opened


@pytest.fixture
def visit(chromium):
    """Open a browser of its own at a link; at the end nothing was complained of but what a test expects."""
    contexts, complaints, expected = [], [], []

    def go(link: str, width: int = 1280, scheme: str = "light", expect: str = "never"):
        expected.append(expect)
        touch = width < 500
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=touch, accept_downloads=True
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda one: complaints.append(one.text) if one.type in {"error", "warning"} else None)
        context.on("weberror", lambda one: complaints.append(str(one.error)))
        page = context.new_page()
        page.goto(link)
        return page

    yield go
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.broken") is None
        context.close()
    assert [one for one in complaints if not any(words in one for words in expected)] == []
