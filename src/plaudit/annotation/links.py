"""Personal links: who somebody is, signed with the campaign's secret, good until a day.

A token is ``role.number.serial.expires.signature``. The signature is HMAC-SHA-256 over what stands before it; whoever
has no secret can make none. A link is taken back by counting up the serial in the store (`Store.admit` looks there).
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from plaudit.annotation.errors import BadLink

LEAST_BYTES = 16
KEPT = 4096
"""Tokens whose signature is not looked at again."""
_TOKEN = re.compile(r"([ao])\.(\d{1,18})\.(\d{1,18})\.(\d{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)
_ROLES: dict[str, Literal["annotator", "owner"]] = {"a": "annotator", "o": "owner"}


@dataclass(frozen=True, slots=True)
class Pass:
    """What a good link says: whose it is (0 for the owner), which serial it has, until when (seconds since 1970)."""

    role: Literal["annotator", "owner"]
    annotator: int
    serial: int
    expires: int


class Links:
    """Makes and reads tokens.

    Args:
        secret: at least 16 bytes that nobody else knows.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_BYTES:
            raise ValueError(
                f"the secret has {len(secret)} bytes; it should have {LEAST_BYTES} or more, drawn at random"
            )
        self._secret = secret
        self._signed = lru_cache(maxsize=KEPT)(self._read_signed)

    def annotator(self, annotator: int, serial: int, expires: float) -> str:
        """Return the token of an annotator's link."""
        return self._sign(f"a.{annotator}.{serial}.{int(expires)}")

    def owner(self, serial: int, expires: float) -> str:
        """Return the token of the owner's link."""
        return self._sign(f"o.0.{serial}.{int(expires)}")

    def read(self, token: str, now: float | None = None) -> Pass:
        """Return what a token says, if it was signed here and is still good.

        Raises:
            BadLink: it is no token, was not signed with this secret, or is over. Whether it was revoked the store says.
        """
        made = self._signed(token)
        if made.expires <= (time.time() if now is None else now):
            raise BadLink("this link is no longer good; ask for a new one")
        return made

    def _read_signed(self, token: str) -> Pass:
        """Return what a token says that was signed here, good still or not; a good signature stays good."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise BadLink("this link is not whole; open it as it was sent, or ask for a new one")
        body = token.rpartition(".")[0]
        if not hmac.compare_digest(self._sign(body).encode(), token.encode()):
            raise BadLink("this link was not made here; open it as it was sent, or ask for a new one")
        return Pass(_ROLES[found[1]], int(found[2]), int(found[3]), int(found[4]))

    def _sign(self, body: str) -> str:
        digest = hmac.new(self._secret, b"plaudit link " + body.encode(), hashlib.sha256).digest()
        return f"{body}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def secret_file(database: str | Path) -> Path | None:
    """Return where the secret of a campaign lies: beside a SQLite file; None for a server, where it must be named."""
    text = str(database)
    if text.startswith("sqlite:///"):
        text = text.removeprefix("sqlite:///")
    return None if "://" in text else Path(f"{text}.secret")


def load_secret(file: Path) -> bytes:
    """Return the secret in ``file``, which is made, readable by its owner alone, if it is not there.

    Raises:
        ValueError: others may read the file, or it holds no secret.
    """
    if not file.exists():
        _make_secret(file)
    mode = stat.S_IMODE(file.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise ValueError(f"{file}: others may read it (its mode is {mode:04o}); it should be 0600: chmod 600 {file}")
    text = file.read_text(encoding="ascii", errors="replace").strip()
    if not re.fullmatch(f"(?:[0-9a-f]{{2}}){{{LEAST_BYTES},}}", text):
        right = f"{2 * LEAST_BYTES} or more hexadecimal digits; delete it to get a new one (links made before are void)"
        raise ValueError(f"{file}: it holds no secret; it should hold {right}")
    return bytes.fromhex(text)


def _make_secret(file: Path) -> None:
    """Write a new secret; of several processes that do so at once, one wins, and what lies there is always whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(name, file)
        except FileExistsError:
            return
    finally:
        Path(name).unlink()
