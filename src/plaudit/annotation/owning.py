"""The owner's side of the app: the overview, links, guidelines, closing, export."""

import math
from collections.abc import Mapping
from threading import Lock
from time import monotonic

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from plaudit.annotation.door import Door, check_csrf
from plaudit.annotation.downloads import Download
from plaudit.annotation.errors import Unknown
from plaudit.annotation.forms import BadForm, Fields, fields_of
from plaudit.annotation.overview import overview
from plaudit.annotation.pages.owner import owner_page
from plaudit.annotation.pages.views import LinkRow, OwnerView, Visitor
from plaudit.annotation.replies import CannotSay, Page, onward
from plaudit.annotation.store import Store
from plaudit.pages.blocks import Section

MOST_DAYS = 366
LONGEST_GUIDELINES = 100_000
FRESH_SECONDS = 5.0
"""How old the figures of the overview may be; they are made anew after that long, and not for every look."""

MOST_OF_THE_TIME = 10
"""Nor before so many times as long as making them took: annotators come first."""


class Office:
    """Serves the owner.

    Args:
        store: of the campaign.
        door: knows who asks, and makes links.
        downloads: by file name.
    """

    def __init__(self, store: Store, door: Door, downloads: Mapping[str, Download]) -> None:
        self._store = store
        self._door = door
        self._downloads = downloads
        self._making = Lock()
        self._made: tuple[Section, ...] = ()
        self._stale = -math.inf

    def look(self, request: Request) -> Response:
        """``GET /owner``: the owner's page."""
        return Page(self._page(self._door.owner(request)))

    def _page(self, visitor: Visitor, created: tuple[str, str] | None = None) -> str:
        guidelines = self._store.guidelines()
        view = OwnerView(
            title=self._store.settings.title,
            sections=self._sections(),
            links=tuple(LinkRow(one.name, one.active) for one in self._store.annotators()),
            created=created,
            exports=tuple((name, one.words) for name, one in self._downloads.items()),
            guidelines=guidelines.markdown,
            version=guidelines.version,
            closed=self._store.progress().closed is not None,
        )
        return owner_page(view, visitor)

    def _sections(self) -> tuple[Section, ...]:
        """Return the overview, made by one thread at a time and not too often."""
        with self._making:
            begun = monotonic()
            if begun >= self._stale:
                self._made = overview(self._store)
                ended = monotonic()
                self._stale = ended + max(FRESH_SECONDS, MOST_OF_THE_TIME * (ended - begun))
            return self._made

    async def _fields(self, request: Request) -> tuple[Visitor, Fields]:
        """Return the fields of a form, if the owner sent it from a page of ours."""
        fields = await fields_of(request)
        visitor = await run_in_threadpool(self._door.owner, request)
        check_csrf(visitor, request, fields["csrf"])
        return visitor, fields

    async def make_link(self, request: Request) -> Response:
        """``POST /owner/links/make``: an annotator's personal link, shown this once."""
        visitor, fields = await self._fields(request)
        name, days = fields["name"].strip(), _days(fields["days"])
        return Page(await run_in_threadpool(self._make_link, str(request.base_url), visitor, name, days))

    def _make_link(self, base: str, visitor: Visitor, name: str, days: int) -> str:
        try:
            annotator = self._store.add_annotator(name)
        except ValueError as error:
            raise BadForm(str(error)) from error
        if not annotator.active:
            self._store.set_active(annotator.id, active=True)
        link = base.rstrip("/") + self._door.annotator_link(annotator, days)
        return self._page(visitor, (annotator.name, link))

    async def revoke(self, request: Request) -> Response:
        """``POST /owner/links/revoke``: an annotator's links are void, and nobody answers in this name."""
        _, fields = await self._fields(request)
        await run_in_threadpool(self._revoke, fields["name"])
        return onward("/owner#links")

    def _revoke(self, name: str) -> None:
        found = next((one for one in self._store.annotators() if one.name == name), None)
        if found is None:
            raise Unknown(f"there is no annotator called {name[:100]!r}")
        self._store.revoke(found.id)
        self._store.set_active(found.id, active=False)

    async def write_guidelines(self, request: Request) -> Response:
        """``POST /owner/guidelines``: a new version, shown with the tasks that are handed out from now on."""
        _, fields = await self._fields(request)
        text = fields["guidelines"].replace("\r\n", "\n")
        if len(text) > LONGEST_GUIDELINES:
            raise BadForm(f"the guidelines have {len(text)} characters; they should have {LONGEST_GUIDELINES} or fewer")
        await run_in_threadpool(self._store.add_guidelines, text)
        return onward("/owner#guidelines")

    async def close(self, request: Request) -> Response:
        """``POST /owner/close``: no more tasks are handed out."""
        await self._fields(request)
        await run_in_threadpool(self._store.close_campaign)
        return onward("/owner#export")

    async def reopen(self, request: Request) -> Response:
        """``POST /owner/open``: tasks are handed out again."""
        await self._fields(request)
        await run_in_threadpool(self._store.reopen)
        return onward("/owner#export")

    def export(self, request: Request, name: str) -> Response:
        """``GET /owner/export/NAME``: everything that was answered, as a file."""
        self._door.owner(request)
        found = self._downloads.get(name)
        if found is None:
            raise Unknown(f"there is no export {name[:100]!r}; known: {', '.join(self._downloads)}")
        try:
            parts = [part.encode("utf-8", "replace") for part in found.parts(self._store)]
        except ValueError as error:
            raise CannotSay(f"{name}: {error}") from error
        self._store.note("exported", {"file": name})
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(
            b"".join(parts), media_type=found.media, headers=headers | {"X-Content-Type-Options": "nosniff"}
        )


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST_DAYS and len(text) < 4):
        raise BadForm(f"days is {text[:20]!r}; it should be a whole number from 1 to {MOST_DAYS}")
    return int(text)
