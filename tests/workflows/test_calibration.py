"""``plaudit calibrate`` from end to end, on saved predictions of anybody's."""

import dataclasses
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from plaudit import cli
from plaudit.calibration.calibrators import of_record
from plaudit.calibration.conformal import abstention
from plaudit.calibration.lengths import cross_adjusted
from plaudit.predictions import Predictions
from plaudit.scoring import shipping
from tests.calibration.test_lengths import paid_by_length
from tests.scored import in_prompts


@pytest.fixture
def saved(tmp_path):
    """Overconfident predictions of 150 prompts, paid by length, in a file."""
    path = tmp_path / "predictions.jsonl"
    paid_by_length(0, 150, pay=0.8).save(path)
    return path


def test_everything_is_printed_and_saved(saved, tmp_path, capsys):
    """One object with map, abstention and length; the file holds the same, and its record gives probabilities."""
    kept = tmp_path / "calibration.json"
    code = cli.main(["calibrate", str(saved), "--resamples", "100", "--save", str(kept), "--json"])
    printed = json.loads(capsys.readouterr().out)

    assert code == 0 and json.loads(kept.read_text()) == printed
    assert set(printed) == {"calibration", "abstention", "debiasing"}
    fitted = of_record(printed["calibration"]["record"])
    assert fitted.probability([1.0, -1.0]).sum() == pytest.approx(1)
    assert len(printed["calibration"]["trials"]) == 5
    assert printed["abstention"]["abstention"]["error"] == 0.1
    assert printed["debiasing"]["ways"]["adjusted for length"]["correlation"]["value"] < 0.1
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_the_text_says_it_in_sentences(saved, capsys):
    """What helps, when to decide, and what length is paid; only the kinds that were asked for."""
    assert cli.main(["calibrate", str(saved), "--kind", "temperature", "--resamples", "100"]) == 0
    printed = " ".join(capsys.readouterr().out.split())

    assert "abstention: deciding where the margin is above" in printed
    assert "length: adjusted for length, the correlation" in printed
    assert "temperature" in printed and "isotonic" not in printed


