"""The study of a search, kept by Optuna in one file: which point to try next, what came of it, and when to prune.

Which point comes next follows from the seed, the trial's number and what came of the trials before, so a search that
was stopped and resumed takes the way of one that was not. Spaces of choices alone that the budget covers are tried
out whole, in an order drawn from the seed; others are sampled by a tree-structured Parzen estimator.

Source: Bergstra, Bardenet, Bengio and Kégl, Algorithms for Hyper-Parameter Optimization (2011), for the estimator;
Golovin et al., Google Vizier (2017), for the median rule; Li et al., A System for Massively Parallel Hyperparameter
Tuning (2020), for successive halving.
"""

import importlib
import random
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from plaudit.workflows.trials import Heldout, Outcome, State
from plaudit.workflows.varying import Axis, Choices, points, settings_of

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

NAME = "plaudit"
"""Of the study in its file."""

REPEATS = "repeats"
"""Marks a trial whose point was tried before: it has that trial's figures and is shown nowhere."""

Pruner = Literal["median", "halving", "none"]


ATTEMPTS = 100
"""Draws in a row that may give a point that was tried before; after them nothing new is expected."""


class NoOptuna(ImportError):
    """Optuna is not installed; the message says how to install it."""


class Study:
    """The trials of one search.

    Args:
        path: the file that keeps them; made if missing.
        space: what is varied.
        pruner: which rule stops a trial early.
        startup: trials that are neither pruned nor guided by those before them.
        unit: how far apart the evaluations of a trial are, for ``halving``.
        seed: of the points.
        trials: most trials there will be, or None.
    """

    def __init__(
        self,
        path: Path,
        space: Sequence[Axis],
        *,
        pruner: Pruner,
        startup: int,
        unit: int,
        seed: int,
        trials: int | None,
    ) -> None:
        self._optuna, self._space, self._seed, self._startup = load_optuna(), space, seed, startup
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        storages: Any = importlib.import_module("optuna.storages.journal")
        self._study: optuna.Study = self._optuna.create_study(
            study_name=NAME,
            storage=storages.JournalStorage(storages.JournalFileBackend(str(path))),
            pruner=self._pruner(pruner, unit),
            load_if_exists=True,
        )
        self._points = self._ordered()
        self._whole = self._points is not None and (trials is None or len(self._points) <= trials)

    def outcomes(self) -> list[Outcome]:
        """Return what came of every trial so far, by number, repeated points left out."""
        return [self._outcome(trial) for trial in self._shown()]

    def next(self) -> "optuna.Trial | None":
        """Return the trial to run: one that was left unfinished, else a new one; None where all points were tried."""
        for left_over in self._shown():
            if left_over.state == self._states.RUNNING:
                return self._optuna.Trial(self._study, left_over._trial_id)  # type: ignore[no-any-return] # noqa: SLF001
        left = self._left()
        if left is not None and not left:
            return None
        if self._whole and left:
            self._study.enqueue_trial(left[0], skip_if_exists=True)
        for _ in range(ATTEMPTS):
            trial = self._ask()
            if (twin := self._twin(trial)) is None:
                return trial
            self._repeat(trial, twin)
            if left:
                self._study.enqueue_trial(left[0], skip_if_exists=True)
        return None

    def values(self, trial: "optuna.Trial") -> dict[str, Any]:
        """Return the settings of a trial."""
        return settings_of(self._space, trial.params)

    def is_worse(self, trial: "optuna.Trial") -> bool:
        """Return whether a trial does worse than others did by then; no, before ``startup`` trials are complete."""
        due = bool(trial.should_prune())
        return due and sum(one.state == self._states.COMPLETE for one in self._shown()) >= self._startup

    def complete(self, trial: "optuna.Trial", nll: float) -> None:
        """Record that a trial reached its end, and the figure to minimise."""
        self._study.tell(trial.number, nll)

    def prune(self, trial: "optuna.Trial") -> None:
        """Record that a trial was stopped because others did better."""
        self._study.tell(trial.number, state=self._states.PRUNED)

    def fail(self, trial: "optuna.Trial", reason: str) -> None:
        """Record that a trial could not be run, and why.

        For Optuna it is a pruned one without a figure, the worst there is: of failed ones it would learn nothing, and
        draw again and again what cannot be run.
        """
        trial.set_user_attr("reason", reason)
        self._study.tell(trial.number, state=self._states.PRUNED)

    @property
    def _states(self) -> Any:
        return self._optuna.trial.TrialState

    def _pruner(self, name: Pruner, unit: int) -> Any:
        if name == "median":
            return self._optuna.pruners.MedianPruner(n_startup_trials=self._startup)
        if name == "halving":
            return self._optuna.pruners.SuccessiveHalvingPruner(min_resource=unit, reduction_factor=2)
        return self._optuna.pruners.NopPruner()

    def _ask(self) -> "optuna.Trial":
        number = len(self._study.trials)
        self._study.sampler = self._optuna.samplers.TPESampler(
            seed=random.Random(f"{self._seed} {number}").randrange(2**31), n_startup_trials=self._startup
        )
        return self._study.ask({axis.name: self._distribution(axis) for axis in self._space})

    def _distribution(self, axis: Axis) -> Any:
        made = self._optuna.distributions
        if isinstance(axis, Choices):
            return made.CategoricalDistribution(axis.labels)
        if axis.whole:
            return made.IntDistribution(axis.low, axis.high, log=axis.log, step=axis.step or 1)
        return made.FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)

    def _ordered(self) -> list[dict[str, Any]] | None:
        """Return every point in an order drawn from the seed, or None where they cannot be counted."""
        if (found := points(self._space)) is not None:
            random.Random(self._seed).shuffle(found)
        return found

    def _left(self) -> list[dict[str, Any]] | None:
        """Return the points that were not tried, or None where they cannot be counted."""
        if self._points is None:
            return None
        tried = [trial.params for trial in self._study.trials]
        return [point for point in self._points if point not in tried]

    def _twin(self, trial: "optuna.Trial") -> "FrozenTrial | None":
        return next((one for one in self._shown() if one.number < trial.number and one.params == trial.params), None)

    def _repeat(self, trial: "optuna.Trial", twin: "FrozenTrial") -> None:
        trial.set_user_attr(REPEATS, twin.number)
        complete = twin.state == self._states.COMPLETE
        self._study.tell(trial.number, twin.value if complete else None, state=None if complete else twin.state)

    def _shown(self) -> list["FrozenTrial"]:
        """Return the trials that have a point of their own; one that was stopped while it got its point has none."""
        drawn = [trial for trial in self._study.trials if len(trial.params) == len(self._space)]
        return [trial for trial in drawn if REPEATS not in trial.user_attrs]

    def _outcome(self, trial: "FrozenTrial") -> Outcome:
        held: Mapping[str, Any] = trial.user_attrs
        names: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "failed" if held.get("reason") else "pruned"}
        return Outcome(
            number=trial.number,
            settings=settings_of(self._space, trial.params),
            state=names.get(trial.state.name, "unfinished"),
            seconds=held.get("seconds", 0.0),
            steps=held.get("steps", 0),
            evaluations=held.get("evaluations", []),
            heldout=Heldout.read(held["heldout"]) if "heldout" in held else None,
            reason=held.get("reason", ""),
            artefact=held.get("artefact"),
        )


def load_optuna() -> Any:
    """Return Optuna.

    Raises:
        NoOptuna: it is not installed.
    """
    if find_spec("optuna") is None:
        raise NoOptuna("a search needs Optuna, which is not installed: pip install 'plaudit[search]'")
    return importlib.import_module("optuna")
