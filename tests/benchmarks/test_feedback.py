"""The command that measures finer feedback: it learns what made-up files hold, and says what it lacks."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.feedback import ATTRIBUTES, FILES, beyond_position, configuration, from_arguments, main, run
from plaudit.predictions import Predictions
from tests.encoding.families import family
from tests.scoring.tiny import TOKENIZERS, classifier

QUICK = ["--epochs", "8", "--batch-size", "4", "--learning-rate", "0.003", "--max-length", "256", "--span", "2"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny Llama."""
    folder = tmp_path_factory.mktemp("base")
    tokenizer = family(TOKENIZERS["llama"])
    classifier("llama", len(tokenizer), 0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def rated(number: int, draw: random.Random) -> dict[str, Any]:
    """Three answers that say yes more or less often, and are the funnier for it."""
    shares = draw.sample(range(5), 3)
    order = sorted(shares, reverse=True)
    responses = [
        {
            "text": " ".join(["yes"] * share + ["no"] * (4 - share)),
            "rank": order.index(share),
            "ratings": {name: share / 4 if weight > 0 else 0.0 for name, weight in ATTRIBUTES.items()},
        }
        for share in shares
    ]
    return {"prompt": f"Is number {number} good?", "responses": responses, "source": "rated"}


def marked(number: int, draw: random.Random) -> dict[str, Any]:
    """Two answers of eight words, in which every no was marked."""
    texts = [draw.choices(["yes", "no"], k=8) for _ in range(2)]
    errors, at = [], 0
    for word in texts[0]:
        if word == "no":
            errors.append({"start": at, "end": at + 2})
        at += len(word) + 1
    won = [text.count("yes") for text in texts]
    code = 0 if won[0] == won[1] else 1 if won[0] > won[1] else 2
    responses = [{"text": " ".join(text), "score": float(count)} for text, count in zip(texts, won, strict=True)]
    feedback = {"feedback_on_response_0": {"errors": errors}}
    return {
        "prompt": f"And number {number}?",
        "responses": responses,
        "pairwise": [code],
        "source": "marked",
        **feedback,
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up files of the same shape and name."""
    folder, draw = tmp_path_factory.mktemp("feedback"), random.Random(0)
    for part, made in (("attributes", rated), ("spans", marked)):
        write(folder / FILES[part], [made(number, draw) for number in range(160)])
    return folder


@pytest.mark.slow
def test_it_learns_what_the_files_hold(
    base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attributes and spans that can be told by a word are told on unseen prompts; the figures are in file and table."""
    out = tmp_path / "results.json"
    arguments = ["--base", str(base), "--data", str(data), "--test-share", "0.45", "--resamples", "200", *QUICK]
    assert main([*arguments, "--out", str(out)]) == 0
    printed, found = capsys.readouterr().out, json.loads(out.read_text())
    attributes, spans = (found["parts"][part]["correlations"] for part in FILES)
    [own] = [one for one in attributes["attributes, unseen prompts"] if one["rating"] == one["output"] == "helpfulness"]
    [logits, _, beyond] = spans["unmarked share of a span"]

    assert own["groups"] >= 20
    assert own["spearman"]["low"] > 0.3
    assert (logits["output"], logits["spearman"]["low"] > 0.3) == ("span", True)
    assert (beyond["rating"], beyond["pearson"]["low"] > 0.3) == ("unmarked_beyond_position", True)
    told = found["parts"]["spans"]["marked"]
    assert told["whole"] < told["share"] < 1 - told["none"]
    assert 2 / 8 < told["share"] < 2 / 5  # half the words: two letters of yes, no and their one or two blanks
    assert "of their tokens marked" in printed
    assert {one["output"] for one in spans["comparisons won, unseen prompts"]} == {
        *("reward", "span", "turn", "response", "length")
    }
    assert "toxicity is 0 everywhere" in printed
    assert f"{own['spearman']['value']:.3f} [{own['spearman']['low']:.3f}" in printed
    assert found["settings"]["epochs"] == 8


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::plaudit.scoring.predict.Unscored")
def test_real_files_are_read_to_the_end(base: Path, shared_data: Path, tmp_path: Path) -> None:
    """Thirty records of each: all attributes and levels have a line, too few groups have no interval."""
    quick = ["--records", "30", "--epochs", "0.2", "--max-length", "1000", "--resamples", "100"]
    settings, _ = from_arguments(["--base", str(base), "--data", str(shared_data), *quick])
    results, tables = run(settings, tmp_path)
    rows = tables["attributes"]["attributes, unseen prompts"]

    assert {one.rating for one in rows if one.rating == one.output} == set(ATTRIBUTES)
    assert "groups; an interval needs at least 20" in rows[0].pearson.reason
    assert [len(table) for table in tables["spans"].values()] == [5, 2, 3]
    json.dumps(results, allow_nan=False)


def test_what_is_missing_or_wrong_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, a part that does not exist, spans of a frozen backbone, a share of everything."""
    assert main(["--data", str(tmp_path), "--only", "spans"]) == 1
    assert f"{tmp_path / FILES['spans']} is not there; --data or" in capsys.readouterr().err
    for arguments, message in (
        (["--only", "turns"], "--only takes attributes, spans, not turns"),
        (["--tune", "head"], "spans need their own: take full or lora"),
        (["--test-share", "0.9"], "--test-share must be above 0 and below 0.75"),
    ):
        with pytest.raises(SystemExit):
            from_arguments(["--data", str(data), *arguments])
        assert message in capsys.readouterr().err
    settings, _ = from_arguments(["--data", str(data), "--tune", "head", "--only", "attributes", "--weight", "0.5"])
    assert configuration("attributes", settings)["training"]["tune"] == "head"


def test_what_position_explains_is_taken_away() -> None:
    """Of a share that is half the place and half something else, the something else is left, by NumPy's own fit."""
    draw = np.random.default_rng(0)
    position, other = 16.0 * draw.integers(0, 12, 400), draw.standard_normal(400)
    none, nowhere = np.zeros(0), np.zeros(0, np.int64)
    spans = Predictions(
        rewards=other, chosen=nowhere, rejected=nowhere, outcome=none, weight=none, strength=none,
        response_group=np.arange(400), lengths=np.zeros(400, np.int64), parts={"position": position},
        ratings={"unmarked": 0.5 - 0.002 * position + 0.1 * other},
    )  # fmt: skip
    left = beyond_position(spans).ratings["unmarked_beyond_position"]

    assert np.corrcoef(left, other)[0, 1] > 0.99
    assert abs(np.corrcoef(left, position)[0, 1]) < 1e-9
