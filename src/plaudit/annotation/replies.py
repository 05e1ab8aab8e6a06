"""How the app answers: pages, JSON for the pages' scripts, and every refusal as either."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from plaudit.annotation import errors
from plaudit.annotation.door import BadToken
from plaudit.annotation.forms import BadForm, TooLong, dumped, wants_json
from plaudit.annotation.pages.frame import HEADERS
from plaudit.annotation.pages.notices import notice_page

RETRY_SECONDS = 5


class CannotSay(ValueError):
    """The answers cannot be written in the form asked for."""


class Page(Response):
    """A page, under the policy that forbids foreign scripts."""

    media_type = "text/html"

    def __init__(self, content: str, status_code: int = 200) -> None:
        super().__init__(content.encode("utf-8", "replace"), status_code, dict(HEADERS))


class Told(Response):
    """A few values for a script of ours."""

    media_type = "application/json"

    def __init__(self, content: dict[str, object], status_code: int = 200) -> None:
        super().__init__(
            dumped(content), status_code, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        )


def onward(path: str) -> Response:
    """Send the browser to a page of ours, by GET."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


_REFUSALS: dict[type[Exception], tuple[int, str, str]] = {
    errors.BadLink: (401, "You are not signed in", ""),
    errors.NotYours: (403, "This is not your task", "/task"),
    errors.Unknown: (404, "There is no such thing here", "/task"),
    errors.LeaseOver: (409, "This answer came too late", "/task"),
    errors.BadAnswer: (422, "The answer was not taken", ""),
    BadToken: (403, "The form was not taken", ""),
    CannotSay: (422, "This cannot be exported so", "/owner"),
    BadForm: (400, "The form was not taken", ""),
    TooLong: (413, "The form was not taken", ""),
}
_ADVICE: dict[type[Exception], str] = {
    errors.BadAnswer: "Go back: the page still holds what you entered.",
    errors.BadLink: "Whatever you entered is kept in this browser.",
}

REFUSED = tuple(_REFUSALS)
"""Exceptions that are the visitor's to know of; each has a status, a heading, and where to go on."""


def refusal(request: Request, error: Exception) -> Response:
    """Return what is wrong, as the one who asks reads it."""
    status, title, link = next(_REFUSALS[kind] for kind in type(error).__mro__ if kind in _REFUSALS)
    message = _sentence(str(error))
    if wants_json(request):
        return Told({"message": message, "next": link}, status)
    sentences: Sequence[str] = [message, *([_ADVICE[type(error)]] if type(error) in _ADVICE else ())]
    return Page(notice_page(title, sentences, tone="bad", link=("Go on", link) if link else None), status)


def away(request: Request, error: Exception) -> Response:  # noqa: ARG001 - what the driver says is not the visitor's
    """Return that the database cannot be reached. Nothing was stored; the browser tries again by itself."""
    if wants_json(request):
        reply: Response = Told({"message": "The database cannot be reached; nothing was stored."}, 503)
    else:
        sentences = [
            "The database cannot be reached just now. Nothing that was acknowledged is lost.",
            "What you entered is kept in this browser. This page looks again by itself.",
        ]
        again = RETRY_SECONDS if request.method == "GET" else 0
        link = ("Try again", "/task")
        reply = Page(notice_page("One moment", sentences, tone="bad", link=link, again=again), 503)
    reply.headers["Retry-After"] = str(RETRY_SECONDS)
    return reply


def lost(request: Request, error: Exception) -> Response:
    """Return what is said of an address that is none of ours, or of a method it does not take."""
    status = int(getattr(error, "status_code", 404))
    title = {404: "There is no such page", 405: "That cannot be done here"}.get(status, "That did not work")
    if wants_json(request):
        return Told({"message": f"{title}."}, status)
    return Page(notice_page(title, ["The address may be cut off."], tone="bad"), status)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
