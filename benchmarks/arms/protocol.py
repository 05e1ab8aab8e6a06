"""What every arm does alike: read the request, watch time and memory, write the answer. It needs nothing but Python."""

import hashlib
import importlib.metadata
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]
STATUS = Path("/proc/self/status")


def answer(measure: Callable[[Request], Answer]) -> None:
    """Read the request that the command line names first, measure, and write the answer to the second."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(sys.argv[2]).write_text(json.dumps(measure(request)), encoding="utf-8")


def resident() -> int:
    """Return the bytes of this process that are in memory now, 0 where the system does not say."""
    return _status("VmRSS") or 0


def peak() -> int:
    """Return the most bytes of this process that ever were in memory.

    Linux' own count for the process image is taken where there is one: ``ru_maxrss`` also remembers the parent's.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int | None:
    lines = STATUS.read_text(encoding="utf-8").splitlines() if STATUS.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


@dataclass(slots=True)
class StepClock:
    """When each step ended, and the most memory used until then."""

    ends: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)

    def mark(self) -> None:
        """Note the end of a step."""
        self.ends.append(time.perf_counter())
        self.peaks.append(peak())

    def answer(self, request: Request, before: int) -> Answer:
        """Return pairs a second over the timed steps, and the memory: before training, and at the most.

        Raises:
            ValueError: the number of steps is not the one asked for.
        """
        first = request["warm_up"] // request["batch_size"]
        steps = first + request["pairs"] // request["batch_size"]
        if len(self.ends) != steps:
            raise ValueError(f"{len(self.ends)} steps were done where {steps} were asked for")
        seconds = self.ends[-1] - self.ends[first - 1]
        return {
            "pairs_per_second": request["pairs"] / seconds,
            "step_seconds": [late - early for early, late in zip(self.ends, self.ends[1:], strict=False)],
            "resident_before": before,
            "peak": self.peaks[-1],
        }


def digest(rows: Iterable[Sequence[int]]) -> str:
    """Return a hash of rows of token ids."""
    found = hashlib.sha256()
    for row in rows:
        found.update(json.dumps([int(token) for token in row]).encode())
    return found.hexdigest()


def versions(*names: str) -> dict[str, str]:
    """Return the versions of installed distributions, and Python's."""
    return {"python": sys.version.split()[0], **{name: importlib.metadata.version(name) for name in names}}


def rows_of(request: Request, name: str) -> list[dict[str, Any]]:
    """Return the rows of a file that the preparation wrote."""
    rows: list[dict[str, Any]] = json.loads(Path(request["folder"], f"{name}.json").read_text(encoding="utf-8"))
    return rows
