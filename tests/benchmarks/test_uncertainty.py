"""The uncertainty benchmark: its command line, its page, and a whole run on next to nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.ratios import Comparison
from benchmarks.uncertainty.__main__ import main
from benchmarks.uncertainty.page import page
from benchmarks.uncertainty.runs import LIMIT, by_review, configuration, drawn
from benchmarks.uncertainty.settings import MODELS, PARTS, RESULTS, Settings, from_arguments
from plaudit.evaluation.selective import selective
from plaudit.predictions import Predictions
from plaudit.workflows.training import SCHEMA, sections


def test_without_arguments_all_is_measured_as_stated() -> None:
    """Three models, three seeds, all parts, all snippets."""
    found = from_arguments([])
    assert found == Settings()
    assert (found.only, found.models, found.seeds, found.size) == (PARTS, tuple(MODELS), (0, 1, 2), "full")
    assert found.out == RESULTS / "uncertainty"


def test_arguments_reach_the_settings() -> None:
    """What is typed is what is measured; a smaller run has results of its own."""
    found = from_arguments(
        ["--only", "cost", "--models", "laplace", "--seeds", "3,4", "--size", "tiny", "--epochs", "2"]
    )
    assert (found.only, found.models, found.seeds, found.epochs) == (("cost",), ("laplace",), (3, 4), 2.0)
    assert found.out == RESULTS / "uncertainty-tiny"
    assert from_arguments(["--out", "x"]).out == Path("x")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--only", "speed"], "--only takes selective, outside, cost, not speed"),
        (["--models", "scalar"], "--models takes gaussian, ensemble, drawn, laplace, not scalar"),
        (["--repeats", "1"], "--repeats must be 2 or more to have a spread, not 1"),
        (["--resamples", "99"], "--resamples must be 100 or more, not 99"),
    ],
)
def test_wrong_arguments_are_refused(given: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the argument and what it takes."""
    with pytest.raises(SystemExit):
        from_arguments(given)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("model", [*MODELS, "scalar"])
def test_configurations_are_such_as_training_takes(model: str) -> None:
    """Each section is built as `plaudit train` would build it, and the objective can train the architecture."""
    asked = configuration(Settings(), model, 1, "builtin:minilm-l6")
    made = sections({name: asked[name] for name in SCHEMA if name in asked})
    assert (made.model.seed, made.recipe.seed) == (1, 1)
    assert (type(made.objective).__name__ == "Thurstone") == (model == "gaussian")


def test_comparisons_are_drawn_once_and_the_same_way() -> None:
    """So many, without doubles, in their own order; all where there are no more."""
    whole = Predictions.from_pairs(np.arange(50.0), np.zeros(50))
    part = drawn(whole, 20, 0)
    assert len(part) == 20
    assert (np.diff(part.margins) > 0).all()
    assert part.margins.tolist() == drawn(whole, 20, 0).margins.tolist() != drawn(whole, 20, 1).margins.tolist()
    assert drawn(whole, 50, 0) is whole


def test_sentences_of_a_review_are_one_group() -> None:
    """By the part of the id before the underscore."""
    scored = replace(Predictions.from_pairs([1.0, 2.0], [0.0, 0.0]), ids=("7_1", "8_1", "7_2", "10_1"))
    assert by_review(scored).response_group.tolist() == [1, 2, 1, 0]


def results() -> dict[str, Any]:
    """Results of one run, of a set that is not there, and of a cost."""
    rng = np.random.default_rng(0)
    scored = Predictions.from_pairs(rng.normal(1, 1, 60), np.zeros(60), margin_variance=rng.gamma(2, 1, 60))
    curves = selective(scored, resamples=100)
    assert curves is not None
    apart = {"auroc": {"value": 0.7, "low": 0.6, "high": 0.8, "reason": ""}, "responses": 1200}
    outside = {"product reviews": apart, "Chinese pairs": {"missing": "the file is not there"}}
    run = {"model": "laplace", "seed": 3, "selective": curves.to_json(), "outside": outside}
    cost = Comparison(what="training both", unit="s", ours=(1.1, 1.2, 1.1), peer=(1.0, 1.0, 1.0), target=LIMIT).plain()
    return {
        "command": "python -m benchmarks.uncertainty --size small",
        "started": "2026-01-01T00:00:00+00:00",
        "versions": {"commit": "abc"},
        "settings": Settings(size="small").plain(),
        "warnings": ["busy"],
        "runs": [run],
        "cost": cost,
    }


def test_the_page_says_what_was_found() -> None:
    """Accuracies with intervals, the verdict, areas, what is missing and why, the ratio and whether it is met."""
    found = results()
    text = page(found)
    curve = found["runs"][0]["selective"]["curves"]["variance"]
    first = curve["accuracies"][0]
    rows = [line for line in text.splitlines() if line.startswith("| laplace | 3 |")]
    assert len(rows) == 4
    assert f"{first['value']:.3f} [{first['low']:.3f}, {first['high']:.3f}]" in rows[0]
    assert f"| {curve['verdict']} |" in rows[0]
    assert "| 0.700 [0.600, 0.800], 1,200 responses | missing |" in rows[3]
    assert "Missing: the file is not there" in text
    assert "ratio 1.132" in text and "target at most 1.3: " in text
    assert "A run of size small" in text and "WARNING: busy" in text


def test_the_page_of_one_part_has_nothing_else() -> None:
    """Parts that were not asked for leave no empty tables."""
    text = page({**results(), "runs": []})
    assert "## Cost" in text
    assert "most certain" not in text and "another kind" not in text


@pytest.mark.slow
def test_a_whole_run_on_next_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part leaves its figures for every model; text that is not at hand leaves its reason."""
    monkeypatch.setenv("PLAUDIT_SHARED_DATA", str(tmp_path / "none"))
    asked = {"size": "tiny", "base": "tiny", "seeds": 0, "repeats": 2, "resamples": 100, "threads": 1, "timed": 120}
    flags = [part for name, value in asked.items() for part in (f"--{name}", str(value))]
    assert main([*flags, "--comparisons", "100", "--out", str(tmp_path / "found")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())

    assert [run["model"] for run in found["runs"]] == list(MODELS)
    for run in found["runs"]:
        assert run["selective"]["comparisons"] == 100
        assert 0 <= run["outside"]["product reviews"]["auroc"]["value"] <= 1
        assert "llama_factory_demo.jsonl.gz is not in" in run["outside"]["Chinese pairs"]["missing"]
    assert found["cost"]["ratio"] > 0
    assert len(found["cost"]["ratios"]) == 2
    assert "## Cost" in (tmp_path / "found.md").read_text()
