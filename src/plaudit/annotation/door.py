"""Who comes in: a link becomes a cookie, a cookie an annotator or the owner, and a form proves its page."""

import hashlib
import hmac
import time
from functools import lru_cache
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from plaudit.annotation.errors import BadLink
from plaudit.annotation.links import KEPT, Links, Pass
from plaudit.annotation.pages.views import Visitor
from plaudit.annotation.records import Annotator
from plaudit.annotation.store import Store

COOKIES = {"annotator": "plaudit_annotator", "owner": "plaudit_owner"}
"""One for each role, so that an owner who tries an annotator's link stays the owner."""
CSRF_HEADER = "x-csrf-token"


class BadToken(ValueError):
    """A form without the token that its page carried."""


class Door:
    """Lets annotators and the owner in.

    Args:
        store: knows which links were taken back.
        links: reads and makes links.
    """

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links
        self._visitor = lru_cache(maxsize=KEPT)(self._make_visitor)

    def enter(self, token: str, response: Response, *, secure: bool) -> Pass:
        """Give the one who opened a good link a cookie that lasts as long as the link.

        Raises:
            BadLink: the link is forged, over or taken back.
        """
        carried = self._links.read(token)
        self._store.admit(carried)
        lasts = max(0, carried.expires - int(time.time()))
        response.set_cookie(
            COOKIES[carried.role], token, max_age=lasts, path="/", secure=secure, httponly=True, samesite="lax"
        )
        return carried

    def annotator(self, request: Request) -> tuple[Pass, Visitor]:
        """Return the link that an annotator came with. Whether it was taken back the store looks at while it works.

        Raises:
            BadLink: there is no cookie, or its link is over or the owner's.
        """
        carried, visitor = self._carried(request, "annotator")
        if carried.role != "annotator":
            raise BadLink("this link is the owner's; annotators have links of their own")
        return carried, visitor

    def owner(self, request: Request) -> Visitor:
        """Return what the owner's pages carry, if it is the owner who asks.

        Raises:
            BadLink: it is somebody else.
        """
        carried, visitor = self._carried(request, "owner")
        self._store.admit(carried)
        if carried.role != "owner":
            raise BadLink("this page is the owner's; open it with the owner's link")
        return visitor

    def _carried(self, request: Request, role: Literal["annotator", "owner"]) -> tuple[Pass, Visitor]:
        token = request.cookies.get(COOKIES[role], "")
        if not token:
            raise BadLink("nobody is signed in here; open your personal link first")
        return self._links.read(token), self._visitor(token)

    def _make_visitor(self, token: str) -> Visitor:
        return Visitor(self._key(self._links.read(token)), csrf_of(token))

    def _key(self, carried: Pass) -> str:
        """Return a name for the visitor that no other campaign and no other annotator has, and that tells nothing."""
        own = self._links.annotator(carried.annotator, 0, 0) if carried.role == "annotator" else self._links.owner(0, 0)
        return hashlib.sha256(f"plaudit visitor {own}".encode()).hexdigest()[:12]

    def annotator_link(self, annotator: Annotator, days: float) -> str:
        """Return the path of an annotator's link that is good for so many days."""
        return f"/in/{self._links.annotator(annotator.id, annotator.serial, time.time() + days * 86_400)}"

    def owner_link(self, days: float) -> str:
        """Return the path of an owner's link that is good for so many days."""
        return f"/in/{self._links.owner(self._store.owner_serial, time.time() + days * 86_400)}"


def csrf_of(token: str) -> str:
    """Return what forms of the pages of this cookie carry. Another site can neither read the cookie nor make this."""
    return hashlib.sha256(f"plaudit form {token}".encode()).hexdigest()[:32]


def check_csrf(visitor: Visitor, request: Request, field: str) -> None:
    """Refuse a form that does not come from a page of ours.

    Raises:
        BadToken: neither header nor field carries the visitor's token.
    """
    given = request.headers.get(CSRF_HEADER) or field
    if not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
        raise BadToken("this form does not come from a page of this visit; load the page again and send it once more")
