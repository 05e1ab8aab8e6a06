"""``plaudit annotate``, without serving."""

import json

import pytest

from plaudit.cli import annotate as verb
from plaudit.cli import main


@pytest.fixture
def pairs(tmp_path) -> str:
    """A file of one comparison."""
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"prompt": "p", "responses": ["a", "b"]}) + "\n", encoding="utf-8")
    return str(path)


def test_it_prints_links(tmp_path, pairs, capsys) -> None:
    """As text and as one JSON object: the owner's link and each annotator's, below the address asked for."""
    given = ["annotate", "--pairs", pairs, "--database", str(tmp_path / "c.db"), "--annotator", "ann", "--no-serve"]
    assert main(given) == 0
    text = capsys.readouterr().out
    assert main([*given, "--json", "--address", "https://judge.example/"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert "http://127.0.0.1:8000/in/o.0." in text
    assert told["owner"].startswith("https://judge.example/in/o.0.")
    assert told["annotators"]["ann"].startswith("https://judge.example/in/a.1.")
    assert told["tasks"] == {"real": 1}


def test_what_is_wrong_is_said_without_a_traceback(tmp_path, pairs, capsys) -> None:
    """A missing file, a setting out of range, an unknown setting, no tasks."""
    database = ["--database", str(tmp_path / "c.db"), "--no-serve"]
    for given, words in (
        (["--pairs", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--pairs", pairs, "--overlap-share", "3"], "overlap_share"),
        (["--pairs", pairs, "--set", "annotation.beauty=1"], "beauty"),
        ([], "--pairs"),
    ):
        assert main(["annotate", *given, *database]) == 1
        complaint = capsys.readouterr().err
        assert complaint.startswith("error: ")
        assert words in complaint
        assert "Traceback" not in complaint


def test_what_is_not_installed_is_said(monkeypatch, capsys) -> None:
    """Without the extra the message says how to get it."""
    monkeypatch.setattr(verb, "find_spec", lambda name: None if name == "fastapi" else object())

    assert main(["annotate", "--no-serve"]) == 1
    assert "pip install 'plaudit[annotate]'" in capsys.readouterr().err
