"""A search's logic with training replaced by a formula: budget, pruning, failures, resuming, one look at the test."""

import json
import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plaudit.config import BadConfiguration
from plaudit.evaluation.evaluate import evaluate
from plaudit.predictions import Predictions
from plaudit.training.run_folder import RunFolderError
from plaudit.workflows import attempt, study, training
from plaudit.workflows import search as searching
from plaudit.workflows.data import BadData
from plaudit.workflows.search import search
from plaudit.workflows.training import Saved
from plaudit.workflows.trials import CHOSEN_ON

EVALUATIONS = 4
RATES = [1e-6, 1e-5, 1e-4, 1e-3]


def quality(configuration):
    """Return how good a model with this configuration gets: best at a learning rate of 1e-4."""
    return 2.0 - abs(math.log10(configuration["training"]["learning_rate"]) + 4) / 2


@dataclass
class World:
    """Stands in for training and scoring; remembers what was asked of it."""

    trained: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[str, int]] = field(default_factory=list)
    measured: list[tuple[str, int]] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)
    stop_at: tuple[int, int] | None = None
    seconds: float = 0.0

    def train(self, configuration, parts, output, *, resume, whole, listeners, say):
        """Write what training writes, and tell the listeners of four evaluations."""
        name = configuration["objective"]["name"]
        self.trained.append(configuration)
        self.parts.append(parts)
        self.options.append({"resume": resume, "whole": whole})
        (output / "run" / "checkpoints").mkdir(parents=True, exist_ok=True)
        if name == "triplet":
            raise ValueError("no list in this data")
        for row in range(1, EVALUATIONS + 1):
            self.seconds += 10.0
            if self.stop_at == (int(output.name), row):
                self.stop_at = None
                raise KeyboardInterrupt
            self.rows.append((output.name, row))
            nll = 0.7 - 0.05 * row * quality(configuration)
            listeners[0]({"kind": "step", "step": row, "epoch": row / 4})
            listeners[0]({"kind": "evaluation", "step": row, "epoch": row / 4, "nll": nll, "accuracy": 0.5})
        (output / "artefact").mkdir(exist_ok=True)
        (output / "artefact" / "quality").write_text(str(quality(configuration)))
        return Saved(output / "artefact", SimpleNamespace(steps=EVALUATIONS), 1.0, {})

    def measure(self, folder, preferences, **how):
        """Score a part: the better the model, the larger the margins."""
        self.measured.append((folder.parent.name, len(preferences)))
        good = float((folder / "quality").read_text())
        own = np.random.default_rng(int(good * 1e8)).normal(0.0, 0.1, 100)
        margins = np.random.default_rng(0).normal(good, 1.0, 100) + own
        predictions = Predictions.from_pairs(margins, np.zeros(100))
        return evaluate(predictions, slices=[], resamples=100), predictions


@pytest.fixture
def world(monkeypatch):
    """Training and scoring by formula, and a clock that training moves."""
    world = World()
    monkeypatch.setattr(training, "train", world.train)
    for module in (attempt, searching):
        monkeypatch.setattr(module, "measure", world.measure)
        monkeypatch.setattr(module, "Scorer", SimpleNamespace(load=lambda folder: folder))
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: world.seconds))
    monkeypatch.setattr(searching.page, "write", lambda *_page: None)
    return world


@pytest.fixture
def tables(pairs):
    """A configuration of a search over four learning rates."""
    return {
        "data": {"train": [str(pairs)], "validation_share": 0.2, "test_share": 0.4},
        "objective": {"name": "bradley_terry"},
        "training": {"evaluate_every": 1, "batch_size": 8},
        "search": {"vary": {"training.learning_rate": RATES}, "trials": 10, "pruner": "none"},
    }


def quiet(_sentence):
    """Say nothing."""


def changed(tables, **sections):
    """Return tables with some settings of sections replaced."""
    return {**tables, **{name: {**tables.get(name, {}), **own} for name, own in sections.items()}}


def rates(found):
    """Return the learning rates of the trials, by number."""
    return [trial.settings["training.learning_rate"] for trial in found.trials]


def test_every_combination_is_tried_once(world, tables, tmp_path):
    """Where the budget covers a finite space, each point is one trial and the search ends by itself."""
    found = search(tables, tmp_path / "out", say=quiet)

    assert sorted(rates(found)) == RATES
    assert found.stopped == "every combination was tried"
    assert found.winner.settings == {"training.learning_rate": 1e-4}
    assert [trial.steps for trial in found.trials] == [EVALUATIONS] * 4
    assert [len(trial.evaluations) for trial in found.trials] == [EVALUATIONS] * 4


