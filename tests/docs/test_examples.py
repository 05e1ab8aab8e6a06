"""The scripts in examples/ run as they stand, from an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plaudit.predictions import Predictions
from tests.architecture.sources import PACKAGE, ROOT
from tests.encoding.families import family
from tests.scoring.tiny import TOKENIZERS, classifier, saved

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


def base(folder: Path, name: str) -> str:
    """Write a checkpoint of a tiny model of family ``name`` and return where it is."""
    tokenizer = family(TOKENIZERS[name])
    classifier(name, len(tokenizer), None).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


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
    """A loss from outside plaudit, named module:Class, trains: it falls, and the artefact says by what it was made."""
    first, second = run(tmp_path, "own_objective.py").splitlines()
    losses = [float(loss) for loss in first.split(":")[1].split(",")]
    (contract,) = tmp_path.glob("own/**/plaudit.json")

    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert 0 <= float(second.split(": ")[1].split(";")[0]) <= 1
    assert json.loads(contract.read_text(encoding="utf-8"))["recipe"]["objective"] == {
        "name": "own_objective:Hinge",
        "margin": 0.5,
    }


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


@pytest.mark.slow
def test_several_sources(tmp_path: Path) -> None:
    """Three architectures are measured on each of two sources, each figure in its interval."""
    lines = run(tmp_path, "several_sources.py", base(tmp_path / "base", "bert")).splitlines()
    figures = [[float(one) for one in re.findall(r"\d\.\d{3}", line)] for line in lines if "accuracy" in line]

    assert [line.split(":")[0] for line in lines[::3]] == ["scalar", "two_tower", "cross_attention"]
    assert [line.split()[0] for line in lines if "accuracy" in line] == [
        "file:manners.jsonl:",
        "file:repairs.jsonl:",
    ] * 3
    assert all(low <= accuracy <= high for accuracy, low, high in figures)


@pytest.mark.slow
def test_attributes(tmp_path: Path) -> None:
    """The gate learns, and both attributes stand beside their ratings with intervals, on prompts of the test part."""
    printed = run(tmp_path, "attributes.py", base(tmp_path / "base", "llama"))
    first, last = (float(loss) for loss in re.findall(r"\d\.\d{3}", printed.splitlines()[0]))

    assert last < first
    assert re.search(r"helpfulness\W+helpfulness\W+88\W", printed)
    assert re.search(r"kindness\W+kindness\W+88\W", printed)
    assert "order within prompts" in printed
    assert (tmp_path / "attributes-model" / "canaries.json").is_file()


@pytest.mark.slow
def test_uncertainty(tmp_path: Path) -> None:
    """Three kinds of uncertainty give three accuracies in their intervals and a verdict; a margin decides or not."""
    *kinds, one, other, last = run(tmp_path, "uncertainty.py", base(tmp_path / "base", "bert")).splitlines()
    verdicts = {"rises", "falls", "not distinguishable"}

    assert [line.split(":")[0] for line in kinds] == ["gaussian", "ensemble", "laplace"]
    assert all(line.rsplit("; ", 1)[1] in verdicts for line in kinds)
    for line in kinds:
        found = [float(number) for number in re.findall(r"\d\.\d{3}", line)]
        assert len(found) == 9
        assert all(low <= accuracy <= high for accuracy, low, high in zip(*[iter(found)] * 3, strict=True))
    for line in (one, other, last):
        margin, deviation = (float(number) for number in re.findall(r"\d+\.\d{2}", line))
        assert abs(margin - 2 * deviation) < 0.02 or line.endswith("decided") == (margin > 2 * deviation)


def test_every_example_has_its_test_and_is_short() -> None:
    """Each script is run by the test of its name, and none has more than 60 lines."""
    scripts = sorted(EXAMPLES.glob("*.py"))

    assert scripts
    assert all(f"test_{script.stem}" in globals() for script in scripts)
    assert all(len(script.read_text(encoding="utf-8").splitlines()) <= 60 for script in scripts)