def test_a_part_that_cannot_be_had_says_why(tmp_path, capsys):
    """Without lengths, and with a rate too low for the groups there are, the rest is still given."""
    path = tmp_path / "predictions.npz"
    in_prompts(np.random.default_rng(0), 40).save(path)
    code = cli.main(["calibrate", str(path), "--kind", "beta", "--error", "0.01", "--resamples", "100", "--json"])
    found = json.loads(capsys.readouterr().out)

    assert code == 0 and found["calibration"]["overall"]["groups"] == 40
    assert found["abstention"]["reason"].startswith("no rule: an error rate of 0.01 needs at least 99 groups")
    assert found["debiasing"]["reason"].startswith("not adjusted: no lengths are known")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--kind", "spline"], "'spline' is not one of the calibrators; known: beta"),
        (["--error", "0.7"], "an error rate is above 0 and below 0.5, not 0.7"),
        (["--resamples", "9"], "at least 100 resamples"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(saved, capsys, arguments, complaint):
    """Exit code 1, the reason, and nothing on standard output."""
    assert cli.main(["calibrate", str(saved), "--resamples", "100", *arguments]) == 1
    printed = capsys.readouterr()
    assert complaint in printed.err and printed.out == ""


def test_files_that_are_none_are_refused(tmp_path, capsys):
    """One that is not there, one of something else, one of too few prompts."""
    other, few = tmp_path / "other.jsonl", tmp_path / "few.jsonl"
    other.write_text('{"prompt": "a"}\n')
    Predictions.from_pairs([1.0, 2.0], [0.0, 0.0]).save(few)
    for path, complaint in [(tmp_path / "none.npz", "none.npz"), (other, "line 1"), (few, "2 groups")]:
        assert cli.main(["calibrate", str(path)]) == 1
        assert complaint in capsys.readouterr().err


def test_it_needs_no_torch(saved):
    """The verb runs without loading torch or transformers."""
    program = (
        "import sys; from plaudit import cli; code = cli.main(sys.argv[1:]); "
        "sys.exit(', '.join({'torch', 'transformers'} & set(sys.modules)) or code)"
    )
    command = [sys.executable, "-c", program, "calibrate", str(saved), "--kind", "platt", "--resamples", "100"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.fixture
def artefact(tmp_path):
    """What an artefact has that a calibration is bound to: a contract, canaries and a card."""
    folder = tmp_path / "artefact"
    folder.mkdir()
    contract = {"format": 1, "architecture": "scalar", "settings": {}, "encoding": {}}
    (folder / "plaudit.json").write_text(json.dumps(contract | {"scored_tokens": [], "outputs": ["reward"]}))
    (folder / "canaries.json").write_text(json.dumps({"canaries": [], "contract": contract}))
    (folder / "README.md").write_text("# A model\n")
    return folder


def test_what_was_fitted_lies_in_the_artefact(saved, artefact, capsys):
    """Map, rule and adjustment are those that were printed, with their recipe; the adjusted order has its own map."""
    code = cli.main(["calibrate", str(saved), "--into", str(artefact), "--resamples", "100", "--json"])
    printed = json.loads(capsys.readouterr().out)
    lies = shipping.read(artefact)
    written = json.loads((artefact / "calibration.json").read_text())

    assert code == 0 and printed["shipped"] == written == lies.record()
    assert written["raw"]["calibrator"] == printed["calibration"]["record"]
    assert written["raw"]["abstention"] == printed["abstention"]["abstention"]
    assert written["length"]["adjustment"] == printed["debiasing"]["record"]
    assert lies.recipe["data"]["file"] == "predictions.jsonl" and lies.recipe["data"]["comparisons"] == 150
    assert lies.recipe["data"]["sha256"] == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert lies.recipe["settings"] == {"kinds": "all", "error": 0.1, "resamples": 100, "seed": 0}
    assert "do not say which model" in lies.recipe["model_told_by"] and lies.recipe["when"].startswith("20")
    adjusted = cross_adjusted(Predictions.load(saved))
    assert lies.length[1].abstention == abstention(adjusted, 0.1) != lies.raw.abstention
    assert "## Calibration" in (artefact / "README.md").read_text()


def test_it_is_removed_and_nothing_else(saved, artefact, capsys):
    """Put and removed, the folder is as before; removed again, it says that there was none."""
    before = {path.name: path.read_bytes() for path in artefact.iterdir()}
    arguments = ["calibrate", str(saved), "--into", str(artefact), "--kind", "platt", "--resamples", "100"]
    assert cli.main(arguments) == 0
    assert f"put into {artefact}:" in capsys.readouterr().out
    assert {path.name for path in artefact.iterdir()} == {*before, "calibration.json"}
    assert cli.main(["calibrate", "--remove", str(artefact)]) == 0
    assert "was removed" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in artefact.iterdir()} == before
    assert cli.main(["calibrate", "--remove", str(artefact), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] is False


def test_another_models_predictions_do_not_go_in(saved, artefact, tmp_path, capsys):
    """Refused before anything is fitted, with both identities; what was there stays."""
    other = tmp_path / "other.npz"
    dataclasses.replace(Predictions.load(saved), model="b2").save(other)
    assert cli.main(["calibrate", str(other), "--into", str(artefact)]) == 1
    assert f"({shipping.identity(artefact)}) but of b2" in capsys.readouterr().err
    assert cli.main(["calibrate", str(saved), "--into", str(tmp_path)]) == 1
    assert "plaudit.json is missing" in capsys.readouterr().err
    assert not (artefact / "calibration.json").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name the predictions"),
        (["--remove", "a", "--into", "b"], "stands alone"),
        (["p", "--remove", "a"], "alone"),
    ],
)
def test_wrong_usage_is_told(arguments, complaint, capsys):
    """Exit code 2, and what was meant."""
    assert cli.main(["calibrate", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_shipping_needs_no_torch(saved, artefact):
    """So that a calibration can be put where no model can be loaded."""
    program = (
        "import sys; from plaudit import cli; code = cli.main(sys.argv[1:]); "
        "sys.exit(', '.join({'torch', 'transformers'} & set(sys.modules)) or code)"
    )
    arguments = ["calibrate", str(saved), "--kind", "platt", "--resamples", "100", "--into", str(artefact)]
    run = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