def test_a_repeated_point_is_not_paid_for(world, tables, tmp_path):
    """Where the budget is less than the space, points are drawn; none is trained twice, whatever is drawn."""
    many = changed(tables, search={"vary": {"training.learning_rate": [*RATES, 1e-2]}, "trials": 4, "startup": 1})
    found = search(many, tmp_path / "out", say=quiet)

    assert len(found.trials) == len(world.trained) == len(set(rates(found))) == 4
    assert found.stopped == "4 trials are done"


def test_the_test_is_looked_at_once_for_the_best_alone(world, tables, tmp_path):
    """All trials are measured on the held-out part; one on the test part; and the reader is told which is which."""
    found = search(tables, tmp_path / "out", say=quiet)
    sizes = {name: len(part) for name, part in world.parts[0].items()}
    tested = [name for name, size in world.measured if size == sizes["test"]]

    assert sizes["test"] != sizes["validation"]
    assert tested == [f"{found.best:03d}"]
    assert len(world.measured) == 5
    assert found.tested == [found.best]
    assert CHOSEN_ON in found.as_text() and "Test: accuracy" in found.as_text()

    again = search(tables, tmp_path / "out", resume=True, say=quiet)
    assert len(world.measured) == 5
    assert again.test == found.test


def test_only_the_best_model_is_kept_unless_asked(world, tables, tmp_path):
    """Checkpoints go when a trial ends; saved models go unless they are the best's or ``keep`` is ``all``."""
    best = search(tables, tmp_path / "best", say=quiet)
    every = search(changed(tables, search={"keep": "all"}), tmp_path / "all", say=quiet)
    kept = {
        name: sorted(path.parent.name for path in (tmp_path / name).glob("trials/*/artefact"))
        for name in ("best", "all")
    }

    assert kept == {"best": [f"{best.best:03d}"], "all": ["000", "001", "002", "003"]}
    assert best.winner.artefact == str(tmp_path / "best" / "trials" / f"{best.best:03d}" / "artefact")
    assert [trial.artefact is None for trial in best.trials].count(False) == 1
    assert all(trial.artefact for trial in every.trials)
    assert list(tmp_path.glob("*/trials/*/run/checkpoints")) == []


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_what_does_worse_is_stopped_early(pruner, world, tables, tmp_path):
    """Once two trials are complete, worse ones end before their last evaluation, and never the best one."""
    space = {"vary": {"training.learning_rate": {"low": 1e-7, "high": 1e-1, "log": True}}}
    found = search(changed(tables, search={**space, "pruner": pruner, "startup": 2}), tmp_path / "out", say=quiet)
    pruned = [trial for trial in found.trials if trial.state == "pruned"]

    assert [trial.state for trial in found.trials[:2]] == ["complete"] * 2
    assert pruned and all(len(trial.evaluations) < EVALUATIONS for trial in pruned)
    assert len(world.rows) == sum(len(trial.evaluations) for trial in found.trials)
    assert found.winner.nll == min(trial.nll for trial in found.trials if trial.state == "complete")
    assert not any((tmp_path / "out" / "trials" / f"{trial.number:03d}" / "artefact").exists() for trial in pruned)


def test_a_failure_is_recorded_and_the_search_goes_on(world, tables, tmp_path):
    """The reason stands in the table and in search.json; the others are complete."""
    vary = {"objective.name": ["bradley_terry", "triplet", "hinge"], "training.learning_rate": [1e-4, 1e-5]}
    found = search(changed(tables, search={"vary": vary}), tmp_path / "out", say=quiet)
    held = json.loads((tmp_path / "out" / "search.json").read_text())
    failed = [trial for trial in held["trials"] if trial["state"] == "failed"]

    assert {trial.settings["objective.name"] for trial in found.trials if trial.state == "failed"} == {"triplet"}
    assert [trial["reason"] for trial in failed] == ["no list in this data"] * 2
    assert len([trial for trial in found.trials if trial.state == "complete"]) == 4
    assert f"Trial {failed[0]['number']} failed: no list in this data" in found.as_text()


def test_a_search_in_which_everything_fails_gives_up(world, tables, tmp_path):
    """Ten failures in a row end it, there is no best, and the test is left alone."""
    rate = {"low": 1e-6, "high": 1e-3, "log": True}
    vary = {"objective.name": ["triplet"], "training.learning_rate": rate}
    found = search(changed(tables, search={"vary": vary, "trials": 50}), tmp_path / "out", say=quiet)

    assert len(found.trials) == 10
    assert found.stopped == "the last 10 trials failed"
    assert found.best is None and found.tested == [] and world.measured == []
    assert "no best one" in found.as_text()


