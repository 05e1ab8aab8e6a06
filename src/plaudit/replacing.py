"""Files that appear whole or not at all, whatever moment a process dies at."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WRITING = ".writing"
"""How the name of a file ends that is not yet whole."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; what is there when the block ends takes the place of ``path``, synced to disk.

    A reader sees the old content or the new, never a part. If the block fails, ``path`` stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{WRITING}")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def replace_file(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as `replacing` does."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
