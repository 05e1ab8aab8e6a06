"""A run with everything that must survive a break (dropout, evaluation, early stopping), and ways to break it.

As a program it is a fork server: torch is imported once, and each line on stdin is a run in forked processes, which can
be killed after some seconds or at the n-th passage of a point inside training or inside a save.
"""

import contextlib
import gc
import json
import os
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training import checkpoints, trainer
from plaudit.training.fit import Fitted, fit
from plaudit.training.progress import TIMINGS
from plaudit.training.recipe import Recipe
from tests.training.tiny import TinyModel, preferences

SAVING = ((os, "fsync"), (torch, "save"), (trainer, "save_file"), (Path, "rename"), (shutil, "rmtree"))
TRAINING = ((trainer, "accumulate"),)
RECIPE = Recipe(
    epochs=4,
    batch_size=4,
    learning_rate=0.5,
    dropout=0.2,
    token_budget=40,
    evaluate_every=2,
    save_every=3,
    patience=4,
)


def train(output: Path, *, resume: bool, **changes: Any) -> tuple[Fitted, TinyModel]:
    """Run (or go on with) the one training run that is broken in the tests."""
    model = TinyModel(dropout=0.5)
    settings: dict[str, Any] = {"recipe": RECIPE, "objective": BradleyTerry(), "listeners": (), **changes}
    validation = preferences(16, seed=1)
    return fit(model, preferences(26), output=output, validation=validation, resume=resume, **settings), model


def result(fitted: Fitted, model: TinyModel) -> dict[str, Any]:
    """Return everything that an unbroken run and a broken one must share, to the last bit."""
    history = [{name: value for name, value in row.items() if name not in TIMINGS} for row in fitted.history]
    weights = {name: value.numpy().tobytes().hex() for name, value in model.state_dict().items()}
    return {
        "history": history,
        "weights": weights,
        "best": [fitted.best_step, fitted.best_metric],
        "stopped": fitted.stopped,
    }


@contextlib.contextmanager
def passing(points: Any, passed: Callable[[int], None]) -> Iterator[None]:
    """Call ``passed`` with 1, 2, 3 … just before each call of any of the functions ``points``."""
    count = 0
    originals = [(place, name, getattr(place, name)) for place, name in points]

    def watched(original: Any) -> Any:
        def call(*args: Any, **settings: Any) -> Any:
            nonlocal count
            if points is TRAINING or _saving():
                count += 1
                passed(count)
            return original(*args, **settings)

        return call

    for place, name, original in originals:
        setattr(place, name, watched(original))
    try:
        yield
    finally:
        for place, name, original in originals:
            setattr(place, name, original)


def _saving() -> bool:
    frame: FrameType | None = sys._getframe()
    inside = {checkpoints.write.__code__, checkpoints.rotate.__code__}
    while frame is not None:
        if frame.f_code in inside:
            return True
        frame = frame.f_back
    return False


def _child(job: dict[str, Any], rank: int) -> None:
    output, points = Path(job["output"]), SAVING if job.get("inside") == "save" else TRAINING
    at, counted = job.get("at"), 0

    def passed(count: int) -> None:
        nonlocal counted
        counted = count
        if count == at and rank == job.get("rank", 0):
            os.kill(os.getpid(), signal.SIGKILL)

    with passing(points, passed):
        fitted, model = train(output, resume=True)
    report = {**result(fitted, model), "passed": counted}
    output.with_suffix(f".{rank}.json").write_text(json.dumps(report), encoding="utf-8")


def _fork(job: dict[str, Any], rank: int, port: int) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        log = os.open(f"{job['output']}.{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if job["processes"] > 1:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(job["processes"])}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
        _child(job, rank)
        code = 0
    except BaseException:  # noqa: BLE001 - a forked process must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _run(job: dict[str, Any]) -> list[int]:
    port = _free_port()
    processes = [_fork(job, rank, port) for rank in range(job["processes"])]
    deadline = time.monotonic() + job.get("seconds", 60)
    codes: dict[int, int] = {}
    while len(codes) < len(processes):
        for process in processes:
            if process not in codes and (ended := os.waitpid(process, os.WNOHANG))[0]:
                codes[process] = os.waitstatus_to_exitcode(ended[1])
        if any(codes.values()) or time.monotonic() > deadline:
            for process in processes:
                if process not in codes:
                    os.kill(process, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.002)
    return [codes[process] for process in processes]


def _answer(reply: object) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve runs until stdin ends."""
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    _answer("ready")
    for line in sys.stdin:
        _answer(_run(json.loads(line)))


if __name__ == "__main__":
    main()
