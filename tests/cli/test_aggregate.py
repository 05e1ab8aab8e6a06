"""``plaudit aggregate``."""

import json
from pathlib import Path

import pytest

from plaudit.cli import main
from plaudit.preferences.reading import read


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """A file of three annotators' votes on 20 comparisons: ann and bob prefer A, zoe B."""
    rows = [
        {"item_id": str(at), "prompt": f"p{at}", "response_a": f"a{at}", "response_b": f"b{at}", "annotator": name,
         "label": "B" if name == "zoe" else "A"}
        for at in range(20) for name in ("ann", "bob", "zoe")
    ]  # fmt: skip
    file = tmp_path / "votes.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_labels_are_written_and_counted(votes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row an item, with strength and weight, that reads back; --json has the numbers, the text too."""
    options = ["aggregate", str(votes), "--method", "majority"]
    assert main([*options, "--output", str(tmp_path / "new.jsonl"), "--set", "aggregation.prior=0.5"]) == 0
    text = capsys.readouterr().out
    assert main([*options, "--output", str(tmp_path / "more.jsonl"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert "20 labels of 60 votes by majority: 0 ties; 0 are not what most votes say" in text
    assert found["labels"] == found["rows"] == 20
    labels = [edge for record in read(tmp_path / "new.jsonl") for edge in record.comparisons]
    assert [edge.chosen for edge in labels] == [0] * 20
    assert labels[0].weight == pytest.approx(2 * 2.5 / 4 - 1)


def test_soft_labels_are_written_as_their_answers(votes: Path, tmp_path: Path) -> None:
    """Two thirds for A: both answers are rows that read back, each of its probability; another form is refused."""
    output = tmp_path / "new.jsonl"
    options = ["aggregate", str(votes), "--output", str(output), "--method", "majority", "--labels"]
    assert main([*options, "soft"]) == 0
    edges = read(output)[0].comparisons

    assert [(edge.chosen, edge.tie) for edge in edges] == [(0, False), (1, False), (0, True)]
    assert [edge.weight for edge in edges] == pytest.approx([8 / 15, 5 / 15, 2 / 15])
    assert main([*options, "fuzzy", "--overwrite"]) == 2


def test_skills_are_printed_where_there_are_any(
    votes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The least first."""
    output = str(tmp_path / "new.jsonl")
    assert main(["aggregate", str(votes), "--method", "noisy_bradley_terry", "--output", output]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[1] == "skill, the least first:" and lines[2].endswith("  zoe")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--method", "oracle"], "'oracle' is not one of the aggregation; known: dawid_skene"),
        (["--method", "majority", "--set", "aggregation.prior=0"], "prior must be a finite number above 0"),
        (["--method", "majority", "--certain", "1.5"], "certain must be above 0.5 and below 1"),
        (["--method", "majority", "--as-format", "trl"], "not one strict comparison"),
        (["--method", "majority", "--as-format", "parchment"], "'parchment' is not one of the formats"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    arguments: list[str], complaint: str, votes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unknown methods, settings, formats; nothing is written."""
    with votes.open("a") as stream:
        row = {"item_id": "x", "prompt": "p", "response_a": "a", "response_b": "b", "annotator": "ann", "label": "tie"}
        stream.write(json.dumps(row) + "\n")
    output = tmp_path / "new.jsonl"

    assert main(["aggregate", str(votes), "--output", str(output), *arguments]) == 1
    assert complaint in capsys.readouterr().err
    assert not output.exists()
