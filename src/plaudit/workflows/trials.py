"""What came of the trials of a search: one row each, compared with the best, as a table and as plain data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from plaudit.evaluation.intervals import Estimate

State = Literal["complete", "pruned", "failed", "unfinished"]

CHOSEN_ON = (
    "Held-out figures were chosen on: the best of several is better there than on new data. The test below was not."
)
SCALE = (
    "Held-out nll is Bradley-Terry's on the rewards as they are, whatever was minimised: an objective that leaves "
    "their scale free\npays for it. The scaled nll is that at the best single factor on all rewards; accuracy has no "
    "scale."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heldout:
    """The saved model of a complete trial on the held-out part.

    Attributes:
        nll: Bradley-Terry's, in nats a comparison; what a search chooses by.
        accuracy: share of the comparisons in the right order.
        scale: the factor on all rewards that makes ``nll`` least.
        scaled_nll: that least value.
        behind: how much higher ``nll`` is than the best trial's on the same comparisons; None for the best.
    """

    nll: Estimate
    accuracy: Estimate
    scale: float
    scaled_nll: float
    behind: Estimate | None = None

    @property
    def distinguishable(self) -> bool | None:
        """Whether the best trial is certainly better, by a 95 % interval; None where that was not or cannot be told."""
        return None if self.behind is None or self.behind.low is None else self.behind.low > 0

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict."""
        return {**asdict(self), "distinguishable": self.distinguishable}

    @classmethod
    def read(cls, held: Mapping[str, Any]) -> "Heldout":
        """Return what `to_json` gave."""
        estimates = {name: Estimate(**held[name]) for name in ("nll", "accuracy")}
        return cls(**estimates, scale=held["scale"], scaled_nll=held["scaled_nll"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One trial.

    Attributes:
        number: of the trial, from 0.
        settings: what was varied, dotted setting to value.
        state: ``complete``; ``pruned`` where others did better at the same point; ``failed``; or ``unfinished``, which
            is gone on with when the search is resumed.
        seconds: wall time of building, training and measuring on the held-out part, over all calls.
        steps: how many were done.
        evaluations: of the held-out part while training: position, step, nll, accuracy, and seconds since the trial
            began.
        heldout: of the saved model, for a complete trial.
        reason: why a trial failed, or that it was pruned.
        artefact: folder of the saved model, where it is kept.
    """

    number: int
    settings: Mapping[str, Any]
    state: State
    seconds: float = 0.0
    steps: int = 0
    evaluations: Sequence[Mapping[str, Any]] = ()
    heldout: Heldout | None = None
    reason: str = ""
    artefact: str | None = None

    @property
    def nll(self) -> float | None:
        """Held-out nll: of the saved model, or the lowest there was while training."""
        if self.heldout is not None:
            return self.heldout.nll.value
        return min((row["nll"] for row in self.evaluations), default=None)

    @property
    def accuracy(self) -> float | None:
        """Held-out accuracy of the saved model, or that of the evaluation with the lowest nll."""
        if self.heldout is not None:
            return self.heldout.accuracy.value
        lowest = min(self.evaluations, key=lambda row: row["nll"], default={})
        return lowest.get("accuracy")

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict, ``nll`` and ``accuracy`` at the top."""
        heldout = self.heldout.to_json() if self.heldout else None
        place = {"number": self.number, "settings": dict(self.settings), "state": self.state}
        figures = {"nll": self.nll, "accuracy": self.accuracy, "steps": self.steps, "seconds": self.seconds}
        held = {"heldout": heldout, "evaluations": [dict(row) for row in self.evaluations]}
        return {**place, **figures, **held, "reason": self.reason, "artefact": self.artefact}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of a search.

    Attributes:
        trials: all of them, by number.
        best: number of the best one, or None where none is complete.
        seconds: of all trials.
        stopped: why the search ended.
        folder: of the search.
        page: the plot, or None where plotly is not installed.
        test: evaluation of the best trial's saved model on the test part, as plain data; empty without one.
        tested: numbers of all trials that were ever measured on the test part; one, unless a resumed search found a
            better trial after the first look.
        remarks: what else to know, a sentence each.
    """

    trials: Sequence[Outcome]
    best: int | None
    seconds: float
    stopped: str
    folder: str
    page: str | None = None
    test: Mapping[str, Any] = field(default_factory=dict)
    tested: Sequence[int] = ()
    remarks: Sequence[str] = ()

    @property
    def winner(self) -> Outcome | None:
        """The best trial."""
        return next((trial for trial in self.trials if trial.number == self.best), None)

    def as_mapping(self) -> dict[str, Any]:
        """Return what ``search.json`` holds and ``--json`` prints."""
        winner = self.winner
        best = {
            "best": self.best,
            "settings": dict(winner.settings) if winner else None,
            "heldout": winner.heldout.to_json() if winner and winner.heldout else None,
            "artefact": winner.artefact if winner else None,
        }
        test = {"test": dict(self.test) or None, "tested": list(self.tested)}
        whole = {"seconds": self.seconds, "stopped": self.stopped, "folder": self.folder, "page": self.page}
        return {
            **best,
            **test,
            **whole,
            "remarks": list(self.remarks),
            "trials": [one.to_json() for one in self.trials],
        }

    def as_text(self) -> str:
        """Return what a person reads: the table, what to know of it, and the test of the best."""
        console = Console(width=150, color_system=None, force_terminal=False, highlight=False)
        with console.capture() as captured:
            console.print(table(self.trials, self.best))
        return "\n".join([captured.get().rstrip(), *self._said()])

    def _said(self) -> list[str]:
        winner = self.winner
        said = [SCALE, *failures(self.trials), f"Stopped: {self.stopped}.", *self.remarks]
        if winner is None:
            return [*said, "No trial is complete, so there is no best one."]
        said += [
            CHOSEN_ON,
            f"Best: trial {winner.number}, {described(winner.settings)}; its model is in {winner.artefact}.",
        ]
        if self.test:
            said.append(f"Test: {test_line(self.test)}")
        if len(self.tested) > 1:
            looks = ", ".join(map(str, self.tested))
            said.append(f"The test was looked at for trials {looks}: it too was chosen on, a little.")
        return said + ([f"Plot: {self.page}"] if self.page else [])


def best_of(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the complete trial with the lowest held-out nll, the earlier of two equal ones."""
    complete = [one for one in outcomes if one.heldout is not None and one.state == "complete"]
    return min(complete, key=lambda one: (one.nll, one.number), default=None)


def remarks(outcomes: Sequence[Outcome], best: Outcome | None) -> list[str]:
    """Return what the figures do not say by themselves, a sentence each."""
    said: list[str] = []
    complete = [one for one in outcomes if one.heldout is not None and one.state == "complete"]
    if best is None or best.heldout is None:
        return said
    if best.heldout.nll.reason:
        said.append(f"Held-out figures have no interval: {best.heldout.nll.reason}.")
    equal = [one.number for one in complete if one.heldout and one.heldout.distinguishable is False]
    if equal:
        said.append(f"Not distinguishable from the best on the held-out part: {', '.join(map(str, equal))}.")
    ahead = min(complete, key=lambda one: one.heldout.scaled_nll if one.heldout else math.inf)
    if ahead.heldout and ahead.heldout.scaled_nll < best.heldout.scaled_nll - 1e-9:
        figures = f"{ahead.heldout.scaled_nll:.4f} against {best.heldout.scaled_nll:.4f}"
        said.append(f"With its rewards at their best scale trial {ahead.number} would be ahead: {figures}.")
    return said


def failures(outcomes: Sequence[Outcome]) -> list[str]:
    """Return why trials failed, a line a reason."""
    numbers: dict[str, list[int]] = {}
    for one in outcomes:
        if one.state == "failed":
            numbers.setdefault(one.reason, []).append(one.number)
    return [f"Failed: {', '.join(map(str, those))}: {reason}" for reason, those in numbers.items()]


def test_line(test: Mapping[str, Any]) -> str:
    """Return accuracy with its interval, nll and n of an evaluation as one line."""
    ends = test.get("interval")
    interval = f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""
    return f"accuracy {test['accuracy']:.3f}{interval}, nll {test['nll']:.4f}, on {test['n']:,} comparisons."


def table(trials: Sequence[Outcome], best: int | None) -> Table:
    """Return the trials as a table, the best first, then by held-out nll, those that are not complete last."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    drawn = Table()
    for heading in ("trial", "settings", "held-out nll", "scaled nll", "accuracy", "behind the best"):
        left = heading == "settings"
        drawn.add_column(heading, justify="left" if left else "right", min_width=24 if left else None)
    for heading in ("steps", "seconds", "state"):
        drawn.add_column(heading, justify="left" if heading == "state" else "right", no_wrap=True)
    for trial in sorted(trials, key=lambda one: (one.number != best, *_rank(one))):
        drawn.add_row(*_cells(trial, best, names))
    return drawn


def described(settings: Mapping[str, Any]) -> str:
    """Return settings as a line: ``model.base=builtin:minilm-l6 training.learning_rate=2e-05``."""
    return " ".join(f"{name}={_shown(value)}" for name, value in settings.items())


def short(name: str, names: Sequence[str]) -> str:
    """Return a setting without its section where that is clear among ``names``; a kind's name is its section."""
    brief = {one: one.partition(".")[0] if one.endswith(".name") else one.rpartition(".")[2] for one in names}
    return brief[name] if list(brief.values()).count(brief[name]) == 1 else name


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _rank(trial: Outcome) -> tuple[bool, float, int]:
    complete, nll = trial.state == "complete", trial.nll
    return not complete, float("inf") if nll is None else nll, trial.number


def _cells(trial: Outcome, best: int | None, names: Sequence[str]) -> list[str]:
    number = f"{trial.number} *" if trial.number == best else str(trial.number)
    settings = described({short(name, names): value for name, value in trial.settings.items()})
    amounts = [str(trial.steps), f"{trial.seconds:.1f}", trial.state]
    if (held := trial.heldout) is None:
        shown = [f"{value:.3f}" if value is not None else "" for value in (trial.nll, trial.accuracy)]
        return [number, settings, shown[0], "", shown[1], "", *amounts]
    nll, accuracy, behind = map(_brief, (held.nll, held.accuracy, held.behind))
    return [number, settings, nll, f"{held.scaled_nll:.3f}", accuracy, behind, *amounts]


def _brief(estimate: Estimate | None) -> str:
    """Return value and interval, the bare value where there is none, nothing where there is no value."""
    if estimate is None:
        return ""
    return f"{estimate.value:.3f}" if estimate.low is None else str(estimate)
