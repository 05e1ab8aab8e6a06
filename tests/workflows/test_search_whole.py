"""``plaudit search`` from end to end on a tiny base model, and what the command line refuses."""

import json
import os
import signal
from pathlib import Path

import pytest

from plaudit import cli
from plaudit.workflows.attempt import Reporter


def flags(settings):
    """Return settings as arguments."""
    return [part for one in settings for part in ("--set", one)]


@pytest.fixture(scope="module")
def short(settings):
    """Settings of a training run of six steps, evaluated twice."""
    return [*settings, "training.max_steps=6", "training.evaluate_every=3", "evaluation.resamples=100"]


@pytest.fixture(scope="module")
def searched(short, base, tmp_path_factory):
    """Two learning rates on a base that is there and on one that is not: the folder."""
    folder = tmp_path_factory.mktemp("search") / "out"
    vary = ["search.vary.training.learning_rate=[3e-3, 1e-6]", f'search.vary.model.base=["{base}", "nowhere/at/all"]']
    budget = ["search.trials=4", "search.seconds=3600", "search.pruner=none"]
    code = cli.main(["search", "--output", str(folder), "--json", *flags([*short, *vary, *budget])])
    assert code == 0
    return folder


@pytest.fixture(scope="module")
def found(searched):
    """What ``search.json`` holds."""
    return json.loads((searched / "search.json").read_text())


def test_the_better_rate_wins_and_failures_are_recorded(found, searched, base):
    """The rate that learns is the best; the base that is not there fails twice, with its name as the reason."""
    failed = [trial for trial in found["trials"] if trial["state"] == "failed"]

    assert found["settings"] == {"training.learning_rate": 3e-3, "model.base": str(base)}
    assert [trial["settings"]["model.base"] for trial in failed] == ["nowhere/at/all"] * 2
    assert all("nowhere" in trial["reason"] for trial in failed)
    assert found["stopped"] == "4 trials are done"
    assert (searched / "search.html").is_file()
    assert cli.main(["verify", found["artefact"]]) == 0


def test_the_held_out_figure_is_that_of_the_best_step(found):
    """The saved model's nll on the held-out part is the lowest that training saw there, within rounding."""
    complete = [trial for trial in found["trials"] if trial["state"] == "complete"]

    assert len(complete) == 2
    for trial in complete:
        lowest = min(row["nll"] for row in trial["evaluations"])
        assert trial["nll"] == pytest.approx(lowest, abs=1e-4)
        assert trial["heldout"]["scaled_nll"] <= trial["nll"] + 1e-9
        ends = trial["heldout"]["accuracy"]
        assert ends["low"] <= trial["accuracy"] <= ends["high"]


def test_a_trial_is_what_train_does(found, searched, short, base, tmp_path, capsys):
    """With the best settings ``plaudit train`` reaches the same weights and the same figures on the test."""
    chosen = [*short, "training.learning_rate=3e-3", f'model.base="{base}"']
    assert cli.main(["train", "--output", str(tmp_path / "out"), "--json", *flags(chosen)]) == 0
    told = json.loads(capsys.readouterr().out)
    best = searched / "trials" / f"{found['best']:03d}"
    weights = [folder / "artefact" / "model.safetensors" for folder in (best, tmp_path / "out")]

    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert found["test"] == {name: told[name] for name in ("accuracy", "interval", "ece", "nll", "brier", "n")}
    assert found["tested"] == [found["best"]]


def test_only_what_is_needed_is_kept(found, searched):
    """One artefact, the best one's; no checkpoints."""
    assert [str(path) for path in searched.glob("trials/*/artefact")] == [found["artefact"]]
    assert list(searched.glob("trials/*/run/checkpoints")) == []


def test_a_trial_that_ctrl_c_stopped_is_gone_on_with(found, short, tmp_path, monkeypatch, capsys):
    """One press ends with 130; ``--resume`` finishes that trial, and its weights are those of an unbroken one."""
    vary = ["search.vary.training.learning_rate=[3e-3]", "search.trials=1", "search.pruner=none"]
    arguments = ["search", "--output", str(tmp_path / "out"), *flags([*short, *vary])]
    report = Reporter.__call__

    def pressed(self, row):
        report(self, row)
        if row["kind"] == "step" and row["step"] == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(Reporter, "__call__", pressed)
        assert cli.main(arguments) == 130
    assert "go on with --resume" in capsys.readouterr().err
    held = json.loads((tmp_path / "out" / "search.json").read_text())
    assert [trial["state"] for trial in held["trials"]] == ["unfinished"] and held["test"] is None

    assert cli.main([*arguments, "--resume", "--json"]) == 0
    [trial] = json.loads(capsys.readouterr().out)["trials"]
    weights = [Path(folder) / "model.safetensors" for folder in (trial["artefact"], found["artefact"])]
    assert (trial["steps"], len(trial["evaluations"])) == (6, 2)
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_finished_search_is_not_begun_again(searched, short, capsys):
    """Without ``--resume`` the folder is refused."""
    vary = flags(["search.vary.training.learning_rate=[3e-3]", "search.trials=1"])

    assert cli.main(["search", "--output", str(searched), *flags(short), *vary]) == 1
    assert "already holds a run" in capsys.readouterr().err


def test_a_search_without_a_complete_trial_ends_with_one(settings, tmp_path, capsys):
    """The table is printed, and the exit code says that there is no best one."""
    nowhere = ['search.vary.model.base=["nowhere/at/all"]', "search.trials=1"]

    assert cli.main(["search", "--output", str(tmp_path / "out"), *flags([*settings, *nowhere])]) == 1
    printed = capsys.readouterr()
    assert "no best one" in printed.out and "failed" in printed.out
    assert "error:" not in printed.err


BAD = {
    "nothing at all": ([], "there is no budget"),
    "nothing to vary": (["search.trials=1"], "[search.vary] is empty"),
    "an unknown section": (["serch.trials=1"], "did you mean search"),
    "an unknown field": (["search.trial=1"], "did you mean trials"),
    "no choices": (["search.trials=1", "search.vary.model.base=[]"], "no choices"),
    "a budget of nothing": (["search.seconds=0", "search.vary.model.base=[1]"], "seconds must be above 0"),
    "not searchable": (["search.trials=1", "search.vary.data.seed=[0, 1]"], "one split"),
    "a wrong type": (["search.trials=1", "search.vary.training.epochs=[1, true]"], "epochs"),
    "no data": (["search.trials=1", "search.vary.training.epochs=[1]"], "no source was given"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_message(name, capsys, tmp_path, monkeypatch):
    """Exit code 1, what is wrong, and no traceback."""
    settings, expected = BAD[name]
    monkeypatch.chdir(tmp_path)

    assert cli.main(["search", "--output", "out", *flags(settings)]) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert "Traceback" not in error and "fault of plaudit" not in error
