"""``plaudit agreement``."""

import json
from pathlib import Path

import pytest

from plaudit.cli import main


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """A file of three annotators' votes on 30 comparisons; zoe always takes the left."""
    rows = [
        {"item_id": str(at), "prompt": f"p{at}", "response_a": f"a{at}", "response_b": f"b{at}", "annotator": name,
         "label": "A" if name == "zoe" or at % 2 else "B", "created": float(at)}
        for at in range(30) for name in ("ann", "bob", "zoe")
    ]  # fmt: skip
    file = tmp_path / "votes.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_text_and_json_hold_the_same_figures(votes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table is for people; --json is one line with the same numbers and who they are of."""
    options = ["agreement", str(votes), "--by", "annotator", "--resamples", "200"]
    assert main(options) == 0
    text = capsys.readouterr().out
    assert main([*options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert "90 votes of 3 annotators on 30 comparisons" in text
    assert f"{found['figures']['alpha_nominal']['value']:.3f} [" in text
    assert [part["name"] for part in found["parts"]] == ["ann", "bob", "zoe"]
    assert found["figures"]["percent"]["value"] == pytest.approx(2 / 3)


def test_an_annotator_can_be_left_out(votes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the one who always says the same, agreement is whole; what was left out is said."""
    assert main(["agreement", str(votes), "--without", "zoe", "--by", "pair", "--resamples", "100"]) == 0
    text = capsys.readouterr().out

    assert "! 30 left out: votes of zoe" in text
    assert "ann × bob" in text and "1.000" in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl"),
        (["VOTES", "--without", "zac"], "no vote is by 'zac'; the annotators are ann, bob, zoe"),
        (["VOTES", "--without", "ann", "--without", "bob"], "no two annotators judged the same responses"),
        (["VOTES", "--resamples", "3"], "at least 100 resamples"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    arguments: list[str], complaint: str, votes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file, nobody of that name, nobody left to agree with, too few resamples."""
    assert main(["agreement", *(str(votes) if one == "VOTES" else one for one in arguments)]) == 1
    assert complaint in capsys.readouterr().err
