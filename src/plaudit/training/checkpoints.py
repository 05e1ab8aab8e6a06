"""Checkpoints that are whole or not there.

A checkpoint is written into a temporary folder, every file and the folder itself are synced to disk, and the folder is
renamed into place; its manifest lists each file's size and checksum. A folder is taken away by renaming it first. So
whatever moment a process dies at, every folder called ``checkpoint-N`` is complete; one damaged afterwards is found by
its checksums.
"""

import json
import shutil
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

from plaudit.replacing import sync
from plaudit.training import ranks

PREFIX, WRITING, LEAVING = "checkpoint-", "writing-", "leaving-"
MANIFEST = "manifest.json"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, or none can be read; the message names it and what is still there."""


def steps(folder: Path) -> list[int]:
    """Return the steps of the checkpoints in ``folder``, the newest first."""
    names = [path.name.removeprefix(PREFIX) for path in folder.glob(f"{PREFIX}*")] if folder.is_dir() else []
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def at(folder: Path, step: int) -> Path:
    """Return where the checkpoint of ``step`` lies."""
    return folder / f"{PREFIX}{step}"


def write(folder: Path, step: int, fill: Callable[[Path], None]) -> None:
    """Write the checkpoint of ``step``; called by every process, of which the first moves it into place.

    Args:
        folder: where checkpoints lie.
        step: the step that was just done.
        fill: writes this process's files into the folder it is given.

    Raises:
        CheckpointError: something could not be written; older checkpoints are untouched.
    """
    temporary = folder / f"{WRITING}{step}"
    try:
        ranks.on_first(lambda: _fresh(temporary))
        ranks.together(lambda: fill(temporary))
        ranks.on_first(lambda: _seal(temporary, at(folder, step)))
    except Exception as error:
        if ranks.number() == 0:
            shutil.rmtree(temporary, ignore_errors=True)
        kept = steps(folder) if folder.is_dir() else []
        still = f"the checkpoint of step {kept[0]} is intact; resume from it" if kept else "there is no earlier one"
        raise CheckpointError(f"could not write the checkpoint of step {step} to {folder}: {error}; {still}") from error


def rotate(folder: Path, *, keep: int, best: int | None) -> None:
    """Remove all but the newest ``keep`` checkpoints and that of step ``best``, and whatever a dead process left."""
    for step in steps(folder)[keep:]:
        if step != best:
            remove(folder, step)
    for left in (*folder.glob(f"{LEAVING}*"), *folder.glob(f"{WRITING}*")):
        shutil.rmtree(left, ignore_errors=True)


def remove(folder: Path, step: int) -> None:
    """Take the checkpoint of ``step`` away: by renaming it, so that it is never half there."""
    leaving = folder / f"{LEAVING}{step}"
    shutil.rmtree(leaving, ignore_errors=True)
    at(folder, step).rename(leaving)
    sync(folder)
    shutil.rmtree(leaving, ignore_errors=True)


def newest(folder: Path) -> Path | None:
    """Return the newest checkpoint that is whole, or None where there is none at all.

    A damaged one is named in a warning and passed over.

    Raises:
        CheckpointError: there are checkpoints, and all are damaged.
    """
    found = steps(folder)
    for step in found:
        damage = problem(at(folder, step))
        if not damage:
            return at(folder, step)
        warnings.warn(f"{at(folder, step)} is damaged ({damage}); trying the one before it", stacklevel=2)
    if found:
        raise CheckpointError(f"{folder}: all {len(found)} checkpoints are damaged; start again in another folder")
    return None


def problem(checkpoint: Path) -> str:
    """Return what is wrong with a checkpoint, or an empty string."""
    try:
        manifest = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
        for name, (size, checksum) in manifest["files"].items():
            if not (checkpoint / name).is_file():
                return f"{name} is missing"
            if (checkpoint / name).stat().st_size != size or checksum_of(checkpoint / name) != checksum:
                return f"{name} is not as it was written"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{MANIFEST} cannot be read: {error}"
    return ""


def checksum_of(path: Path) -> int:
    """Return the CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


def _fresh(temporary: Path) -> None:
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)


def _seal(temporary: Path, final: Path) -> None:
    files = sorted(path for path in temporary.rglob("*") if path.is_file())
    listed = {str(path.relative_to(temporary)): [path.stat().st_size, checksum_of(path)] for path in files}
    (temporary / MANIFEST).write_text(json.dumps({"files": listed}), encoding="utf-8")
    for path in (*files, temporary / MANIFEST, temporary):
        sync(path)
    if final.exists():
        remove(final.parent, int(final.name.removeprefix(PREFIX)))
    temporary.rename(final)
    sync(final.parent)
