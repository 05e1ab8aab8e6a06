"""Rows of a hub data set: ``owner/name``, ``owner/name:subset``, ``owner/name:subset[split]``."""

import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plaudit.preferences.files import files_of, plain_rows, rows_of
from plaudit.preferences.rows import BadSource, Ledger, Row

PATIENCE = 5.0
"""Seconds the hub has to answer at all."""

_NAME = re.compile(r"(?:hub:)?(?P<name>[\w.-]+/[\w.-]+)(?::(?P<subset>[^\[\]]+))?(?:\[(?P<split>[^\[\]]+)\])?")


@dataclass(frozen=True, slots=True)
class HubName:
    """A data set on the hub; without ``split``, ``train`` or the only split there is."""

    name: str
    subset: str = ""
    split: str = ""

    @classmethod
    def parse(cls, text: str) -> "HubName | None":
        """Return what ``text`` names, or None if it is no hub name."""
        found = _NAME.fullmatch(text)
        return cls(found["name"], found["subset"] or "", found["split"] or "") if found else None

    def __str__(self) -> str:
        return (
            f"hub:{self.name}" + (f":{self.subset}" if self.subset else "") + (f"[{self.split}]" if self.split else "")
        )


def hub_rows(wanted: HubName, ledger: Ledger) -> Iterator[Row]:
    """Yield the rows of a hub data set: from the hub, or if it does not answer (or ``HF_HUB_OFFLINE``) the cache.

    Raises:
        BadSource: there is no such data set, subset or split; or the hub is unreachable (told within 10 seconds) and
            the cache does not have it.
    """
    why_not = _why_unreachable(wanted)
    with _offline(why_not):
        try:
            loaded = _load(wanted)
        except (OSError, ValueError) as error:
            files = _snapshot(wanted) if why_not else []
            if not files:
                raise _refusal(wanted, why_not, error) from error
            for file in files:
                yield from rows_of(file, ledger, f"{wanted} ({file.name})")
            return
    numbered = enumerate((fields for piece in loaded for fields in plain_rows(piece)), 1)
    yield from (Row(fields, str(wanted), at) for at, fields in numbered)


def _why_unreachable(wanted: HubName) -> str:
    """Return why the hub cannot be used, or ``""``. A name server that takes its time counts as no answer."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return "HF_HUB_OFFLINE is set"
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    answer: list[str] = []
    url = f"{endpoint}/api/datasets/{wanted.name}"
    probe = threading.Thread(target=lambda: answer.append(_ask(url)), daemon=True)
    probe.start()
    probe.join(PATIENCE)
    return answer[0] if answer else f"{endpoint} did not answer within {PATIENCE:g} seconds"


def _ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):  # noqa: S310  (the user's own HF_ENDPOINT)
            return ""
    except urllib.error.HTTPError as error:
        with error:
            is_hub = "json" in error.headers.get("Content-Type", "")
        return (
            "" if is_hub and error.code < 500 else f"{url} answers {error.code} {error.reason}, and not as a hub does"
        )
    except (OSError, ValueError) as error:
        return f"{url} cannot be reached ({error})"


@contextmanager
def _offline(why_not: str) -> Iterator[None]:
    """Keep ``datasets`` from trying a hub that is known not to answer: its retries take half a minute."""
    if not why_not:
        yield
        return
    from datasets import config  # noqa: PLC0415  (takes over a second)
    from huggingface_hub import constants  # noqa: PLC0415

    before = config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def _load(wanted: HubName) -> Iterator[Any]:
    """Return the data set in pieces (Arrow tables). A subset is a configuration's name, else a folder's."""
    from datasets import load_dataset  # noqa: PLC0415  (takes over a second)

    try:
        splits = load_dataset(wanted.name, wanted.subset or None)
    except ValueError as error:
        if not wanted.subset or "BuilderConfig" not in str(error):
            raise
        splits = load_dataset(wanted.name, data_dir=wanted.subset)
    pieces: Iterator[Any] = splits[_split(wanted, list(splits))].with_format("arrow").iter(1024)
    return pieces


def _split(wanted: HubName, known: list[str]) -> str:
    chosen = wanted.split or ("train" if "train" in known else known[0] if len(known) == 1 else "")
    if chosen not in known:
        raise ValueError(f"it has the splits {', '.join(known)}; name one, as in '{wanted.name}[{known[0]}]'")
    return chosen


def _snapshot(wanted: HubName) -> list[Path]:
    """Return the files of a subset's folder in the cache, where ``datasets`` does not find them offline by itself."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (as slow)

    if not wanted.subset:
        return []
    try:
        folder = Path(snapshot_download(wanted.name, repo_type="dataset", local_files_only=True))
        files = files_of(folder / wanted.subset)
    except (OSError, ValueError):
        return []
    return [file for file in files if file.name.startswith(wanted.split or "train")]


def _refusal(wanted: HubName, why_not: str, error: Exception) -> BadSource:
    from datasets import config  # noqa: PLC0415  (takes over a second)

    reason = " ".join(str(error).split())
    if not why_not:
        return BadSource(f"{wanted} cannot be read from the hub: {reason}")
    return BadSource(
        f"{wanted} cannot be read: {why_not}, and the cache {config.HF_DATASETS_CACHE} does not have it ({reason}). "
        "Built in, and needing no hub: builtin:movie-ratings, builtin:product-ratings"
    )
