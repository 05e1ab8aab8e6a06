"""A run that was stopped goes on through the command line, and never as another run."""

import json
import os
import shutil
import signal

import pytest
from safetensors.torch import load_file

from plaudit import cli
from plaudit.training.callbacks import ProgressLine


@pytest.fixture(scope="module")
def short(settings):
    """Arguments of a run of six steps with a checkpoint after each."""
    chosen = [*settings, "training.max_steps=6", "training.save_every=1", "evaluation.resamples=100"]
    return [part for one in chosen for part in ("--set", one)]


@pytest.fixture(scope="module")
def whole(short, tmp_path_factory):
    """The folder of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert cli.main(["train", "--output", str(folder), *short]) == 0
    return folder


def stop_at(monkeypatch, step, how):
    """Do ``how`` when the row of ``step`` is shown."""
    show = ProgressLine.__call__

    def shown(self, row):
        show(self, row)
        if row["kind"] == "step" and row["step"] == step:
            how()

    monkeypatch.setattr(ProgressLine, "__call__", shown)


def ask():
    """Press Ctrl-C once: the step is finished first."""
    os.kill(os.getpid(), signal.SIGINT)


def insist():
    """Stop at once, as a second Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", [ask, insist])
def test_an_interrupted_run_goes_on_to_the_same_result(how, short, whole, monkeypatch, capsys, tmp_path):
    """Ctrl-C ends with 130 and keeps the state; ``--resume`` reaches the weights and figures of an unbroken run."""
    arguments = ["train", "--output", str(tmp_path / "out"), *short]
    with monkeypatch.context() as patched:
        stop_at(patched, 3, how)
        assert cli.main(arguments) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not (tmp_path / "out" / "artefact").exists()
    assert cli.main(arguments) == 1, "without --resume the state is not thrown away"
    assert "--resume" in capsys.readouterr().err
    assert cli.main([*arguments, "--resume", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    expected = json.loads((whole / "evaluation.json").read_text())
    assert {name: found[name] for name in ("accuracy", "nll", "n")} == {
        name: expected[name] for name in ("accuracy", "nll", "n")
    }
    ours, theirs = (load_file(folder / "artefact" / "model.safetensors") for folder in (tmp_path / "out", whole))
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)
    assert found["steps"] == 6 and found["seconds"] > 0


def test_a_finished_run_claims_no_speed(short, whole, capsys, tmp_path):
    """Resuming a finished run trains nothing, saves its artefact again, and says null for seconds and speed."""
    shutil.copytree(whole, tmp_path / "out")
    assert cli.main(["train", "--output", str(tmp_path / "out"), *short, "--resume", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["seconds"] is None and found["pairs_per_second"] is None
    assert found["steps"] == 6


CHANGES = {
    "pooling": "model.pooling=mean",
    "layout": "model.layout=padded",
    "template": "model.template=plain",
    "seed": "model.seed=7",
    "data": "data.seed=7",
    "objective": "objective.use_strength=false",
    "regularisers": 'objective.regularisers=[{name="centred"}]',
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_is_not_resumed_as_another(name, short, whole, capsys):
    """A changed model, data or objective is refused and named, and the artefact stays as it was."""
    before = (whole / "artefact" / "plaudit.json").read_bytes()
    changed = [*short, "--set", "objective.name=bradley_terry", "--set", CHANGES[name]]

    assert cli.main(["train", "--output", str(whole), *changed, "--resume"]) == 1
    error = capsys.readouterr().err
    assert CHANGES[name].split("=")[0].split(".")[1] in error.split("error: ")[1]
    assert (whole / "artefact" / "plaudit.json").read_bytes() == before
