"""``python -m benchmarks.annotation``: many simulated annotators at once; request times, answers lost or doubled."""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.annotation.annotators import Annotator, Timings
from benchmarks.machine import busy, checkout, load, machine
from plaudit.annotation.store import Store

MEDIAN, NINETY_NINTH = 0.050, 0.250
"""What is aimed for on two idle cores, in seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0 if no answer was lost or doubled."""
    asked = _parser().parse_args(arguments)
    averages = load()
    with tempfile.TemporaryDirectory(prefix="plaudit-annotation-") as folder:
        measured = _measure(asked, Path(folder))
    result = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": averages,
        "warning": busy(averages),
        "machine": machine(),
        **checkout(),
        "asked": {name: value for name, value in vars(asked).items() if name != "output"},
        **measured,
    }
    print(_told(result))
    if asked.output:
        asked.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if measured["lost"] or measured["doubled"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotation", description=__doc__)
    parser.add_argument("--annotators", type=int, default=50, help="how many at once")
    parser.add_argument("--comparisons", type=int, default=10_000, help="how many there are to answer")
    parser.add_argument("--seconds", type=float, default=30, help="how long they work")
    parser.add_argument("--pause", type=float, default=0, help="mean seconds over a task; 0: as fast as they can")
    parser.add_argument("--database", default="", help="a PostgreSQL URL; a new SQLite file if left out")
    parser.add_argument("--output", type=Path, help="a JSON file for the result")
    return parser


def _measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    database = asked.database or str(folder / "campaign.db")
    with _served(asked, folder, database) as (base, links, server):
        timings, begun, before, own = Timings(), time.perf_counter(), server.cpu_times(), time.process_time()
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_work(asked, base, links, timings))
        seconds, after, own = time.perf_counter() - begun, server.cpu_times(), time.process_time() - own
    spent = after.user + after.system - before.user - before.system
    with Store(database) as store:
        stored = Counter(one.assignment for one in store.answers())
        tasks = Counter((one.annotator, one.task) for one in store.answers())
    acknowledged = Counter(timings.acknowledged)
    return {
        "answers": len(timings.answers),
        "answers_a_second": len(timings.answers) / seconds,
        "processor_seconds_an_answer": spent / max(1, len(timings.answers)),
        "generator_seconds_an_answer": own / max(1, len(timings.answers)),
        "lost": sum((acknowledged - stored).values()),
        "doubled": sum(count - 1 for count in tasks.values()) + timings.again,
        "requests": _quantiles([*timings.tasks, *timings.answers]),
        "task": _quantiles(timings.tasks),
        "answer": _quantiles(timings.answers),
    }


def _loop() -> asyncio.AbstractEventLoop:
    """Return the fastest loop there is, so that the annotators do not measure themselves."""
    try:
        import uvloop  # noqa: PLC0415 - it is not for every system
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _quantiles(seconds: Sequence[float]) -> dict[str, float]:
    median, last = np.quantile(seconds, [0.5, 0.99])
    return {"median": float(median), "p99": float(last), "most": max(seconds), "n": len(seconds)}


async def _work(asked: argparse.Namespace, base: str, links: Sequence[str], timings: Timings) -> None:
    until = time.perf_counter() + asked.seconds
    people = (Annotator(base, link, asked.pause, seed) for seed, link in enumerate(links))
    await asyncio.gather(*(one.work(timings, until) for one in people))


@contextmanager
def _served(asked: argparse.Namespace, folder: Path, database: str) -> Iterator[tuple[str, list[str], Any]]:
    """Yield the address of a server of its own process, the annotators' links, and the process."""
    source = folder / "pairs.jsonl"
    words = "A response of some length, as people read them. " * 12
    rows = ({"prompt": f"Question {n}", "responses": [f"{words}{n}", f"{n} {words}"]} for n in range(asked.comparisons))
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    names = [part for n in range(asked.annotators) for part in ("--annotator", f"annotator {n}")]
    command = [
        *(sys.executable, "-m", "plaudit", "annotate", "--json", "--port", str(port), "--pairs", str(source)),
        *("--database", database, "--secret", str(folder / "secret"), *names),
    ]  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            _wait(base)
            links = [link.removeprefix(base) for link in told["annotators"].values()]
            yield base, links, psutil.Process(process.pid)
        finally:
            process.terminate()


def _wait(base: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{base}/health", timeout=5).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"no server answers at {base}")


def _told(result: dict[str, Any]) -> str:
    lines = [f"! {result['warning']}"] if result["warning"] else []
    asked = result["asked"]
    lines.append(
        f"{asked['annotators']} annotators, {asked['comparisons']:,} comparisons, pause {asked['pause']:g} s: "
        f"{result['answers']:,} answers, {result['answers_a_second']:.0f} a second, {result['lost']} lost, "
        f"{result['doubled']} doubled"
    )
    spent = 1000 * result["processor_seconds_an_answer"]
    own = 1000 * result["generator_seconds_an_answer"]
    lines.append(
        f"for a task and its answer the server took {spent:.2f} ms of processor, the simulated annotators {own:.2f} ms"
    )
    for name in ("requests", "task", "answer"):
        found = result[name]
        lines.append(
            f"{name:<9} median {1000 * found['median']:7.1f} ms   99 % {1000 * found['p99']:7.1f} ms   "
            f"most {1000 * found['most']:7.1f} ms"
        )
    reached = result["requests"]["median"] < MEDIAN and result["requests"]["p99"] < NINETY_NINTH
    aim = f"aim: median under {1000 * MEDIAN:.0f} ms, 99 % under {1000 * NINETY_NINTH:.0f} ms"
    return "\n".join([*lines, f"{aim}: {'reached' if reached else 'not reached'}"])


if __name__ == "__main__":
    raise SystemExit(main())
