"""Several processes through the command line: they learn what one does, one of them speaks, and none fails alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
from safetensors.torch import load_file

from plaudit import cli

ROOT = Path(__file__).resolve().parents[2]
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ACCELERATE = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
ACCELERATE += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]


def launch(launcher, module, *arguments, **environment):
    """Run a module in two processes on the CPU."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ACCELERATE_")}
    places = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    command = [sys.executable, "-m", *launcher, "-m", module, *map(str, arguments)]
    return subprocess.run(
        command,
        env={**kept, **places, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.fixture(scope="module")
def configuration(base, pairs, tmp_path_factory):
    """Write the configuration of a run of 20 steps, to which more settings may be added."""

    def write(**training):
        tables = {
            "data": {"train": [str(pairs)], "validation_share": 0.1, "test_share": 0.2},
            "model": {"base": str(base), "max_length": 256},
            "training": {
                "max_steps": 20,
                "batch_size": 7,
                "learning_rate": 0.001,
                "token_budget": 512,
                "evaluate_every": 5,
                **training,
            },
            "evaluation": {"resamples": 100},
        }
        path = tmp_path_factory.mktemp("configurations") / "run.toml"
        path.write_text(tomli_w.dumps(tables), encoding="utf-8")
        return path

    return write


def losses(run):
    """Return the loss of every step, and of every validation."""
    history = json.loads((run / "run" / "history.json").read_text())
    return [row["loss"] for row in history if row["kind"] in ("step", "evaluation")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "tune", "environment"),
    [(TORCHRUN, "full", {}), (ACCELERATE, "lora", {"ACCELERATE_USE_CPU": "true"})],
    ids=["torchrun, full", "accelerate launch, lora"],
)
def test_two_processes_train_what_one_does(configuration, tmp_path, launcher, tune, environment):
    """`plaudit train` in 2 CPU processes against 1 with 2 accumulation steps: losses within 1e-5, weights of the
    artefact within 1e-4 after 20 steps; one object is printed, one artefact is written, and it passes its checks.
    """
    lora = {"lora": {"rank": 4}} if tune == "lora" else {}
    two, one = tmp_path / "two", tmp_path / "one"
    toml = configuration(tune=tune, **lora)
    done = launch(launcher, "plaudit", "train", toml, "--output", two, "--json", **environment)
    assert done.returncode == 0, done.stderr[-3000:]
    halves = configuration(tune=tune, accumulation=2, **lora)
    assert cli.main(["train", str(halves), "--output", str(one)]) == 0

    [printed] = done.stdout.splitlines()
    assert json.loads(printed)["steps"] == 20
    assert done.stderr.count("self-test") == 1
    assert done.stderr.count("step 20/20") == 1
    assert len(losses(two)) >= 24
    assert losses(two) == pytest.approx(losses(one), abs=1e-5)
    weights, expected = (load_file(run / "artefact" / "model.safetensors") for run in (two, one))
    assert weights.keys() == expected.keys()
    assert max(float((weights[name] - expected[name]).abs().max()) for name in expected) <= 1e-4
    assert sorted(path.name for path in two.iterdir()) == sorted(path.name for path in one.iterdir())
    assert (two / "artefact" / "adapter").is_dir() == (tune == "lora")
    assert cli.main(["verify", str(two / "artefact")]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("point", "rank"), [("reading", 1), ("step", 1), ("saving", 0)])
def test_one_process_that_fails_takes_the_run_with_it(configuration, tmp_path, point, rank):
    """The launcher exits with another code than 0, the cause stands on standard error without a traceback of ours,
    nothing is printed as a result, and no artefact, whole or in part, is left.
    """
    arguments = (point, rank, "train", configuration(max_steps=4), "--output", tmp_path / "run", "--json")
    done = launch(TORCHRUN, "tests.workflows.launched", *arguments)

    assert done.returncode != 0
    assert f"error: broken on purpose while {point}" in done.stderr
    assert done.stdout == ""
    left = [path.name for path in (tmp_path / "run").iterdir()] if (tmp_path / "run").exists() else []
    assert set(left) <= {"run"}


def test_processes_that_are_not_joined_are_refused(configuration, tmp_path, monkeypatch, capsys):
    """Where the launcher started two processes but the loop would average over one, training is refused."""
    from plaudit.training import ranks

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ranks.NotJoined, match="2 processes were started, but the training loop joins 1"):
        ranks.require_joined(1)
    ranks.require_joined(2)
