"""Saving preferences as a file that can be read again: JSON lines in one of the formats, whole or not at all."""

import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from plaudit import members
from plaudit.preferences.preference import Preference
from plaudit.replacing import replacing

ENDINGS = (".jsonl", ".jsonl.gz")


class Unsaved(ValueError):
    """The file cannot be written as asked."""


def save(
    preferences: Iterable[Preference],
    path: str | Path,
    format: str = "annotations",  # noqa: A002  (it is what users call it)
    *,
    overwrite: bool = False,
) -> int:
    """Write the records to ``path`` and return how many rows that took.

    Args:
        preferences: the records.
        path: a file that ends in .jsonl or .jsonl.gz; its folder must be there.
        format: see ``members.names("formats")``.
        overwrite: replace the file if it is there.

    Raises:
        Unsaved: the file is there, or its name has another ending.
        Unwritable: a record holds what the format has no field for. Nothing is written then.
        UnknownKind: there is no such format.
    """
    return save_rows(members.load("formats", format)().write(preferences), path, overwrite=overwrite)


def save_rows(rows: Iterable[Mapping[str, Any]], path: str | Path, *, overwrite: bool = False) -> int:
    """Write rows as they are, see `save`; return how many there were.

    Raises:
        Unsaved: see `require_free`; before the first row is asked for.
    """
    wanted = Path(path)
    require_free(wanted, overwrite=overwrite)
    count = 0
    with replacing(wanted) as temporary, temporary.open("wb") as raw:
        stream = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if wanted.name.endswith(".gz") else raw
        with io.TextIOWrapper(stream, encoding="utf-8", newline="\n") as text:
            for count, fields in enumerate(rows, start=1):  # noqa: B007  (counted to the end)
                text.write(json.dumps(fields, ensure_ascii=False) + "\n")
    return count


def require_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that `save` could not write, before any work is done for it.

    Raises:
        Unsaved: the file is there, its folder is not, or its name has another ending.
    """
    if not path.name.endswith(ENDINGS):
        raise Unsaved(f"{path}: preferences are written as {' or '.join(ENDINGS)}; the name should end so")
    if path.exists() and not overwrite:
        raise Unsaved(f"{path} is there already; name another file, or replace it (--overwrite)")
    if not path.parent.is_dir():
        raise Unsaved(f"{path}: there is no folder {path.parent}")
