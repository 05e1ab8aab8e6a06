"""``plaudit calibrate`` from end to end, on saved predictions of anybody's."""

import json
import subprocess
import sys

import numpy as np
import pytest

from plaudit import cli
from plaudit.calibration.calibrators import of_record
from plaudit.predictions import Predictions
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
