"""Simulated annotators: a lean HTTP client each, that takes a task, answers it, and takes the next."""

import asyncio
import random
import re
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlencode, urlsplit

_ASSIGNMENT = re.compile(rb'name="assignment" value="(\d+)"')
_CSRF = re.compile(rb'data-csrf="([0-9a-f]+)"')
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"set-cookie: ([^;]+)", re.IGNORECASE)
_END = b"\r\n\r\n"


class BadReply(Exception):
    """The server said something that an annotator would not expect."""


@dataclass
class Timings:
    """Seconds of each request, by what was asked; and the assignments whose answers were acknowledged."""

    tasks: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    again: int = 0


class _Line(asyncio.Protocol):
    """One connection; one request at a time, and one reply, head and body."""

    def __init__(self) -> None:
        self._heard = bytearray()
        self._length = -1
        self._reply: asyncio.Future[tuple[bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._length < 0:
            end = self._heard.find(_END)
            if end < 0:
                return
            self._head = bytes(self._heard[: end + len(_END)])
            found = _LENGTH.search(self._head)
            self._length = len(self._head) + (int(found[1]) if found else 0)
        if len(self._heard) >= self._length and self._reply is not None:
            body = bytes(self._heard[len(self._head) : self._length])
            del self._heard[: self._length]
            self._length = -1
            self._reply.set_result((self._head, body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(BadReply(f"the server hung up: {error or 'without a word'}"))

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Return head and body of the reply."""
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._reply

    def close(self) -> None:
        self._transport.close()


class Annotator:
    """One annotator with one connection and one cookie.

    Args:
        base: address of the server, such as ``http://127.0.0.1:8000``.
        link: path of the personal link.
        pause: mean seconds between seeing a task and answering it; 0 answers at once.
        seed: of choices and pauses.
    """

    def __init__(self, base: str, link: str, pause: float, seed: int) -> None:
        place = urlsplit(base)
        self._host, self._port = place.hostname or "127.0.0.1", place.port or 80
        self._link, self._pause = link, pause
        self._draw = random.Random(seed)
        self._cookie = b""

    async def work(self, timings: Timings, until: float) -> None:
        """Answer tasks until there are none left, or until that moment of ``time.perf_counter``."""
        loop = asyncio.get_running_loop()
        _, self._line = await loop.create_connection(_Line, self._host, self._port)
        head, _ = await self._ask(b"GET", self._link)
        found = _COOKIE.search(head)
        if found is None:
            raise BadReply(f"the link gave no cookie: {head[:200]!r}")
        self._cookie = found[1]
        while time.perf_counter() < until and await self._one(timings):
            pass
        self._line.close()

    async def _one(self, timings: Timings) -> bool:
        begun = time.perf_counter()
        _, page = await self._ask(b"GET", "/task")
        timings.tasks.append(time.perf_counter() - begun)
        assignment, csrf = _ASSIGNMENT.search(page), _CSRF.search(page)
        if assignment is None or csrf is None:
            return False
        if self._pause:
            await asyncio.sleep(self._draw.expovariate(1 / self._pause))
        sent = {
            "assignment": assignment[1].decode(),
            "choice": self._draw.choice("AB"),
            "strength": "2",
            "seconds": "1",
        }
        begun = time.perf_counter()
        head, body = await self._ask(b"POST", "/answer", urlencode(sent).encode(), csrf[1])
        timings.answers.append(time.perf_counter() - begun)
        if b" 200 " not in head[:20]:
            raise BadReply(f"an answer was not taken: {head[:60]!r} {body[:200]!r}")
        timings.acknowledged.append(int(assignment[1]))
        timings.again += b'"first":true' not in body
        return True

    async def _ask(self, method: bytes, path: str, body: bytes = b"", csrf: bytes = b"") -> tuple[bytes, bytes]:
        lines = [method + b" " + path.encode() + b" HTTP/1.1", b"Host: " + self._host.encode()]
        if self._cookie:
            lines.append(b"Cookie: " + self._cookie)
        if method == b"POST":
            lines += [
                b"Content-Type: application/x-www-form-urlencoded",
                b"Accept: application/json",
                b"X-CSRF-Token: " + csrf,
                b"Content-Length: %d" % len(body),
            ]
        return await self._line.ask(b"\r\n".join(lines) + _END + body)
