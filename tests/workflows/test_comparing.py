"""`plaudit compare`: runs, artefacts, saved predictions and CSV files, in any mixture."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from plaudit.cli import main
from plaudit.predictions import Predictions
from plaudit.workflows.comparing import NoPredictions, compare_saved, saved_predictions

PAIRS = 60


def scored(noise: float) -> Predictions:
    """Sixty pairs with ids; more noise is a worse model."""
    rng = np.random.default_rng(0)
    quality, luck = rng.normal(1, 1, PAIRS), rng.normal(size=PAIRS)
    plain = Predictions.from_pairs(quality + noise * luck, np.zeros(PAIRS))
    from dataclasses import replace

    return replace(plain, ids=tuple(f"r{n}" for n in range(2 * PAIRS)))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run with predictions beside its artefact, the same as JSON lines, and another model as a CSV file."""
    (tmp_path / "run" / "artefact").mkdir(parents=True)
    scored(0.1).save(tmp_path / "run" / "predictions.npz")
    scored(4.0).save(tmp_path / "worse.jsonl")
    rows = [f"r{n},r{n + PAIRS},{m!r},0" for n, m in enumerate(scored(0.2).margins.tolist())]
    (tmp_path / "other.csv").write_text("\n".join(["chosen_id,rejected_id,chosen,rejected", *rows, ""]))
    return tmp_path


def test_every_form_holds_the_same_predictions(runs: Path) -> None:
    """The run, its artefact and the file are one set; JSON lines and CSV are read by their suffix."""
    for path in ("run", "run/artefact", "run/predictions.npz"):
        np.testing.assert_array_equal(saved_predictions(runs / path).margins, scored(0.1).margins)
    np.testing.assert_array_equal(saved_predictions(runs / "other.csv").margins, scored(0.2).margins)
    np.testing.assert_array_equal(saved_predictions(runs / "worse.jsonl").margins, scored(4.0).margins)


def test_models_from_everywhere_are_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three sources, one table and one JSON object; the noisy model is worse than both."""
    paths = [str(runs / name) for name in ("run/artefact", "other.csv", "worse.jsonl")]
    assert main(["compare", *paths, "--resamples", "200", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert list(plain["models"]) == paths
    assert (plain["comparisons"], plain["by"], plain["resamples"]) == (PAIRS, "ids", 200)
    assert [one["verdict"] for one in plain["contests"]] == ["not distinguishable", "better", "better"]

    assert main(["compare", *paths, "--resamples", "200", "--metric", "accuracy", "--metric", "brier"]) == 0
    written = capsys.readouterr().out
    assert "Brier" in written and "AUC" not in written and "not distinguishable" in written


def test_part_of_the_comparisons_must_be_asked_for(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model with fewer comparisons is refused by what it lacks, and with --shared compared on the rest."""
    scored(1.0).select(np.arange(40)).save(runs / "part.npz")
    paths = [str(runs / "run"), str(runs / "part.npz")]
    assert main(["compare", *paths]) == 1
    refused = capsys.readouterr().err
    assert "has 'r40' over 'r100'" in refused and "40 comparisons are shared" in refused
    assert main(["compare", *paths, "--shared", "--resamples", "100", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["comparisons"] == 40 and list(plain["left_out"].values()) == [20, 0]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["run"], "two models or more can be compared, not 1"),
        (["run", "run"], "is given more than once"),
        (["run", "nowhere.npz"], "No such file"),
        (["run", "empty"], "plaudit evaluate MODEL DATA --save FILE"),
        (["run", "note.txt"], "predictions are kept as .jsonl or .npz"),
        (["run", "broken.csv"], "there is no column 'rejected'"),
        (["run", "broken.npz"], "not saved predictions"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    names: list[str], message: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One model, one twice, a missing or empty place, a file of another kind, a broken one: each by its name."""
    (runs / "empty").mkdir()
    (runs / "note.txt").write_text("hello")
    (runs / "broken.csv").write_text("chosen\n1\n")
    (runs / "broken.npz").write_bytes(b"no archive")
    assert main(["compare", *(str(runs / name) for name in names)]) == 1
    assert message in capsys.readouterr().err


def test_an_unknown_metric_names_the_known(runs: Path) -> None:
    """A wrong metric is refused with the list of right ones."""
    with pytest.raises(ValueError, match="accuracy"):
        compare_saved([runs / "run", runs / "worse.jsonl"], ["acuracy"])
    with pytest.raises(NoPredictions, match="more than once"):
        compare_saved([runs / "run", runs / "run"])


def test_comparing_needs_no_torch(runs: Path) -> None:
    """A fresh process compares a run with a CSV file without importing torch or transformers."""
    call = ["compare", str(runs / "run"), str(runs / "other.csv"), "--resamples", "100"]
    program = (
        f"import sys; from plaudit.cli import main; assert main({call!r}) == 0; "
        "heavy = {'torch', 'transformers'} & set(sys.modules); assert not heavy, heavy"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
