"""When a run evaluates, saves and stops; and the line that shows how it goes."""

import sys
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from plaudit.training.progress import Row


class Cadence(TrainerCallback):
    """Decides at the end of each step whether to evaluate, to save and to stop.

    All three happen at a step's end, and a save comes last, so a checkpoint holds everything that came before it.

    Args:
        steps_per_epoch: steps of an epoch.
        evaluate_every: steps between evaluations; None for epochs; 0 for never.
        save_every: steps between checkpoints; None for epochs.
    """

    def __init__(self, steps_per_epoch: int, *, evaluate_every: int | None, save_every: int | None) -> None:
        self._evaluate_every = steps_per_epoch if evaluate_every is None else evaluate_every
        self._save_every = save_every or steps_per_epoch

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_unused: Any
    ) -> TrainerControl:
        """Set the controls of transformers' loop."""
        del args
        step, last = state.global_step, state.global_step >= state.max_steps
        control.should_evaluate = bool(self._evaluate_every) and (last or step % self._evaluate_every == 0)
        control.should_save = last or step % self._save_every == 0
        return control


@dataclass(slots=True)
class ProgressLine:
    """Shows each row of the history: one live line on a terminal, now and then a plain line elsewhere.

    Attributes:
        steps: of the whole run.
        stream: where to write.
        every: seconds between plain lines.
    """

    steps: int
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    every: float = 10.0
    _began: float = field(default_factory=time.monotonic)
    _first: int | None = None
    _written: float = float("-inf")
    _width: int = 0

    def __call__(self, row: Row) -> None:
        """Show one row."""
        if row["kind"] == "step":
            self._first = row["step"] - 1 if self._first is None else self._first
            self._show_step(row)
        else:
            self._line(_summary(row))

    def _show_step(self, row: Row) -> None:
        text = f"{_step(row, self.steps)}  {self._left(row['step'])} left"
        if self.stream.isatty():
            self.stream.write(f"\r{text:<{self._width}}")
            self._width = len(text)
            self.stream.flush()
        elif time.monotonic() - self._written >= self.every or row["step"] == self.steps:
            self._line(text)

    def _line(self, text: str) -> None:
        start = "\r" if self._width else ""
        self.stream.write(f"{start}{text:<{self._width}}\n")
        self.stream.flush()
        self._written, self._width = time.monotonic(), 0

    def _left(self, step: int) -> str:
        done = max(1, step - (self._first or 0))
        seconds = round((time.monotonic() - self._began) / done * (self.steps - step))
        return f"{seconds // 60}:{seconds % 60:02d}"


def _step(row: Row, steps: int) -> str:
    shown = [f"step {row['step']}/{steps}", f"loss {row['loss']:.4f}", f"running {row['running_loss']:.4f}"]
    if row["accuracy"] is not None:
        shown += [f"accuracy {row['accuracy']:.1%}", f"margin {row['margin']:+.3f}"]
    return "  ".join([*shown, f"lr {row['learning_rate']:.2e}", f"{row['pairs_per_second']:.1f} pairs/s"])


def _summary(row: Row) -> str:
    numbers = {name: value for name, value in row.items() if isinstance(value, float) and name != "seconds"}
    figures = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items() if name != "epoch")
    best = "  (best so far)" if row.get("best") else ""
    name = f"epoch {row['epoch']:g}" if row["kind"] == "epoch" else f"validation at step {row['step']}"
    return f"{name}: {figures}{best}"
