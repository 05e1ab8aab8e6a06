"""The verbs from end to end: train, evaluate, score, rank, verify, convert, on a tiny base model."""

import io
import json
import math
import shutil
import sys

import pytest

from plaudit import cli
from plaudit.calibration.calibrators import of_record
from plaudit.predictions import Predictions


def call(capsys, *arguments):
    """Run one verb with ``--json``; return its exit code and its object."""
    code = cli.main([*arguments, "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out.strip() else None


@pytest.fixture(scope="module")
def trained(tmp_path_factory, settings):
    """A run folder, made through the command line."""
    output = tmp_path_factory.mktemp("runs") / "first"
    code = cli.main(["train", "--output", str(output), *(part for one in settings for part in ("--set", one))])
    assert code == 0
    return output


def test_training_leaves_a_measured_artefact(trained):
    """The artefact, the evaluation, the predictions, the history and its page are there, and it learned."""
    evaluation = json.loads((trained / "evaluation.json").read_text())

    assert {"artefact", "evaluation.json", "predictions.npz", "training.html", "run"} <= {
        p.name for p in trained.iterdir()
    }
    assert evaluation["accuracy"] > 0.9
    assert evaluation["interval"][0] > 0.5
    assert (trained / "artefact" / "plaudit.json").is_file()
    recipe = json.loads((trained / "artefact" / "plaudit.json").read_text())["recipe"]
    assert recipe["configuration"]["training"]["batch_size"] == 8
    assert set(recipe["data"]) == {"train", "validation", "test"}


def test_evaluate_prints_the_figures(trained, pairs, capsys):
    """Accuracy, interval, ece, nll, brier, n, seconds, pairs_per_second and artefact, as one object."""
    code, found = call(capsys, "evaluate", str(trained / "artefact"), str(pairs), "--resamples", "200")

    assert code == 0
    assert {"accuracy", "interval", "ece", "nll", "brier", "n", "seconds", "pairs_per_second", "artefact"} <= set(found)
    assert found["n"] == 120
    assert found["interval"][0] <= found["accuracy"] <= found["interval"][1]


def test_score_reads_lines_from_standard_input(trained, capsys, monkeypatch):
    """Each line comes back with its reward, and yes is worth more than no."""
    lines = [{"prompt": "Is tea good?", "response": text} for text in ("yes yes", "no no")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, lines))))
    code = cli.main(["score", str(trained / "artefact")])
    first, second = map(json.loads, capsys.readouterr().out.splitlines())

    assert code == 0
    assert first["response"] == "yes yes"
    assert first["reward"] > second["reward"]


def test_score_keeps_rewards_on_disk(trained, capsys, tmp_path):
    """A second run finds every reward in the cache and says so."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"response": "yes"}\n{"messages": [{"role": "assistant", "content": "no"}]}\n')
    arguments = ("score", str(trained / "artefact"), str(rows), "--cache", str(tmp_path / "rewards.sqlite"))
    (_, first), (_, second) = call(capsys, *arguments), call(capsys, *arguments)

    assert [row["cached"] for row in first["scores"]] == [False, False]
    assert [row["cached"] for row in second["scores"]] == [True, True]
    assert [row["reward"] for row in second["scores"]] == [row["reward"] for row in first["scores"]]


def test_rank_puts_the_best_first(trained, capsys, tmp_path):
    """Responses come back in order with their old places, cut to the best few on request."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"prompt": "Is rain good?", "responses": ["no no", "yes yes", "no"]}))
    code, found = call(capsys, "rank", str(trained / "artefact"), str(rows), "--best", "2")
    [ranking] = [row["ranking"] for row in found["rankings"]]

    assert code == 0
    assert ranking[0]["response"] == "yes yes"
    assert ranking[0]["index"] == 1
    assert len(ranking) == 2
    assert ranking[0]["reward"] >= ranking[1]["reward"]


def test_verify_passes_and_then_refuses(trained, capsys, tmp_path):
    """An untouched artefact passes; one whose template was edited exits 1 and names it."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trained / "artefact", copy)
    assert call(capsys, "verify", str(copy))[0] == 0
    template = copy / "chat_template.jinja"
    template.write_text(template.read_text().replace("assistant", "Assistant"))
    code, found = call(capsys, "verify", str(copy))

    assert code == 1
    assert not found["passed"]
    assert any("template" in check["name"] and not check["passed"] for check in found["checks"])


def test_convert_prints_how_rewards_change(trained, capsys, tmp_path):
    """A bf16 export says that it is one, and shows every canary before and after."""
    code, found = call(capsys, "convert", str(trained / "artefact"), str(tmp_path / "half"), "--dtype", "bfloat16")

    assert code == 0
    assert any("bfloat16" in change for change in found["changes"])
    assert len(found["rewards"]) >= 8
    assert any(row["before"] != row["after"] for row in found["rewards"])


def test_lora_artefacts_stand_alone(settings, capsys, tmp_path):
    """Adapters are merged, an adapter folder lies beside, and transformers loads the result without peft."""
    lora = [*settings, 'training.tune="lora"', "training.epochs=1", "training.lora.rank=4"]
    code, found = call(
        capsys, "train", "--output", str(tmp_path / "lora"), *(part for one in lora for part in ("--set", one))
    )
    names = {path.name for path in (tmp_path / "lora" / "artefact").iterdir()}

    assert code == 0
    assert {"adapter", "model.safetensors"} <= names
    assert "adapter_config.json" not in names
    assert call(capsys, "verify", found["artefact"])[0] == 0


def test_a_frozen_backbone_trains_its_head(settings, capsys, tmp_path):
    """With tune = head the backbone's features are computed once and only the head learns."""
    head = [*settings, 'training.tune="head"', "training.epochs=20", "training.learning_rate=0.03"]
    code, found = call(
        capsys, "train", "--output", str(tmp_path / "head"), *(part for one in head for part in ("--set", one))
    )

    assert code == 0
    assert found["accuracy"] > 0.8


