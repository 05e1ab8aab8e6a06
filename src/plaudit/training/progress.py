"""Progress: the history of a run and what early stopping has seen. All of it is in every checkpoint."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from plaudit.training.step import StepStatistics

Row = dict[str, Any]
"""One row of the history; ``kind`` is ``step``, ``epoch`` or ``evaluation``."""

TIMINGS = ("seconds", "pairs_per_second")
"""Keys of a row that two runs of the same recipe do not share."""


@dataclass(slots=True)
class EpochSums:
    """Sums over the steps of the current epoch so far."""

    loss: float = 0.0
    weight: float = 0.0
    correct: float = 0.0
    ordered: int = 0

    def add(self, step: StepStatistics) -> None:
        """Count one step."""
        self.loss += step.loss * step.weight
        self.weight += step.weight
        self.correct += (step.accuracy or 0.0) * step.ordered
        self.ordered += step.ordered

    @property
    def mean_loss(self) -> float:
        """Mean loss, weighted by the terms' weights."""
        return self.loss / self.weight if self.weight else 0.0

    @property
    def accuracy(self) -> float | None:
        """Share of the comparisons ordered as labelled, when each was met; None without any."""
        return self.correct / self.ordered if self.ordered else None


@dataclass(slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        history: one row a step, an epoch and an evaluation.
        best_metric: lowest monitored value so far, or None before the first evaluation.
        best_step: the step it was reached at.
        without_gain: evaluations since.
        stopped: why training is over, or ``""`` while it is not.
        epoch: sums of the current epoch.
    """

    history: list[Row] = field(default_factory=list)
    best_metric: float | None = None
    best_step: int | None = None
    without_gain: int = 0
    stopped: str = ""
    epoch: EpochSums = field(default_factory=EpochSums)

    def add_step(self, row: Row, statistics: StepStatistics) -> Row:
        """Record one step; returns its row with the running loss of the epoch."""
        self.epoch.add(statistics)
        seen = {"loss": statistics.loss, "running_loss": self.epoch.mean_loss}
        ordered = {"accuracy": statistics.accuracy, "margin": statistics.margin}
        amounts = {"comparisons": statistics.comparisons, "tokens": statistics.tokens}
        self.history.append({"kind": "step", **row, **seen, **ordered, **amounts})
        return self.history[-1]

    def add_epoch(self, row: Row) -> Row:
        """Record the end of an epoch with its mean loss and accuracy, and begin the next."""
        self.history.append({"kind": "epoch", **row, "loss": self.epoch.mean_loss, "accuracy": self.epoch.accuracy})
        self.epoch = EpochSums()
        return self.history[-1]

    def add_evaluation(self, row: Row, metrics: dict[str, float], monitor: str, min_gain: float) -> bool:
        """Record an evaluation; returns whether it is the best so far.

        Raises:
            ValueError: the monitored metric is missing or not finite.
        """
        value = metrics.get(monitor)
        if value is None or not math.isfinite(value):
            raise ValueError(
                f"validation at step {row['step']} gave {monitor} = {value}; a finite number is needed to choose the "
                f"best checkpoint (it gave: {', '.join(metrics) or 'nothing'})"
            )
        best = self.best_metric is None or value < self.best_metric - min_gain
        self.history.append({"kind": "evaluation", **row, **metrics, "best": best})
        self.without_gain = 0 if best else self.without_gain + 1
        if best:
            self.best_metric, self.best_step = value, row["step"]
        return best

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Progress":
        """Read what `write` wrote."""
        held = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**held, "epoch": EpochSums(**held["epoch"])})
