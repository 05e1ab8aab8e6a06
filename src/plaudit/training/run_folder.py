"""The folder of a run: one process at a time, one recipe for life.

``run.json`` says what the run is made of. Resuming with other data, another recipe or another model is refused; another
number of threads, other versions or another number of processes is named in a warning, because bits may then differ.
"""

import fcntl
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plaudit.replacing import WRITING, replace_file
from plaudit.training import ranks

RUN, LOCK, HISTORY, CHECKPOINTS = "run.json", "run.lock", "history.json", "checkpoints"

Facts = Mapping[str, Mapping[str, Any]]
"""``binding`` facts must be the same on resume; of ``loose`` ones a change is only named."""


class RunFolderError(RuntimeError):
    """The output folder cannot be used as asked; the message says why and what would do."""


@contextmanager
def held(folder: Path, *, resume: bool) -> Iterator[None]:
    """Hold ``folder`` for this run: made if missing, locked against other runs until the context is left.

    The lock is the kernel's, so that of a dead process is free; the file names the process that holds it.

    Raises:
        RunFolderError: not empty and not resuming, not a run's folder, not writable, or in use by another run.
    """
    lock = ranks.on_first(lambda: _take(folder, resume))
    try:
        yield
    finally:
        if lock is not None and ranks.number() == 0:
            os.close(lock)


def record_facts(folder: Path, facts: Facts) -> None:
    """Write ``facts`` as the run's, or compare them with those it began with.

    Raises:
        RunFolderError: a binding fact has changed.
    """
    ranks.on_first(lambda: _record(folder, facts))


def _take(folder: Path, resume: bool) -> int:
    if folder.exists() and not folder.is_dir():
        raise RunFolderError(f"{folder} is a file; the output must be a folder")
    if not (folder / RUN).is_file() and _content(folder):
        raise RunFolderError(f"{folder} is not empty and not a run to resume; name a new or an empty folder")
    if (folder / RUN).is_file() and not resume:
        raise RunFolderError(f"{folder} already holds a run; resume it (resume=True) or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RunFolderError(f"cannot write to {folder}: {error.strerror}; name a folder that is writable") from error
    return _lock(lock, folder)


def _content(folder: Path) -> list[str]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [name for name in names if name != LOCK and not name.endswith(WRITING)]


def _lock(lock: int, folder: Path) -> int:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise RunFolderError(f"{folder} is in use by another run (process {holder}); wait for it or stop it") from error
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _record(folder: Path, facts: Facts) -> None:
    now = json.loads(json.dumps(facts, sort_keys=True))
    path = folder / RUN
    if not path.is_file():
        replace_file(path, json.dumps(now, indent=1, sort_keys=True) + "\n")
        return
    began = _read(path)
    changed = _changes(began.get("binding", {}), now["binding"])
    if changed:
        raise RunFolderError(f"cannot resume {folder}, it began with something else: {'; '.join(changed)}")
    for change in _changes(began.get("loose", {}), now["loose"]):
        warnings.warn(f"resuming {folder}: {change}; results may differ in their last bits", stacklevel=2)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise RunFolderError(f"{path} cannot be read ({error}); the run cannot be resumed") from error


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], name: str = "") -> list[str]:
    found = []
    for key in sorted({*before, *now}):
        old, new, full = before.get(key), now.get(key), f"{name}{key}"
        if isinstance(old, dict) and isinstance(new, dict):
            found += _changes(old, new, f"{full}.")
        elif old != new:
            found.append(f"{full} was {old!r} and is {new!r}")
    return found
