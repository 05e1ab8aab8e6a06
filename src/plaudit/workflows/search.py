"""Search: many training runs on one split and one budget, pruned and chosen by held-out nll; the test is seen once.

The figure is the nll that every run reports, Bradley-Terry's on the rewards as they are, whatever was minimised, so
that runs compare. It is no calibrated figure: an objective that leaves the scale of its rewards free (a hinge, a
triplet) is punished for a scale that is off. The table therefore has accuracy and the nll at the best scale beside it.
"""

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from plaudit import __version__, config
from plaudit.config import BadConfiguration
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.paired import nll_difference
from plaudit.pages import trials as page
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.replacing import replace_file
from plaudit.scoring.scorer import Scorer
from plaudit.training import ranks
from plaudit.training.fit import silent
from plaudit.training.recipe import Recipe
from plaudit.training.run_folder import CHECKPOINTS, Facts, held, record_facts
from plaudit.workflows import training, varying
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.attempt import HELDOUT, Clock, OutOfBudget, Pruned, attempt, free, reason_of
from plaudit.workflows.data import BadData, announce, prepare
from plaudit.workflows.evaluation import measure
from plaudit.workflows.folders import ARTEFACT, FITTING, PREDICTIONS
from plaudit.workflows.study import Pruner, Study, load_optuna
from plaudit.workflows.training import Sections
from plaudit.workflows.trials import Found, Heldout, Outcome, best_of, described, remarks, short

if TYPE_CHECKING:
    import optuna

STUDY, REPORT, PAGE, TRIALS = "study.log", "search.json", "search.html", "trials"
"""Files and the folder of trials in the folder of a search."""

