"""Architectures from the command line: trained by settings, saved, loaded, and scored with parts and spread."""

import json

import pytest

from plaudit import cli
from plaudit.predictions import Predictions
from plaudit.scoring.verify import load

ASKED = {
    "attributes": (['model.settings.names=["good", "bad"]', "model.settings.weights=[2, -1]"], {"good", "bad"}, False),
    "gate": (
        ['model.settings.names=["good", "bad"]', "model.settings.gate=true", "training.tune=head"],
        {"good", "bad"},
        False,
    ),
    "ensemble": (
        ["model.settings.members=3", "model.settings.combine=worst", "training.tune=lora"],
        {"member_1", "member_2", "member_3"},
        True,
    ),
    "gaussian": ([], set(), True),
}
LINES = [{"prompt": "Is tea good?", "response": text} for text in ("yes yes", "no no")]


@pytest.mark.parametrize("name", ASKED)
def test_an_architecture_runs_from_end_to_end(name, settings, tmp_path, capsys):
    """Train and score print what the model has; the preference was learned, by every member; the cache changes nothing.

    After training the members of the ensemble were put on one mean, and how is in the artefact.
    """
    asked, parts, varies = ASKED[name]
    kind = "attributes" if name == "gate" else name
    output, rows = tmp_path / "run", tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, LINES)))
    flags = [part for one in (*settings, f"model.architecture={kind}", *asked) for part in ("--set", one)]
    assert cli.main(["train", "--output", str(output), *flags]) == 0
    capsys.readouterr()
    printed = []
    for _ in range(2):
        code = cli.main(["score", str(output / "artefact"), str(rows), "--json", "--cache", str(tmp_path / "cache")])
        assert code == 0
        printed.append(json.loads(capsys.readouterr().out)["scores"])
    first, again = printed
    predictions = Predictions.load(output / "predictions.npz")

    assert json.loads((output / "evaluation.json").read_text())["accuracy"] > 0.7
    assert first[0]["reward"] > first[1]["reward"]
    assert all(set(row.get("parts", {})) == parts for row in first)
    assert all((row.get("std", 0) > 0) == varies for row in first)
    assert [row | {"cached": False} for row in again] == first
    assert bool((predictions.variance > 0).all()) == varies
    if name == "ensemble":
        model = load(output / "artefact").model
        assert all(first[0]["parts"][member] > first[1]["parts"][member] for member in parts)
        assert model.get_buffer("centre").abs().sum() > 0
        assert (model.get_buffer("scale") != 1).any()