def test_an_interrupted_search_goes_on_to_the_same_end(world, tables, tmp_path):
    """Ctrl-C keeps what is done; resuming goes on with the same trial and tries what an unbroken search tries."""
    space = {"vary": {"training.learning_rate": {"low": 1e-6, "high": 1e-2, "log": True}}, "trials": 6, "startup": 2}
    wanted = changed(tables, search={**space, "pruner": "median"})
    whole = search(wanted, tmp_path / "whole", say=quiet)
    world.stop_at = (3, 1)
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        search(wanted, tmp_path / "out", say=quiet)
    held = json.loads((tmp_path / "out" / "search.json").read_text())
    found = search(wanted, tmp_path / "out", resume=True, say=quiet)

    assert [trial["state"] for trial in held["trials"]][3:] == ["unfinished"]
    assert held["stopped"] == "interrupted" and held["test"] is None
    assert [option["resume"] for option in world.options].count(True) == 1
    assert rates(found) == rates(whole)
    assert [trial.state for trial in found.trials] == [trial.state for trial in whole.trials]
    assert [trial.nll for trial in found.trials] == [trial.nll for trial in whole.trials]


def test_seconds_are_a_budget_of_all_trials_and_all_calls(world, tables, tmp_path):
    """The running trial stops where they are spent, unfinished; more seconds go on with it."""
    found = search(changed(tables, search={"trials": None, "seconds": 95}), tmp_path / "out", say=quiet)

    assert [trial.state for trial in found.trials] == ["complete", "complete", "unfinished"]
    assert found.seconds == 100
    assert "spent" in found.stopped and "trial 2" in found.stopped
    more = search(changed(tables, search={"trials": None, "seconds": 100}), tmp_path / "out", resume=True, say=quiet)
    assert more.seconds == 100 and len(more.trials) == 3
    more = search(changed(tables, search={"trials": None, "seconds": 500}), tmp_path / "out", resume=True, say=quiet)
    assert [trial.state for trial in more.trials] == ["complete"] * 4
    assert more.seconds == 180


def test_a_budget_too_small_for_one_trial_has_no_best(world, tables, tmp_path):
    """Nothing is complete then, so nothing is named and nothing tested."""
    found = search(changed(tables, search={"seconds": 5}), tmp_path / "out", say=quiet)

    assert found.best is None
    assert [trial.state for trial in found.trials] == ["unfinished"]


