"""A campaign behind its app, without a network: annotators and an owner with cookies of their own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from plaudit.annotation.app import create_app
from plaudit.annotation.door import Door
from plaudit.annotation.downloads import DOWNLOADS, Download
from plaudit.annotation.links import Links
from plaudit.annotation.records import Task
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from tests.annotation.campaigns import GOOD, pairs
from tests.annotation.conftest import PLAIN

SECRET = b"a secret for tests only, 32 byte"
EVIL = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>\"'&"


@dataclass
class Browser:
    """Somebody's browser: a client with cookies, and the token of the page that it shows."""

    client: TestClient
    page: str = ""
    token: str = field(default="", repr=False)

    def get(self, path: str, **options: Any) -> Any:
        reply = self.client.get(path, **options)
        self.page = reply.text
        found = re.search(r'(?:data-csrf|name="csrf" value)="([0-9a-f]+)"', reply.text)
        self.token = found[1] if found else self.token
        return reply

    def post(self, path: str, fields: Mapping[str, Any], *, script: bool = False, **options: Any) -> Any:
        headers = {"accept": "application/json", "x-csrf-token": self.token} if script else {}
        data = dict(fields) if script else {"csrf": self.token, **fields}
        return self.client.post(path, data=data, headers=headers | options.pop("headers", {}), **options)

    @property
    def assignment(self) -> str:
        found = re.search(r'name="assignment" value="(\d+)"', self.page)
        assert found, self.page
        return found[1]

    def letter(self, said: str = GOOD) -> str:
        """The letter of the response with these words."""
        found = re.search(rf'data-letter="([A-Z])">{re.escape(said)}<', self.page)
        assert found, self.page
        return found[1]

    def answer(self, choice: str | None = None, *, script: bool = True, **fields: Any) -> Any:
        """Answer what is shown, by default with the good one."""
        given = {"assignment": self.assignment, "choice": choice or self.letter(), **fields}
        return self.post("/answer", given, script=script)


class Site:
    """An app over a new SQLite file."""

    def __init__(
        self,
        path: Path,
        tasks: Iterable[Task] = (),
        settings: Settings = PLAIN,
        downloads: Mapping[str, Download] | None = None,
    ) -> None:
        self.store = Store(path / "campaign.db", settings)
        self.store.add_tasks(tasks or pairs(4))
        self.door = Door(self.store, Links(SECRET))
        self.app = create_app(self.store, self.door, DOWNLOADS if downloads is None else downloads)

    def browser(self) -> Browser:
        return Browser(TestClient(self.app, raise_server_exceptions=False))

    def annotator(self, name: str = "ann", days: float = 1) -> Browser:
        browser = self.browser()
        reply = browser.get(self.door.annotator_link(self.store.add_annotator(name), days))
        assert reply.status_code == 200, reply.text
        return browser

    def owner(self) -> Browser:
        browser = self.browser()
        assert browser.get(self.door.owner_link(1)).status_code == 200
        return browser
