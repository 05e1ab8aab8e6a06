"""Ctrl-C: the step is finished, the state saved, and only then does the run end."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """The user stopped the run; the message says where its state is. A program that ends on it exits with 130."""


@dataclass(slots=True)
class Interruption:
    """Whether the user asked to stop."""

    asked: bool = False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Turn the first Ctrl-C into a request to stop after the current step; the second one stops at once.

    Outside the main thread, where signals cannot be caught, nothing changes.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        interruption.asked = True
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
        sys.stderr.write("\nstopping after this step; press Ctrl-C again to stop at once\n")
        sys.stderr.flush()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
