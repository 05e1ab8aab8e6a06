"""``plaudit annotators``."""

import json
from pathlib import Path

import numpy as np
import pytest

from plaudit.cli import main


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """A file of votes on 60 comparisons: ann, bob and cyd know, zoe always takes the left, where sides are shuffled."""
    rng, rows = np.random.default_rng(0), []
    for at in range(60):
        better = rng.integers(0, 2)
        for name in ("ann", "bob", "cyd", "zoe"):
            turned = rng.integers(0, 2)
            shown = [f"b{at}", f"a{at}"] if turned else [f"a{at}", f"b{at}"]
            label = "A" if name == "zoe" or better == turned else "B"
            rows.append({"item_id": str(at), "prompt": f"p{at}", "response_a": shown[0], "response_b": shown[1],
                         "annotator": name, "label": label})  # fmt: skip
    file = tmp_path / "votes.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_who_takes_the_left_is_named(votes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict is in the text and in --json, and so is what the one leans to."""
    assert main(["annotators", str(votes), "--resamples", "200"]) == 0
    text = capsys.readouterr().out
    assert main(["annotators", str(votes), "--resamples", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    verdicts = {one["name"]: one["verdict"] for one in found["standings"]}
    assert verdicts == {"ann": "agrees", "bob": "agrees", "cyd": "agrees", "zoe": verdicts["zoe"]}
    assert verdicts["zoe"] != "agrees" and verdicts["zoe"] in text
    assert found["bias"]["annotators"]["zoe"]["left"]["low"] > 0.5
    assert "sides are known of 240 of 240 votes" in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["nowhere.jsonl"], "nowhere.jsonl"), (["VOTES", "--without", "zac"], "no vote is by 'zac'")],
)
def test_bad_input_is_refused_in_a_sentence(
    arguments: list[str], complaint: str, votes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file, nobody of that name."""
    assert main(["annotators", *(str(votes) if one == "VOTES" else one for one in arguments)]) == 1
    assert complaint in capsys.readouterr().err
