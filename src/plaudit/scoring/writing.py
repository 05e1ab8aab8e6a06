"""Folders that appear whole or not at all: written beside their place, synced to disk, then renamed into it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


class CannotSave(OSError):
    """An artefact that could not be written; nothing is left behind and what was there before is untouched."""


@contextmanager
def writing(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``folder`` when the block ends without an error.

    Raises:
        CannotSave: ``folder`` exists and ``overwrite`` is false, its place is read-only, or the disk is full.
    """
    _refuse_existing(folder, overwrite=overwrite)
    temporary = folder.with_name(f".{folder.name}.writing-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        yield temporary
        _sync(temporary)
        _move(temporary, folder, overwrite=overwrite)
    except CannotSave:
        raise
    except (OSError, SafetensorError) as error:
        kept = "; what was there before is untouched" if folder.exists() else ""
        raise CannotSave(f"could not save to {folder}: {error}{kept}; nothing half-written was left") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refuse_existing(folder: Path, *, overwrite: bool) -> None:
    if folder.exists() and not overwrite:
        raise CannotSave(f"{folder} exists already; choose another folder, or ask to overwrite it")


def _move(temporary: Path, folder: Path, *, overwrite: bool) -> None:
    _refuse_existing(folder, overwrite=overwrite)
    leaving = folder.with_name(f".{folder.name}.leaving-{os.getpid()}")
    if folder.exists():
        folder.rename(leaving)
    try:
        temporary.rename(folder)
    except OSError:
        if leaving.exists():
            leaving.rename(folder)
        raise
    _sync_one(folder.parent)
    shutil.rmtree(leaving, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        _sync_one(path)


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
