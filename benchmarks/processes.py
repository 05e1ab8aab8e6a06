"""Running arms: each is a process of its own, in its own environment, one after another."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.settings import Settings

PEERS = "PLAUDIT_PEERS"
TAIL = 3000


class ArmFailed(RuntimeError):
    """An arm ended without a result; the message holds the end of what it said."""


class NoPeers(RuntimeError):
    """There is no environment with the peers in it."""


def peers() -> Path:
    """Return the interpreter that has TRL and sentence-transformers: `PLAUDIT_PEERS`, else that of ``.venv-peers``.

    Raises:
        NoPeers: it is not there.
    """
    found = Path(os.environ.get(PEERS, ROOT / ".venv-peers" / "bin" / "python"))
    if not found.is_file():
        raise NoPeers(f"{found}: no such interpreter; `make peers` makes it, or {PEERS} names another")
    return found


@dataclass(slots=True)
class Bench:
    """The folder of one run, and what every arm in it is told.

    Attributes:
        folder: where the models, texts and logs lie.
        settings: of the run.
        dtype: what both sides compute in, once it is settled.
        runs: how many arms have run.
    """

    folder: Path
    settings: Settings
    dtype: str = "float32"
    runs: int = field(default=0)

    def run(self, arm: str, *, peer: bool = False, **asked: Any) -> dict[str, Any]:
        """Run ``benchmarks/arms/<arm>.py`` and return its answer.

        Args:
            arm: which.
            peer: in the peers' environment, else in this one.
            asked: more of the request.

        Raises:
            ArmFailed: it gave no answer.
            NoPeers: there is no environment to run it in.
        """
        python = peers() if peer else Path(sys.executable)
        self.runs += 1
        request, answer, log = (self.folder / f"{self.runs:03d}-{arm}.{kind}" for kind in ("ask", "json", "log"))
        told = {**self.settings.plain(), "folder": str(self.folder), "dtype": self.dtype, **asked}
        request.write_text(json.dumps(told), encoding="utf-8")
        began = time.monotonic()
        with log.open("w", encoding="utf-8") as stream:
            command = [str(python), "-m", f"benchmarks.arms.{arm}", str(request), str(answer)]
            done = subprocess.run(command, cwd=ROOT, env=self._environment(), stdout=stream, stderr=stream, check=False)
        if done.returncode or not answer.is_file():
            raise ArmFailed(f"arm {arm} ended with {done.returncode}:\n{log.read_text(errors='replace')[-TAIL:]}")
        say(f"{arm} {' '.join(map(str, asked.values()))}: {time.monotonic() - began:.0f} s")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found

    def _environment(self) -> dict[str, str]:
        threads = str(self.settings.threads)
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_CACHE": str(self.folder / "datasets"),
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
        }


def say(text: str) -> None:
    """Write a line of progress."""
    sys.stderr.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")
    sys.stderr.flush()
