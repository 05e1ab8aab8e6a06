"""The output folder of a training workflow, looked at before anything else is done."""

import os
from pathlib import Path

from plaudit.training.run_folder import LOCK, RUN
from plaudit.workflows.folders import FITTING


class BadOutput(ValueError):
    """The output folder cannot be used as asked; the message says why and what would do."""


def require(output: Path, *, resume: bool) -> None:
    """Refuse an output folder whose content this run has not made. Nothing is written.

    Args:
        output: a folder that is new or empty, or when resuming also one that holds the run to resume.
        resume: whether what is there may be gone on with.

    Raises:
        BadOutput: it is a file, cannot be written to, or holds something else.
    """
    _require_writable(output)
    found = _content(output)
    if not found or (resume and (output / FITTING / RUN).is_file()):
        return
    there = f"{output} is not empty ({', '.join(found[:5])}{', …' if len(found) > 5 else ''})"
    if resume:
        raise BadOutput(f"{there} and holds no run to resume; name another folder with --output")
    raise BadOutput(f"{there}; go on with its run with --resume, name another folder with --output, or delete it")


def _require_writable(output: Path) -> None:
    nearest = next(path for path in (output.absolute(), *output.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise BadOutput(f"{nearest} is a file; --output must name a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise BadOutput(f"{nearest} cannot be written to; name a folder with --output that can")


def _content(output: Path) -> list[str]:
    """Return what lies in the folder; a training run that never began its first step is nothing."""
    names = sorted(path.name for path in output.iterdir()) if output.is_dir() else []
    begun = [path.name for path in (output / FITTING).iterdir()] if (output / FITTING).is_dir() else [RUN]
    return [name for name in names if name != FITTING or set(begun) - {LOCK}]