CHANGES = {
    "the space": {"search": {"vary": {"training.learning_rate": RATES[:3]}}},
    "the pruner": {"search": {"pruner": "median"}},
    "the model": {"model": {"pooling": "mean"}},
    "the recipe": {"training": {"weight_decay": 0.5}},
    "the objective": {"objective": {"use_strength": False}},
    "the split": {"data": {"seed": 3}},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_search_is_not_resumed_as_another(name, world, tables, tmp_path):
    """Another configuration is refused, and so is a folder that holds a search without ``resume``."""
    search(changed(tables, search={"trials": 1}), tmp_path / "out", say=quiet)
    with pytest.raises(RunFolderError, match="began with something else"):
        search(changed(tables, **CHANGES[name]), tmp_path / "out", resume=True, say=quiet)
    with pytest.raises(RunFolderError, match="already holds"):
        search(tables, tmp_path / "out", say=quiet)
    assert len(world.trained) == 1


def test_other_data_under_the_same_name_are_refused(world, tables, pairs, tmp_path):
    """A file that changed since the search began is noticed by its content."""
    copy = tmp_path / "pairs.jsonl"
    copy.write_text(pairs.read_text())
    own = changed(tables, data={"train": [str(copy)]}, search={"trials": 1})
    search(own, tmp_path / "out", say=quiet)
    copy.write_text(pairs.read_text().replace("indeed", "truly"))
    with pytest.raises(RunFolderError, match="fingerprints"):
        search(own, tmp_path / "out", resume=True, say=quiet)


def test_a_choice_may_change_what_is_learned_from(world, tables, tmp_path):
    """Its trials get another training part and the same held-out part."""
    negatives = {"objective.name": "contrastive", "data.cross_prompt_negatives": 2}
    wanted = changed(tables, search={"vary": {"objective.name": ["bradley_terry", negatives]}})
    search(changed(wanted, training={"learning_rate": 1e-4}), tmp_path / "out", say=quiet)
    prints = [{name: part.fingerprint for name, part in parts.items()} for parts in world.parts]

    assert len({one["train"] for one in prints}) == 2
    assert len({one["validation"] for one in prints}) == len({one["test"] for one in prints}) == 1


def test_where_what_fits_is_varied_the_held_out_part_is_encoded_whole(world, tables, tmp_path):
    """A trial must not drop held-out comparisons that others are measured on."""
    search(tables, tmp_path / "same", say=quiet)
    lengths = changed(tables, training={"learning_rate": 1e-4}, search={"vary": {"model.max_length": [64, 128]}})
    search(lengths, tmp_path / "lengths", say=quiet)

    assert [option["whole"] for option in world.options] == [()] * 4 + [("validation",)] * 2


@pytest.mark.parametrize("every", [2, None])
def test_evaluations_are_compared_after_the_same_data(every):
    """Steps of 8 and of 16 records meet where both have seen as many; whole epochs meet by their number."""
    small, large = (
        attempt.Reporter(None, SimpleNamespace(evaluate_every=every, batch_size=size), None, bool, quiet)
        for size in (8, 16)
    )
    if every:
        assert small.position({"step": 4}) == large.position({"step": 2}) == 32
    else:
        assert small.position({"step": 13, "epoch": 1.0}) == large.position({"step": 7, "epoch": 1.0}) == 1


REFUSED = {
    "no budget": ({"search": {"trials": None}}, "there is no budget"),
    "no trials": ({"search": {"trials": 0}}, "trials must be above 0, not 0"),
    "seconds below zero": ({"search": {"seconds": -1.0}}, "seconds must be above 0"),
    "endless seconds": ({"search": {"seconds": math.inf}}, "seconds must be above 0"),
    "half a trial": ({"search": {"trials": 1.5}}, "trials = 1.5"),
    "an unknown pruner": ({"search": {"pruner": "guess"}}, "pruner = 'guess'"),
    "no startup": ({"search": {"startup": 0}}, "startup must be 1 or more"),
    "an unknown field": ({"search": {"budget": 1}}, "budget = 1: no such field"),
    "nothing to vary": ({"search": {"vary": {}}}, "is empty"),
    "a setting that is not there": ({"search": {"vary": {"training.rate": [1.0]}}}, "rate"),
    "another figure": ({"training": {"monitor": "loss"}}, "compared by held-out nll"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_before_anything_is_written(name, world, tables, tmp_path):
    """Budget, pruner and space are looked at first."""
    change, message = REFUSED[name]
    with pytest.raises(BadConfiguration) as caught:
        search(changed(tables, **change), tmp_path / "out", say=quiet)

    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert world.trained == []


def test_without_a_held_out_part_there_is_nothing_to_choose_on(world, tables, tmp_path):
    """The test is never taken in its place."""
    with pytest.raises(BadData, match="validation_share"):
        search(changed(tables, data={"validation_share": 0.0}), tmp_path / "out", say=quiet)
    assert world.trained == []


def test_several_processes_are_refused(world, tables, tmp_path, monkeypatch):
    """A launcher would start the same search several times in one folder."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadConfiguration, match="one process"):
        search(tables, tmp_path / "out", say=quiet)


def test_without_optuna_the_extra_is_named(world, tables, tmp_path, monkeypatch):
    """The message says what to install."""
    monkeypatch.setattr(study, "find_spec", lambda name: None)
    with pytest.raises(study.NoOptuna, match=r"pip install 'plaudit\[search\]'"):
        search(tables, tmp_path / "out", say=quiet)
    assert not (tmp_path / "out").exists()


def test_a_single_evaluation_is_said_to_prune_nothing(world, tables, tmp_path):
    """One epoch and no ``evaluate_every`` leave nothing to compare on the way."""
    said = []
    once = changed(tables, training={"evaluate_every": None}, search={"pruner": "median", "trials": 1})
    search(once, tmp_path / "out", say=said.append)

    assert any("none is pruned" in sentence for sentence in said)


def test_trials_close_to_the_best_are_said_to_be(world, tables, tmp_path):
    """A difference within the interval of the paired difference is no verdict; one outside is."""
    vary = {"training.learning_rate": [1e-4, 1.001e-4, 1e-6]}
    found = search(changed(tables, search={"vary": vary}), tmp_path / "out", say=quiet)
    verdicts = {trial.settings["training.learning_rate"]: trial.heldout.distinguishable for trial in found.trials}
    close = [trial.number for trial in found.trials if trial.heldout.distinguishable is False]

    assert verdicts[1e-6] is True
    assert {verdicts[1e-4], verdicts[1.001e-4]} == {None, False}
    assert found.winner.heldout.behind is None
    assert f"Not distinguishable from the best on the held-out part: {close[0]}." in found.as_text()