@pytest.fixture(scope="module")
def carrying(trained, tmp_path_factory):
    """The artefact with a calibration fitted to the run's own predictions of the test part."""
    folder = tmp_path_factory.mktemp("carrying") / "artefact"
    shutil.copytree(trained / "artefact", folder)
    arguments = ["calibrate", str(trained / "predictions.npz"), "--into", str(folder), "--resamples", "100"]
    assert cli.main([*arguments, "--kind", "temperature"]) == 0
    return folder


def test_a_run_is_calibrated_with_its_own_predictions(trained, carrying, pairs, capsys, tmp_path):
    """They say whose they are; what they give is verified, told by evaluate, and refuses what is not its own."""
    shipped = json.loads((carrying / "calibration.json").read_text())
    assert Predictions.load(trained / "predictions.npz").model == shipped["model"]
    assert shipped["recipe"]["model_told_by"] == "these predictions"
    code, found = call(capsys, "verify", str(carrying))
    assert code == 0 and found["passed"] and "calibration" in [check["name"] for check in found["checks"]]
    saved = str(tmp_path / "adjusted.npz")
    arguments = ["evaluate", str(carrying), str(pairs), "--resamples", "100", "--adjust", "length", "--save", saved]
    code, found = call(capsys, *arguments)
    assert code == 0 and found["calibrated"]["figures"]["comparisons"] == 120
    assert found["calibrated"]["figures"]["before"]["nll"]["value"] == pytest.approx(found["nll"])
    assert cli.main(["calibrate", saved, "--into", str(carrying)]) == 1
    assert "adjusted for length already" in capsys.readouterr().err


def test_probabilities_stand_where_responses_are_ranked(trained, carrying, capsys, tmp_path):
    """With the calibration they are its own and say so, without they are the sigmoid and say so; none has the last."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"prompt": "Is tea good?", "responses": ["no no", "yes yes", "no"]}) + "\n")
    asked = {"plain": [trained / "artefact"], "raw": [carrying], "length": [carrying, "--adjust", "length"]}
    found = {}
    for name, arguments in asked.items():
        code, made = call(capsys, "rank", *map(str, arguments), str(rows))
        found[name] = made["rankings"][0]
        assert code == 0
    for name, key in (("plain", "reward"), ("raw", "reward"), ("length", "adjusted")):
        places = found[name]["ranking"]
        assert [one[key] for one in places] == sorted((one[key] for one in places), reverse=True)
        assert found[name]["ordered_by"] == key and places[-1]["over_next"] is None
    margin = found["plain"]["ranking"][0]["reward"] - found["plain"]["ranking"][1]["reward"]
    assert found["plain"]["ranking"][0]["over_next"] == {"probability": pytest.approx(1 / (1 + math.exp(-margin)))}
    assert "not calibrated" in found["plain"]["probabilities"] and "adjusted" not in found["plain"]["ranking"][0]
    raw = json.loads((carrying / "calibration.json").read_text())["raw"]
    expected = of_record(raw["calibrator"]).probability([margin])[0]
    assert found["raw"]["ranking"][0]["over_next"]["probability"] == pytest.approx(expected, abs=1e-4)
    assert "not calibrated" not in found["raw"]["probabilities"] and "adjusted" in found["raw"]["ranking"][0]


BAD = {
    "no data": (["train"], "no source was given"),
    "unknown section": (["train", "--set", "dta.train=1"], "dta"),
    "unknown field": (["train", "--set", "training.epoch=1"], "epochs"),
    "wrong value": (["train", "--set", "training.batch_size=0", "--set", 'data.train=["x.jsonl"]'], "batch_size"),
    "missing file": (["train", "--set", 'data.train=["nowhere.jsonl"]'], "nowhere.jsonl"),
    "unknown objective": (["train", "--set", "objective.name=bradley"], "bradley_terry"),
    "no such model": (["score", "nowhere", "rows.jsonl"], "nowhere"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_message(name, capsys, tmp_path, monkeypatch):
    """Exit code 1, one line that says what is wrong or what would be right, and no traceback."""
    arguments, expected = BAD[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.jsonl").write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n')
    (tmp_path / "rows.jsonl").write_text('{"response": "b"}\n')

    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert "Traceback" not in error
    assert "fault of plaudit" not in error


def test_bad_lines_are_named(trained, capsys, tmp_path):
    """Score names the number of the line that is not JSON."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"response": "yes"}\nnot json\n')

    assert cli.main(["score", str(trained / "artefact"), str(rows)]) == 1
    assert "line 2" in capsys.readouterr().err


def test_an_existing_run_is_not_overwritten(trained, settings, capsys):
    """Training into a folder that holds a run is refused unless resuming."""
    code = cli.main(["train", "--output", str(trained), *(part for one in settings for part in ("--set", one))])

    assert code == 1
    assert "resume" in capsys.readouterr().err
