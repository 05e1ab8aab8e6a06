"""The demo from end to end, on a tiny base model and a small file of ratings."""

import json
import random

import pytest

from plaudit import cli
from plaudit.workflows.demo import REVIEWS


@pytest.fixture(scope="module")
def settings(base, tmp_path_factory):
    """Overrides that make a demo of a few seconds: 160 rated snippets without a prompt."""
    draw = random.Random(1)
    path = tmp_path_factory.mktemp("ratings") / "ratings.jsonl"
    rows = []
    for number in range(160):
        good = number % 2
        text = f"{'wonderful' if good else 'dreadful'} film {number}" + " indeed" * draw.randint(0, 2)
        rows.append({"id": f"s{number}", "response": text, "rating": draw.choice([3.0, 4.0] if good else [-4.0, -3.0])})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    chosen = [
        f'data.train=["{path}"]',
        "data.test_share=0.3",
        "data.validation_share=0.2",
        f'model.base="{base}"',
        "training.max_steps=6",
        "training.learning_rate=0.003",
        "evaluation.resamples=100",
    ]
    return [part for one in chosen for part in ("--set", one)]


@pytest.fixture(scope="module")
def output(tmp_path_factory, settings):
    """The folder of a demo that was run once, and what it printed as text."""
    import contextlib
    import io

    folder, printed = tmp_path_factory.mktemp("demo") / "out", io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.main(["demo", "--output", str(folder), *settings]) == 0
    return folder, printed.getvalue()


def test_the_text_says_where_the_model_is_and_what_to_do_next(output):
    """The table, three reviews with their rewards, the artefact and a command that scores."""
    folder, text = output

    assert all(review in text for review in REVIEWS.values())
    assert f"The reward model is in {folder / 'artefact'}" in text
    assert f"plaudit score {folder / 'artefact'}" in text
    assert "comparisons a second" in text


def test_the_object_holds_the_figures(settings, tmp_path, capsys):
    """Every figure of the demo under its own key, and why there is no interval where there is none."""
    assert cli.main(["demo", "--output", str(tmp_path / "out"), "--json", *settings]) == 0
    found = json.loads(capsys.readouterr().out)
    figures = {"accuracy", "interval", "interval_reason", "ece", "nll", "brier", "n", "seconds", "pairs_per_second"}

    assert figures | {"artefact", "reviews", "in_order"} <= set(found)
    assert (found["interval"] is None) == bool(found["interval_reason"])
    assert found["seconds"] > 0 and found["pairs_per_second"] > 0 and found["n"] > 0
    assert set(found["reviews"]) == set(REVIEWS)
    rewards = list(found["reviews"].values())
    assert found["in_order"] == (rewards[0] > rewards[1] > rewards[2])


def test_a_second_demo_does_not_replace_the_first(output, settings, capsys):
    """The same folder again is refused before anything is read, with the ways out; the first artefact stays."""
    folder, _ = output
    before = (folder / "artefact" / "model.safetensors").read_bytes()

    assert cli.main(["demo", "--output", str(folder), *settings]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "delete it" in error and "--output" in error
    assert (folder / "artefact" / "model.safetensors").read_bytes() == before
