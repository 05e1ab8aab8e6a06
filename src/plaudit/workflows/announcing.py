"""What a workflow says while it works: on standard error, from the first process alone."""

import os
import sys
from collections.abc import Callable

Say = Callable[[str], None]
"""Receives progress, a sentence at a time."""


def is_first() -> bool:
    """Return whether this is the only process of its run or the first of several, as their launcher numbers them."""
    return int(os.environ.get("WORLD_SIZE") or 1) == 1 or int(os.environ.get("RANK") or 0) == 0


def to_stderr(text: str) -> None:
    """Print progress where it does not mix with results."""
    if is_first():
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
