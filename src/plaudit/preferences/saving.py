"""Saving preferences as a file that can be read again: JSON lines in one of the formats, whole or not at all."""

import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path

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
    wanted, form = Path(path), members.load("formats", format)()
    require_free(wanted, overwrite=overwrite)
    rows = 0
    with replacing(wanted) as temporary, temporary.open("wb") as raw:
        stream = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if wanted.name.endswith(".gz") else raw
        with io.TextIOWrapper(stream, encoding="utf-8", newline="\n") as text:
            for rows, fields in enumerate(form.write(preferences), start=1):  # noqa: B007  (counted to the end)
                text.write(json.dumps(fields, ensure_ascii=False) + "\n")
    return rows


def require_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that `save` could not write, before any work is done for it.

    Raises:
        Unsaved: the file is there, its folder is not, or its name has another ending.
    """
    if not path.name.endswith(ENDINGS):
        raise Unsaved(f"{path}: preferences are written as {' or '.join(ENDINGS)}; the name should end so")
    if path.exists() and not overwrite:
        raise Unsaved(f"{path} is there already; name another file, or ask for it to be overwritten")
    if not path.parent.is_dir():
        raise Unsaved(f"{path}: there is no folder {path.parent}")
