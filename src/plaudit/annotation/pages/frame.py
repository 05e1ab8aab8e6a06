"""The frame of every page: head, style, scripts, and the policy under which a browser shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import resources

from plaudit.pages.html import escaped

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Sent with every page: no script or style but our own, nothing kept by a proxy, no address told to others."""

_PARTS = {
    "annotation.css": ("plaudit.pages:page.css", "plaudit.annotation.pages:annotation.css"),
    "task.js": (
        "plaudit.annotation.pages:memory.js",
        "plaudit.annotation.pages:ranking.js",
        "plaudit.annotation.pages:marking.js",
        "plaudit.annotation.pages:task.js",
    ),
    "owner.js": ("plaudit.pages:page.js", "plaudit.annotation.pages:owner.js"),
    "waiting.js": ("plaudit.annotation.pages:memory.js", "plaudit.annotation.pages:waiting.js"),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A style or a script that the pages load.

    Attributes:
        content: of the file.
        media: its type.
        address: where it is served; it changes with the content, so that browsers may keep it for good.
    """

    content: bytes
    media: str
    address: str


@lru_cache(maxsize=1)
def assets() -> Mapping[str, Asset]:
    """Return the assets by name."""
    return {name: _asset(name, parts) for name, parts in _PARTS.items()}


def _asset(name: str, parts: Sequence[str]) -> Asset:
    texts = []
    for part in parts:
        package, _, file = part.partition(":")
        texts.append((resources.files(package) / file).read_text(encoding="utf-8"))
    content = "\n".join(texts).encode()
    media = "text/css; charset=utf-8" if name.endswith(".css") else "text/javascript; charset=utf-8"
    return Asset(content, media, f"/static/{sha256(content).hexdigest()[:12]}/{name}")


@lru_cache(maxsize=64)
def _head(title: str, scripts: tuple[str, ...]) -> str:
    known = assets()
    loaded = "".join(f'<script src="{known[name].address}" defer></script>' for name in scripts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f'<title>{escaped(title)}</title><link rel="stylesheet" href="{known["annotation.css"].address}">'
        f"{loaded}</head>"
    )


def document(
    title: str, body: str, *, kind: str, scripts: tuple[str, ...] = (), data: Mapping[str, str] | None = None
) -> str:
    """Return a whole page.

    Args:
        title: the browser's.
        body: HTML that is inside the body.
        kind: its class, which the style speaks of.
        scripts: names of `assets`.
        data: what the scripts are told, as ``data-`` attributes of the body.
    """
    told = "".join(f' data-{name}="{escaped(value)}"' for name, value in (data or {}).items())
    return f'{_head(title, scripts)}<body class="{kind}"{told}>{body}</body></html>\n'
