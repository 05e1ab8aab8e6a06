"""The annotation app: its routes, what it refuses and how, and how many work at once."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from plaudit.annotation.door import Door
from plaudit.annotation.downloads import Download
from plaudit.annotation.errors import StoreAway
from plaudit.annotation.owning import Office
from plaudit.annotation.pages.frame import assets
from plaudit.annotation.replies import REFUSED, Told, away, broken, lost, onward, refusal
from plaudit.annotation.store import Store
from plaudit.annotation.working import Work

THREADS = 16
"""Requests that are worked on at a time; more only wait for each other at the database."""

KEPT = "public, max-age=31536000, immutable"


def create_app(store: Store, door: Door, downloads: Mapping[str, Download]) -> FastAPI:
    """Return the app of one campaign.

    Args:
        store: of the campaign; the app does not close it.
        door: lets annotators and the owner in.
        downloads: files that the owner can take away, by name.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan)
    _serve_annotators(app, Work(store, door))
    _serve_owner(app, Office(store, door, downloads))
    _serve_plain(app, store)
    for kind in REFUSED:
        app.add_exception_handler(kind, _async(refusal))
    app.add_exception_handler(StoreAway, _async(away))
    app.add_exception_handler(HTTPException, _async(lost))
    app.add_exception_handler(Exception, _async(broken))
    return app


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    yield


def _async(handler: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return a handler that runs where it is called: a thread of its own would cost more than it does."""

    async def handle(request: Request, error: Exception) -> Response:
        return handler(request, error)

    return handle


def _serve_annotators(app: FastAPI, work: Work) -> None:
    app.add_api_route("/in/{token}", work.enter, methods=["GET"], response_model=None)
    # The two that are asked for all day take the request as it is: nothing is to be looked up for them.
    app.add_route("/task", work.task, methods=["GET"])
    app.add_route("/answer", work.answer, methods=["POST"])


def _serve_owner(app: FastAPI, office: Office) -> None:
    app.add_api_route("/owner", office.look, methods=["GET"], response_model=None)
    app.add_api_route("/owner/links/make", office.make_link, methods=["POST"], response_model=None)
    app.add_api_route("/owner/links/revoke", office.revoke, methods=["POST"], response_model=None)
    app.add_api_route("/owner/guidelines", office.write_guidelines, methods=["POST"], response_model=None)
    app.add_api_route("/owner/close", office.close, methods=["POST"], response_model=None)
    app.add_api_route("/owner/open", office.reopen, methods=["POST"], response_model=None)
    app.add_api_route("/owner/export/{name}", office.export, methods=["GET"], response_model=None)


def _serve_plain(app: FastAPI, store: Store) -> None:
    known = {asset.address: asset for asset in assets().values()}

    async def static(version: str, name: str) -> Response:
        """``GET /static/VERSION/NAME``: a script or style sheet of ours, which never changes under its address."""
        asset = known.get(f"/static/{version}/{name}")
        if asset is None:
            raise HTTPException(404)
        headers = {"Cache-Control": KEPT, "X-Content-Type-Options": "nosniff"}
        return Response(asset.content, media_type=asset.media, headers=headers)

    def health() -> Response:
        store.guidelines()
        return Told({"status": "ok"})

    async def start() -> Response:
        return onward("/task")

    app.add_api_route("/static/{version}/{name}", static, methods=["GET"], response_model=None)
    app.add_api_route("/health", health, methods=["GET"], response_model=None)
    app.add_api_route("/", start, methods=["GET"], response_model=None)
