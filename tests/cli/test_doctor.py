"""``plaudit doctor`` and ``plaudit clean``."""

import json
from pathlib import Path

import pytest

from plaudit.cli import main
from plaudit.preferences.fields import plain
from tests.doctor.world import clean, with_responses, words_of

QUICK = ["--check", "empty_responses", "--check", "ties", "--check", "duplicates", "--check", "malformed_rows"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of pairs in which a response is empty."""
    path = tmp_path_factory.mktemp("doctor") / "pairs.jsonl"
    records = clean()[:60]
    records[7] = with_responses(records[7], "", words_of(records[7])[1])
    rows = [
        {
            "id": one.id,
            "prompt": plain(one.prompt),
            "chosen": plain(one.responses[one.comparisons[0].chosen].content),
            "rejected": plain(one.responses[one.comparisons[0].rejected].content),
            "split": one.extra["split"],
        }
        for one in records
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_findings_are_printed_with_rows_and_repairs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text names code, row, advice and repair, and what was looked at without a finding."""
    assert main(["doctor", str(file), *QUICK]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "error empty_responses 1 of 60 records" in printed
    assert "pairs.jsonl, row 8" in printed
    assert "Repair: plaudit clean --repair empty_responses." in printed
    assert "Looked at, and nothing found" in printed


def test_json_is_one_object_and_the_page_is_written(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json prints the whole examination; --page writes it as HTML that names the finding."""
    page = tmp_path / "doctor.html"
    assert main(["doctor", str(file), *QUICK, "--json", "--page", str(page)]) == 0
    printed = capsys.readouterr().out
    found = json.loads(printed)
    assert printed.count("\n") == 1
    assert [one["code"] for one in found["findings"]] == ["empty_responses"]
    assert found["findings"][0]["places"][0]["row"] == 8
    assert found["checks"]["ties"]["measured"]
    html = page.read_text(encoding="utf-8")
    assert "Empty responses" in html
    assert "plaudit clean DATA --repair empty_responses" in html


def test_rows_that_cannot_be_read_are_told_of_however_few_are_looked_at(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --limit too: the file has them all the same."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text(file.read_text(encoding="utf-8") + '{"prompt": 3}\n', encoding="utf-8")
    assert main(["doctor", str(broken), *QUICK, "--limit", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["data"]["records"] == 5
    [lost] = [one for one in found["findings"] if one["code"] == "malformed_rows"]
    assert (lost["count"], lost["places"][0]["row"]) == (1, 61)


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--fail-on", "error"], 1), (["--fail-on", "warning"], 1)])
def test_it_fails_only_where_it_is_asked_to(file: Path, arguments: list[str], code: int) -> None:
    """The exit code is 0 unless something as bad as asked for is found."""
    assert main(["doctor", str(file), *QUICK, *arguments]) == code
    assert main(["doctor", str(file), "--check", "ties", *arguments]) == 0


def test_what_is_cleaned_is_found_no_more(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The repair that the doctor names takes the finding away, and the verb says what it did."""
    out = tmp_path / "clean.jsonl"
    assert main(["clean", str(file), "--repair", "empty_responses,ties", "--output", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["dropped"], told["rewritten"]) == (60, 1, 0)
    assert told["repairs"] == {"empty_responses": {"dropped": 1}}
    assert main(["doctor", str(out), *QUICK, "--fail-on", "warning"]) == 0
    assert main(["clean", str(out), "--repair", "empty_responses", "--output", str(tmp_path / "2.jsonl")]) == 0
    assert "nothing to mend" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["doctor", "nowhere.jsonl"], "no such file"),
        (["doctor", "FILE", "--check", "taste"], "'taste' is not one of the checks; known: agreement,"),
        (["doctor", "FILE", "FILE"], "two sources are called"),
        (["doctor", "FILE", "--format", "xml"], "'xml' is not one of the formats"),
        (["doctor", "FILE", "--resamples", "3"], "resamples 100 or more"),
        (["doctor", "FILE", "--against", "gone.csv"], "no such file"),
        (["doctor", "FILE", "--max-length", "64"], "are for --tokenizer; name one"),
        (["doctor", "FILE", "--template", "plain"], "are for --tokenizer; name one"),
        (["doctor", "FILE", "--tokenizer", "."], "no tokenizer (tokenizer.json"),
        (["clean", "FILE", "--repair", "all", "--output", "x.jsonl"], "there is no repair 'all'"),
        (["clean", "FILE", "--repair", "contamination", "--output", "x.jsonl"], "--against"),
        (["clean", "nowhere.jsonl", "--repair", "ties", "--output", "x.jsonl"], "no such file"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(
    arguments: list[str],
    complaint: str,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 1 and one message, no traceback."""
    monkeypatch.chdir(tmp_path)
    assert main([str(file) if one == "FILE" else one for one in arguments]) == 1
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert "fault of plaudit" not in printed.err
    assert printed.out == ""