FAILURES = 10
"""Trials that may fail in a row before the search gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to vary, and how much may be spent.

    Attributes:
        vary: dotted settings of the configuration, each with a list of choices or a range ``{low = …, high = …}`` with
            ``log`` or ``step``; a choice may be a table of several settings that belong together.
        trials: most trials, pruned and failed ones among them.
        seconds: most seconds of all trials together, over all calls; the trial that is running when they are spent
            stays unfinished. One of ``trials`` and ``seconds`` must be given.
        pruner: ``median`` stops a trial that is worse than the median of the others at the same point; ``halving`` lets
            half go on, at doubling distances; ``none`` stops none.
        startup: trials that must be complete before any is pruned, or drawn by what came of the others.
        keep: ``best`` keeps the saved model of the best trial so far, ``all`` those of all complete trials.
        seed: of what is tried; the seeds of training stay those of the configuration.
    """

    vary: dict[str, Any] = field(default_factory=dict)
    trials: int | None = None
    seconds: float | None = None
    pruner: Pruner = "median"
    startup: int = 5
    keep: Literal["best", "all"] = "best"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.trials is None and self.seconds is None:
            raise ValueError("there is no budget: give trials, seconds or both")
        for name in ("trials", "seconds"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be above 0, not {value}")
        if self.startup < 1:
            raise ValueError(f"startup must be 1 or more, not {self.startup}")


SCHEMA = {**training.SCHEMA, "search": Search}
"""The sections of a search's configuration: those of training, and what to vary."""


def search(
    configuration: Mapping[str, Any], output: Path | str, *, resume: bool = False, say: Say = to_stderr
) -> Found:
    """Run trials until the budget is spent; return all of them, and the best with its test.

    Each trial is the workflow of ``plaudit train`` in a folder of its own, ``output/trials/007``, on the same split. It
    reports its held-out nll at every evaluation; one that does worse than others did by then is pruned, one that fails
    is recorded with the reason. When one ends its checkpoints are removed.

    Args:
        configuration: tables of a training configuration, and ``search``, as ``config.read`` returns them.
        output: folder of the search; new or empty unless resuming.
        resume: go on with the search in ``output``, which must have had the same configuration and data; the budget
            may be another.
        say: receives progress, a sentence at a time.

    Raises:
        BadConfiguration: a setting cannot be varied, a choice or the budget is wrong.
        BadData: there is nothing to choose on.
        NoOptuna: Optuna is not installed.
        RunFolderError: ``output`` cannot be used, or the search to resume began with something else.
        KeyboardInterrupt: the user pressed Ctrl-C; what is done is kept.
    """
    tables = {name: table for name, table in configuration.items() if name != "search"}
    wanted: Search = config.build(Search, configuration.get("search", {}), "search")
    space = varying.axes(wanted.vary)
    load_optuna()
    varying.check(space, tables)
    if ranks.launched():
        raise BadConfiguration("a search runs its trials in one process; start it without a launcher")
    first = varying.overlaid(tables, varying.settings_of(space, {axis.name: axis.ends()[0] for axis in space}))
    _require_comparable(training.sections(first).recipe, wanted, say)
    with held(Path(output), resume=resume):
        parts = _prepared(training.sections(first), say)
        record_facts(Path(output), _facts(training.sections(first), first, wanted, parts))
        return Searching(tables, wanted, space, Path(output), parts, first, say).go()


@dataclass(slots=True)
class Searching:
    """One call of `search` at work."""

    tables: Mapping[str, Any]
    wanted: Search
    space: tuple[varying.Axis, ...]
    output: Path
    parts: Mapping[str, Preferences]
    first: Mapping[str, Any]
    say: Say
    study: Study = field(init=False)
    spent: float = 0.0
    _other: tuple[str, Mapping[str, Preferences]] = ("", {})

    def __post_init__(self) -> None:
        recipe = training.sections(self.first).recipe
        wanted, unit = self.wanted, recipe.batch_size * recipe.evaluate_every if recipe.evaluate_every else 1
        how: dict[str, Any] = {"pruner": wanted.pruner, "startup": wanted.startup, "seed": wanted.seed}
        self.study = Study(self.output / STUDY, self.space, unit=unit, trials=wanted.trials, **how)

    def go(self) -> Found:
        """Run trials, then report; what is done is reported too when the user interrupts."""
        try:
            stopped = self._loop()
        except KeyboardInterrupt as error:
            self._report("interrupted", {})
            where = f"what is done is in {self.output / REPORT}; go on with --resume --output {self.output}"
            self.say(where)
            raise KeyboardInterrupt(where) from error
        best = best_of(self.outcomes())
        return self._report(stopped, {} if best is None else self._tested(best))

    def outcomes(self) -> list[Outcome]:
        """Return all trials so far, each with the place of its saved model if that is kept."""
        found = []
        for outcome in self.study.outcomes():
            artefact = self._folder(outcome.number) / ARTEFACT
            there = outcome.state == "complete" and artefact.is_dir()
            found.append(dataclasses.replace(outcome, artefact=str(artefact) if there else None))
        return found

    def _loop(self) -> str:
        """Run trials until something ends the search; return what."""
        while not (over := self._over()):
            trial = self.study.next()
            if trial is None:
                return "every combination was tried"
            try:
                self._run(trial)
            except OutOfBudget:
                return (
                    f"{_seconds(self.wanted)} are spent; trial {trial.number} is unfinished, resuming goes on with it"
                )
            self._tidy()
        return over

    def _over(self) -> str:
        outcomes = self.outcomes()
        told = [one for one in outcomes if one.state != "unfinished"]
        self.spent = sum(one.seconds for one in outcomes)
        if self.wanted.trials is not None and len(told) >= self.wanted.trials:
            return f"{len(told)} trials are done"
        if self.wanted.seconds is not None and self.spent >= self.wanted.seconds:
            return f"{_seconds(self.wanted)} are spent"
        if len(told) >= FAILURES and all(one.state == "failed" for one in told[-FAILURES:]):
            return f"the last {FAILURES} trials failed"
        return ""

    def _run(self, trial: "optuna.Trial") -> None:
        """Run one trial and record what came of it; one that is stopped from outside stays unfinished."""
        settings, nll, reason = self.study.values(trial), None, ""
        left = math.inf if self.wanted.seconds is None else self.wanted.seconds - self.spent
        clock = Clock(time.monotonic(), left, trial.user_attrs.get("seconds", 0.0))
        self.say(f"trial {trial.number}: {described(settings)}")
        try:
            nll = self._attempt(trial, varying.overlaid(self.tables, settings), clock).nll
        except OutOfBudget:
            raise
        except Pruned:
            self.say(f"trial {trial.number}: pruned")
        except Exception as error:  # noqa: BLE001 - recorded with its reason; the other trials go on
            reason = reason_of(error)
            self.say(f"trial {trial.number}: failed: {reason}")
        finally:
            free()
            trial.set_user_attr("seconds", clock.total)
        self._record(trial, nll, reason)

    def _record(self, trial: "optuna.Trial", nll: Estimate | None, reason: str) -> None:
        if nll is not None:
            self.say(f"trial {trial.number}: held-out nll {nll}")
            self.study.complete(trial, nll.value)
        elif reason:
            self.study.fail(trial, reason)
        else:
            self.study.prune(trial)

    def _attempt(self, trial: "optuna.Trial", configuration: Mapping[str, Any], clock: Clock) -> Heldout:
        encodes = any(axis.touched() & set(varying.OF_ENCODING) for axis in self.space)
        parts, folder = self._parts(configuration), self._folder(trial.number)
        how: dict[str, Any] = {"clock": clock, "worse": self.study.is_worse, "say": self.say}
        return attempt(trial, configuration, parts, folder, whole=encodes, **how)

    def _parts(self, configuration: Mapping[str, Any]) -> Mapping[str, Preferences]:
        """Return the parts of a trial's data: those of the search, unless it changes what is learned from."""
        table, own = json.dumps(configuration.get("data", {}), sort_keys=True), self.first.get("data", {})
        if table == json.dumps(own, sort_keys=True):
            return self.parts
        if self._other[0] != table:
            self._other = table, prepare(training.sections(configuration).data, silent)
        if self._other[1]["validation"].fingerprint != self.parts["validation"].fingerprint:
            raise BadData("the held-out part is another than that of the other trials; so it cannot be compared")
        return self._other[1]

    def _folder(self, number: int) -> Path:
        return self.output / TRIALS / f"{number:03d}"

    def _tidy(self) -> None:
        """Remove what trials that ended no longer need, and saved models that are not kept."""
        outcomes = self.outcomes()
        best = best_of(outcomes)
        for one in outcomes:
            folder, kept = self._folder(one.number), self.wanted.keep == "all" or one is best
            if one.state != "unfinished":
                shutil.rmtree(folder / FITTING / CHECKPOINTS, ignore_errors=True)
            if one.state in ("failed", "pruned") or (one.state == "complete" and not kept):
                shutil.rmtree(folder / ARTEFACT, ignore_errors=True)

    def _tested(self, best: Outcome) -> Mapping[str, Any]:
        """Return the evaluation of the best trial on the test part, which is measured once and then read."""
        path = self._folder(best.number) / "evaluation.json"
        if not path.is_file():
            wanted = training.sections(self.first)
            how: dict[str, Any] = {"on_unfit": wanted.data.on_unfit, "measurement": wanted.measurement, "say": silent}
            evaluation, predictions = measure(Scorer.load(path.with_name(ARTEFACT)), self.parts["test"], **how)
            predictions.save(path.with_name(PREDICTIONS))
            replace_file(path, json.dumps(evaluation.to_json(), indent=1))
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def _report(self, stopped: str, test: Mapping[str, Any]) -> Found:
        outcomes = self._compared()
        best = best_of(outcomes)
        tested = [one.number for one in outcomes if (self._folder(one.number) / "evaluation.json").is_file()]
        drawn = page.write(
            [self._drawn(one) for one in outcomes],
            best.number if best else None,
            [axis.name for axis in self.space if isinstance(axis, varying.Range) and axis.log],
            self.output / PAGE,
        )
        found = Found(
            trials=outcomes,
            best=best.number if best else None,
            seconds=sum(one.seconds for one in outcomes),
            stopped=stopped,
            folder=str(self.output),
            page=str(drawn) if drawn else None,
            test={name: test[name] for name in training.HEADLINE} if test else {},
            tested=tested,
            remarks=remarks(outcomes, best),
        )
        replace_file(self.output / REPORT, json.dumps(found.as_mapping(), indent=1) + "\n")
        return found

    def _compared(self) -> list[Outcome]:
        """Return all trials, the complete ones with how far behind the best they are."""
        outcomes = self.outcomes()
        best = best_of(outcomes)
        return [one if best is None or one.number == best.number else self._behind(one, best) for one in outcomes]

    def _behind(self, one: Outcome, best: Outcome) -> Outcome:
        if one.heldout is None:
            return one
        load = Predictions.load
        ours, theirs = (load(self._folder(number) / HELDOUT) for number in (one.number, best.number))
        behind = nll_difference(ours, theirs)
        return dataclasses.replace(one, heldout=dataclasses.replace(one.heldout, behind=behind))

    def _drawn(self, one: Outcome) -> dict[str, Any]:
        """Return a trial as the page draws it: a table of settings that belong together is one label."""
        label = {}
        for axis in self.space:
            own = {name: one.settings[name] for name in axis.touched() if name in one.settings}
            brief = [described({short(name, list(axis.touched())): value}) for name, value in own.items()]
            label[axis.name] = own[axis.name] if set(own) == {axis.name} else "<br>".join(brief)
        plain = {
            name: value if isinstance(value, int | float | str) else json.dumps(value) for name, value in label.items()
        }
        figures = {"nll": one.nll, "seconds": one.seconds, "evaluations": one.evaluations}
        return {"number": one.number, "state": one.state, "settings": plain, **figures}


def _seconds(wanted: Search) -> str:
    return f"the {wanted.seconds:g} seconds of the budget"


def _require_comparable(recipe: Recipe, wanted: Search, say: Say) -> None:
    if recipe.monitor != "nll":
        raise BadConfiguration(
            f"[training] monitor = {recipe.monitor!r}: trials are compared by held-out nll, the one figure that is the "
            "same under every objective; leave monitor out"
        )
    if wanted.pruner != "none" and recipe.evaluate_every is None and recipe.epochs <= 1:
        say("each trial is evaluated once, at its end, so none is pruned; training.evaluate_every would change that")


def _prepared(wanted: Sections, say: Say) -> Mapping[str, Preferences]:
    parts = prepare(wanted.data, say)
    for name, part in parts.items():
        announce(name, part, say)
    held_out = parts.get("validation")
    if held_out is None or not any(figures.comparisons for figures in held_out.sources.values()):
        raise BadData(
            "no comparison is held out to choose on: give data.validation_share or data.validation; the test is only "
            "for the model that was chosen"
        )
    return parts


def _facts(wanted: Sections, first: Mapping[str, Any], search: Search, parts: Mapping[str, Preferences]) -> Facts:
    """Return what a search is made of; its budget, and which models it keeps, may change."""
    made_of = {name: dataclasses.asdict(getattr(wanted, name)) for name in ("data", "model", "recipe")}
    how = {"vary": search.vary, "pruner": search.pruner, "startup": search.startup, "seed": search.seed}
    prints = {name: part.fingerprint for name, part in parts.items()}
    binding = {
        **made_of,
        "objective": first.get("objective", training.OBJECTIVE),
        "search": how,
        "fingerprints": prints,
    }
    loose = {"optuna": version("optuna"), "torch": torch.__version__, "plaudit": __version__}
    return {"binding": binding, "loose": {**loose, "threads": torch.get_num_threads()}}
