"""One trial of a search: a training run in a folder of its own, pruned, timed and measured on what is held out."""

import dataclasses
import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from plaudit.encoding.encode import Unfit
from plaudit.evaluation.evaluate import Evaluation
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.paired import best_scale
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.scorer import Scorer
from plaudit.training.fit import silent
from plaudit.training.progress import Row
from plaudit.training.recipe import Recipe
from plaudit.workflows import training
from plaudit.workflows.announcing import Say
from plaudit.workflows.evaluation import measure
from plaudit.workflows.folders import FITTING
from plaudit.workflows.trials import Heldout

if TYPE_CHECKING:
    import optuna

HELDOUT = "heldout.npz"
"""File of a trial's folder: the held-out part as its saved model scores it."""

Worse = Callable[["optuna.Trial"], bool]
"""Whether a trial does worse than others did by then."""


class Pruned(Exception):
    """A trial was stopped because others did better at the same point."""


class OutOfBudget(Exception):
    """The seconds of the search are spent."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What a trial has spent.

    Attributes:
        began: `time.monotonic` when this call began with it.
        left: seconds that it may take now.
        earlier: seconds that it took in earlier calls.
    """

    began: float
    left: float
    earlier: float

    @property
    def total(self) -> float:
        """Seconds of the trial over all calls."""
        return self.earlier + time.monotonic() - self.began

    def check(self) -> None:
        """Stop the trial where the budget is spent."""
        if time.monotonic() - self.began > self.left:
            raise OutOfBudget


@dataclass(slots=True)
class Reporter:
    """Tells the study of each evaluation of a trial, and stops the trial when it should be.

    Attributes:
        trial: the study's.
        recipe: of the trial.
        clock: of the trial.
        worse: whether the trial does worse than others did by then.
        say: receives each evaluation.
    """

    trial: "optuna.Trial"
    recipe: Recipe
    clock: Clock
    worse: Worse
    say: Say

    def __call__(self, row: Row) -> None:
        """Take one row of the history.

        Raises:
            Pruned: others did better at this point.
            OutOfBudget: there is no time left.
        """
        if row["kind"] == "evaluation":
            self._report(row)
        self.clock.check()

    def position(self, row: Row) -> int:
        """Return where in the data an evaluation stands, the same for all trials: records seen, or epochs."""
        if self.recipe.evaluate_every is None:
            return math.ceil(float(row["epoch"]) - 1e-6)
        return int(row["step"]) * self.recipe.batch_size

    def _report(self, row: Row) -> None:
        position = self.position(row)
        evaluations = list(self.trial.user_attrs.get("evaluations", []))
        if position in [known["position"] for known in evaluations]:
            return
        place = {"position": position, "step": row["step"], "seconds": self.clock.total}
        evaluations.append({**place, "nll": row["nll"], "accuracy": row.get("accuracy")})
        for name, value in (("evaluations", evaluations), ("steps", row["step"]), ("seconds", self.clock.total)):
            self.trial.set_user_attr(name, value)
        self.say(f"trial {self.trial.number}: step {row['step']}: held-out nll {row['nll']:.4f}")
        self.trial.report(row["nll"], position)
        if self.worse(self.trial):
            raise Pruned


def attempt(
    trial: "optuna.Trial",
    configuration: Mapping[str, Any],
    parts: Mapping[str, Preferences],
    folder: Path,
    *,
    whole: bool,
    clock: Clock,
    worse: Worse,
    say: Say,
) -> Heldout:
    """Train and save a trial's model, and measure it on the held-out part; the test part is left alone.

    Args:
        trial: the study's; gets evaluations, steps and seconds.
        configuration: tables of a training configuration.
        parts: of the data; ``train`` is learned from, ``validation`` measured on.
        folder: of the trial; a run that is there is gone on with.
        whole: refuse a held-out response that does not fit, even where the configuration drops such.
        clock: of the trial.
        worse: whether the trial does worse than others did by then.
        say: receives each evaluation.

    Raises:
        Pruned: others did better at some point.
        OutOfBudget: there is no time left.
    """
    wanted = training.sections(configuration)
    saved = training.train(
        configuration,
        parts,
        folder,
        resume=(folder / FITTING).exists(),
        whole=("validation",) if whole else (),
        listeners=(Reporter(trial, wanted.recipe, clock, worse, say),),
        say=silent,
    )
    trial.set_user_attr("steps", saved.fitted.steps)
    how = dataclasses.replace(wanted.measurement, slices=[])
    scorer, held_out = Scorer.load(saved.artefact), parts["validation"]
    evaluation, predictions = measure(scorer, held_out, on_unfit=wanted.data.on_unfit, measurement=how, say=silent)
    predictions.save(folder / HELDOUT)
    heldout = figures(evaluation, predictions)
    trial.set_user_attr("heldout", heldout.to_json())
    return heldout


def figures(evaluation: Evaluation, predictions: Predictions) -> Heldout:
    """Return what a search shows of an evaluation of the held-out part and the predictions behind it."""
    metrics = evaluation.overall.metrics
    likelihood, accuracy = metrics["log_likelihood"], metrics["accuracy"]
    low, high = (None if end is None else -end for end in (likelihood.high, likelihood.low))
    scale, least = best_scale(predictions)
    nll = Estimate(-likelihood.value, low, high, likelihood.reason)
    return Heldout(nll=nll, accuracy=accuracy, scale=scale, scaled_nll=least)


def reason_of(error: Exception) -> str:
    """Return why a trial failed, as one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    known = isinstance(error, ValueError | OSError) or type(error).__module__.startswith("plaudit.")
    if isinstance(error, Unfit):
        text += " (held-out comparisons must be the same for all trials, where what fits is varied)"
    return text if known else f"{type(error).__name__}: {text}"


def free() -> None:
    """Give back the memory of a trial's model."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
