"""A run that is broken at any moment and resumed ends with the very bits of an unbroken one."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training import breaking

ROOT = Path(__file__).parents[2]


class Broken(BaseException):
    """Stands for a process that died: nothing catches it."""


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the run comes to when nothing breaks it."""
    return breaking.result(*breaking.train(tmp_path_factory.mktemp("unbroken") / "run", resume=False))


def break_at(points: Any, at: int, output: Path) -> bool:
    """Run until the ``at``-th passage of ``points``; returns whether it came to that."""

    def passed(count: int) -> None:
        if count == at:
            raise Broken

    try:
        with breaking.passing(points, passed):
            breaking.train(output, resume=True)
    except Broken:
        return True
    return False


def test_the_unbroken_run_has_everything_that_can_be_lost(unbroken: dict[str, Any]) -> None:
    """The reference run evaluates, stops early, and its best step is not its last."""
    steps = [row["step"] for row in unbroken["history"] if row["kind"] == "step"]
    assert steps == list(range(1, len(steps) + 1))
    assert "no gain" in unbroken["stopped"] and steps[-1] < 28
    assert unbroken["best"][0] < steps[-1]
    assert len({row["nll"] for row in unbroken["history"] if row["kind"] == "evaluation"}) > 4


@pytest.mark.parametrize(
    ("points", "breaks"),
    [(breaking.TRAINING, [1, 6, 5]), (breaking.SAVING, [2, 13, 9]), (breaking.SAVING, [17, 23, 30])],
    ids=["in steps", "in saves", "in later saves"],
)
def test_a_broken_run_goes_on_to_the_same_bits(
    unbroken: dict[str, Any], tmp_path: Path, points: Any, breaks: list[int]
) -> None:
    """Broken three times and resumed: the same history, best step and weights."""
    output = tmp_path / "run"
    for at in breaks:
        assert break_at(points, at, output)
    assert breaking.result(*breaking.train(output, resume=True)) == unbroken


def test_resuming_a_finished_run_changes_nothing(unbroken: dict[str, Any], tmp_path: Path) -> None:
    """A finished run that is resumed gives its result again and takes no step."""
    output = tmp_path / "run"
    breaking.train(output, resume=False)
    with breaking.passing(breaking.TRAINING, lambda count: pytest.fail("a step was taken")):
        assert breaking.result(*breaking.train(output, resume=True)) == unbroken


class Server:
    """The fork server, and the runs it has been asked for."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.training.breaking"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )
        assert self._line() == "ready"

    def run(self, output: Path, processes: int = 1, **how: Any) -> list[int]:
        """Run, and return the exit codes; ``how`` says when to kill."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"output": str(output), "processes": processes, **how}) + "\n")
        self.process.stdin.flush()
        codes: list[int] = self._line()
        return codes

    def finish(self, output: Path, processes: int = 1) -> dict[str, Any]:
        """Run to the end and return the result, the same on every process."""
        codes = self.run(output, processes)
        assert codes == [0] * processes, Path(f"{output}.0.log").read_text(encoding="utf-8")
        reports = [
            json.loads(output.with_suffix(f".{rank}.json").read_text(encoding="utf-8")) for rank in range(processes)
        ]
        assert all(report["weights"] == reports[0]["weights"] for report in reports)
        first: dict[str, Any] = reports[0]
        return first

    def _line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start the fork server."""
    serving = Server()
    yield serving
    assert serving.process.stdin is not None and serving.process.stdout is not None
    serving.process.stdin.close()
    serving.process.wait(timeout=20)
    serving.process.stdout.close()


def same(report: dict[str, Any], reference: dict[str, Any]) -> bool:
    """Return whether two runs came to the same bits."""
    return all(report[name] == reference[name] for name in ("history", "weights", "best", "stopped"))


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "runs"), [(1, 6), (2, 4)], ids=["one process", "two processes"])
def test_runs_killed_at_random_moments_end_with_the_same_bits(
    server: Server, tmp_path: Path, processes: int, runs: int
) -> None:
    """SIGKILL in the second epoch, inside saves and after random times: each run ends as the unbroken one, bit for bit.

    Over the two cases more than 20 kills hit, more than 10 of them inside a save.
    """
    random.seed(7)
    reference = server.finish(tmp_path / "unbroken", processes)
    kills = {"save": 0, "step": 0, "time": 0}
    for number in range(runs):
        output = tmp_path / f"run{number}"
        for how in random_kills(processes):
            killed = -9 in server.run(output, processes, **how)
            kills[how.get("inside", "time")] += killed
        assert same(server.finish(output, processes), reference)
    assert kills["step"] == runs and kills["save"] == 2 * runs, kills


def random_kills(processes: int) -> list[dict[str, Any]]:
    """Return four kills: in a step of epoch 2, in a save, in a save again, and at some time in what is left to do."""
    kills: list[dict[str, Any]] = [{"inside": "step", "at": random.randint(8, 11), "rank": random.randrange(processes)}]
    for most in (8, 4):
        rank = random.randrange(processes)
        kills.append({"inside": "save", "at": 1 if rank else random.randint(1, most), "rank": rank})
    return [*kills, {"seconds": random.uniform(0.03, 0.2)}]
