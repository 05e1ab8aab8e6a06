"""The scripts in examples/ run as they stand, from an empty folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plaudit.predictions import Predictions
from tests.architecture.sources import PACKAGE, ROOT
from tests.scoring.tiny import saved

EXAMPLES = ROOT / "examples"


def run(folder: Path, name: str, *arguments: str) -> str:
    """Run one script in ``folder``, warnings as errors, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_own_data(tmp_path: Path) -> None:
    """A file of one's own becomes a measured artefact: figures on unseen prompts, and the predictions behind them."""
    printed = run(tmp_path, "own_data.py")
    predictions = Predictions.load(tmp_path / "predictions.jsonl")

    assert "95 % interval" in printed
    assert f"{len(predictions)} comparisons in {len(predictions)} groups" in printed
    assert (tmp_path / "support-model" / "canaries.json").is_file()


@pytest.mark.slow
def test_rank_candidates(tmp_path: Path) -> None:
    """Every candidate is printed once, the highest reward first, and the best of them again."""
    saved(tmp_path / "model")
    *ranked, best = run(tmp_path, "rank_candidates.py", "model").splitlines()
    rewards = [float(line.split()[1]) for line in ranked]

    assert rewards == sorted(rewards, reverse=True)
    assert sorted(line.split("candidate ")[1][0] for line in ranked) == ["0", "1", "2"]
    assert f"candidate {ranked[0].split('candidate ')[1][0]}," in best


@pytest.mark.slow
def test_own_objective(tmp_path: Path) -> None:
    """A loss from outside plaudit trains: it falls from step to step."""
    losses = [float(loss) for loss in run(tmp_path, "own_objective.py").split(":")[1].split(",")]

    assert len(losses) == 5
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_film_reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both arms train and are scored: losses and falling learning rates of three epochs, four rewards, an accuracy."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    first, *arms = run(tmp_path, "film_reviews.py", "6", "2").splitlines()

    assert first == "texts: no hub: builtin:movie-ratings and SmolLM2's tokenizer"
    assert [line.split(":")[0].strip() for line in arms[::5]] == ["random", "pretrained"]
    assert all(line.endswith("9 steps") for line in arms[::5])
    assert [line.split(": ")[1].split() for line in arms[2::5]] == [["6.67e-06", "3.33e-06", "0.00e+00"]] * 2
    assert all(len(line.split(",")) == 5 for line in arms[3::5])


@pytest.mark.slow
def test_synthetic_embeddings(tmp_path: Path) -> None:
    """Both MLPs on embeddings fit the known truth: 25,473 and 16,897 parameters, few errors on unseen pairs."""
    printed = run(tmp_path, "synthetic_embeddings.py")
    accuracies = [float(line.split()[-1]) for line in printed.splitlines() if "held-out accuracy" in line]
    losses = [float(line.split()[2].rstrip(",")) for line in printed.splitlines() if "final loss" in line]

    assert "25,473 parameters, 200 steps" in printed
    assert "16,897 parameters, 200 steps" in printed
    assert len(accuracies) == 2
    assert min(accuracies) > 0.99
    assert max(losses) < 0.01


@pytest.mark.slow
def test_select_labels(tmp_path: Path) -> None:
    """Ten of 24 pairs are queued, the most wanted first, two of them at random; none says who wins."""
    saved(tmp_path / "model")
    printed = run(tmp_path, "select_labels.py", "model").splitlines()
    queue = [line.split()[:2] for line in printed[-10:]]

    assert "10 of 24 comparisons: 8 by margin, 2 at random" in printed[0]
    assert [int(priority) for priority, _ in queue] == list(range(10, 0, -1))
    assert sorted(arm for _, arm in queue) == ["chosen"] * 8 + ["random"] * 2
    assert all(not json.loads(line)["pairwise"] for line in (tmp_path / "queue.jsonl").read_text().splitlines())


def test_every_example_has_its_test_and_is_short() -> None:
    """Each script is run by the test of its name, and none has more than 60 lines."""
    scripts = sorted(EXAMPLES.glob("*.py"))

    assert scripts
    assert all(f"test_{script.stem}" in globals() for script in scripts)
    assert all(len(script.read_text(encoding="utf-8").splitlines()) <= 60 for script in scripts)
