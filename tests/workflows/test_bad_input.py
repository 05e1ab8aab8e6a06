"""Bad input through the command line: exit code 1, one line that says what is wrong and where, no traceback."""

import json
import shutil

import pytest
import torch

from plaudit import cli


def pair(**changes):
    """Return the line of a good pair with some fields changed."""
    return json.dumps({"prompt": "Q", "chosen": "yes", "rejected": "no", **changes})


def rated(**changes):
    """Return the line of a rated response with some fields changed."""
    return json.dumps({"response": "yes", "rating": 1.0, **changes})


def cycle():
    """Return the line of a prompt with three responses whose comparisons go round."""
    responses = [{"text": f"answer {name}"} for name in "abc"]
    return json.dumps({"prompt": "Q", "responses": responses, "pairwise": [1, 2, 1]})


DATA = {
    "empty file": ("", "no rows"),
    "wrong columns": ('{"question": "Q", "answer": "A"}', "question, answer"),
    "mixed formats": (f"{pair()}\n{rated()}", "mixed formats"),
    "chosen equal to rejected": (pair(rejected="yes"), "row 1"),
    "duplicate ids": (f"{pair(id='a')}\n{pair(id='a', prompt='R')}", "row 1"),
    "lone surrogate": (pair(chosen="\ud800"), "row 1"),
    "NaN rating": (f"{rated()}\n{rated(response='no', rating=float('nan'))}", "row 2"),
    "empty response": (pair(rejected=""), "rejected"),
    "not JSON": (f"{pair()}\nyes", "2"),
    "cyclic ranking": (cycle(), "the ranking is cyclic"),
}


def refused(capsys, *arguments):
    """Run a verb that must refuse; return its one line."""
    assert cli.main([*map(str, arguments)]) == 1
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert printed.out == ""
    assert "Traceback" not in printed.err and "fault of plaudit" not in printed.err
    assert len(lines) == 1 and printed.err.endswith(f"{lines[0]}\n"), printed.err
    return lines[0]


def flags(settings):
    """Return settings as arguments."""
    return [part for one in settings for part in ("--set", one)]


@pytest.mark.parametrize("name", DATA)
def test_bad_rows_are_refused(name, capsys, tmp_path):
    """Train names the file and what is wrong in it, before a model is loaded."""
    text, expected = DATA[name]
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    error = refused(capsys, "train", "--output", tmp_path / "out", "--set", f'data.train=["{tmp_path / "rows.jsonl"}"]')

    assert "rows.jsonl" in error
    assert expected in error
    assert not (tmp_path / "out").exists()


def _without_tokenizer(folder):
    for path in (*folder.glob("token*"), *folder.glob("*.jinja"), *folder.glob("special*")):
        path.unlink()


def _pickled(folder):
    for path in folder.glob("*.safetensors"):
        path.unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _with_code(folder):
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"auto_map": {"AutoModel": "code.Model"}}))


BASES = {
    "no tokenizer": (_without_tokenizer, "tokenizer"),
    "pickled weights": (_pickled, "pytorch_model.bin"),
    "remote code": (_with_code, "auto_map"),
    "nothing": (shutil.rmtree, "broken"),
}


@pytest.mark.parametrize("name", BASES)
def test_bad_bases_are_refused(name, base, settings, capsys, tmp_path):
    """A base without tokenizer, with pickled weights or with code of its own is named, and nothing of it runs."""
    damage, expected = BASES[name]
    folder = tmp_path / "broken"
    shutil.copytree(base, folder)
    damage(folder)
    arguments = flags([*settings, f'model.base="{folder}"'])

    assert expected in refused(capsys, "train", "--output", tmp_path / "out", *arguments)


def test_a_tree_above_the_budget_is_refused_if_asked(settings, capsys, tmp_path):
    """With oversized = error, a record that does not fit the token budget ends the run."""
    arguments = flags([*settings, "training.token_budget=8", 'training.oversized="error"'])

    assert "8" in refused(capsys, "train", "--output", tmp_path / "out", *arguments)


def test_a_file_is_no_output_folder(settings, capsys, tmp_path):
    """The output is refused before the data is read."""
    (tmp_path / "out").write_text("")
    error = refused(capsys, "train", "--output", tmp_path / "out", "--set", 'data.train=["nowhere.jsonl"]')

    assert "out is a file" in error
    assert "nowhere" not in error


def test_rows_can_be_dropped_by_a_flag(settings, base, pairs, capsys, tmp_path):
    """``--on-bad-row drop`` reads past what is refused otherwise, and standard error counts it."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text(pairs.read_text() + pair(prompt="Is tea good?", rejected="") + "\n")
    arguments = flags([*settings, f'data.train=["{rows}"]', "training.max_steps=1", "evaluation.resamples=100"])
    refused(capsys, "train", "--output", tmp_path / "out", *arguments)
    code = cli.main(["train", "--output", str(tmp_path / "out"), "--on-bad-row", "drop", *arguments])
    printed = capsys.readouterr()

    assert code == 0
    assert "train: 1 dropped" in printed.err
    assert "within" in printed.err and "of fp32" in printed.err

    artefact, cache = str(tmp_path / "out" / "artefact"), str(tmp_path / "rewards.sqlite")
    refused(capsys, "evaluate", artefact, rows)
    measure = ["evaluate", artefact, str(rows), "--on-bad-row", "drop", "--cache", cache, "--resamples", "100"]
    assert cli.main(measure) == 0 and "evaluated: 1 dropped" in capsys.readouterr().err
    assert cli.main([*measure, "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    hits, scored = printed.err.split("cache: ")[1].split(" were there")[0].split(" of ")
    assert hits == scored != "0"
    assert found["n"] == 120
    assert found["interval_reason"] is None and found["interval"]


def test_sequences_too_short_for_canaries_are_refused_before_training(settings, capsys, tmp_path):
    """A maximum length at which no checkable artefact could be saved is refused before anything is trained."""
    output = tmp_path / "run"
    line = refused(capsys, "train", "--output", output, *flags([*settings, "model.max_length=8"]))

    assert "raise max_length" in line
    assert not output.exists()
