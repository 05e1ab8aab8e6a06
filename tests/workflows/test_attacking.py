"""`plaudit attack` from end to end: what it prints can be scored again, and what cannot be done is said."""

import io
import json
from pathlib import Path

import pytest

from plaudit.cli import main
from plaudit.evaluation.attacks.attack import Effort
from plaudit.models.architectures.two_tower import TwoTower
from plaudit.models.input_gradients import NoInputGradients
from plaudit.scoring.artifact import save
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.attacking import UnknownSearch, attack_model, attack_scorer
from plaudit.workflows.data import Data
from tests.scoring.tiny import RECIPE, saved, tiny_of

SMALL = ["--budget", "260", "--held-out", "24", "--responses", "4", "--keep", "1", "--resamples", "100"]
EFFORT = Effort(budget=260, held_out=24, responses=4, keep=1, resamples=100)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights."""
    folder = tmp_path_factory.mktemp("model") / "artefact"
    saved(folder)
    return folder


def test_the_lines_give_their_rewards_when_scored(
    artefact: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`plaudit attack MODEL DATA --lines | plaudit score MODEL`: every reward within 1e-4 of the one told."""
    assert main(["attack", str(artefact), str(pairs), "--lines", *SMALL]) == 0
    lines = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert main(["score", str(artefact)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert {row["search"] for row in rows} == {"random", "evolutionary", "gradient"}
    assert all(row["reward"] == pytest.approx(row["attacked"], abs=1e-4) for row in rows)
    assert all(row["response"].endswith(row["suffix"]) for row in rows)


def test_one_object_or_a_table(artefact: Path, pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json is one object with budget and history; the text has the suffix as JSON on a line of its own."""
    arguments = ["attack", str(artefact), str(pairs), "--search", "random", *SMALL]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    [one] = found["attacks"]
    assert main(arguments) == 0
    written = capsys.readouterr().out

    assert (found["best"], one["search"], one["budget"], one["judged_on"]) == ("random", "random", 260, 24)
    assert one["history"][-1]["suffix"] == one["found"][0]["suffix"]
    assert json.dumps(one["found"][0]["suffix"], ensure_ascii=False) in written
    assert one["verdict"] in written


def test_a_model_without_gradients_is_attacked_by_the_other_searches(pairs: Path, tmp_path: Path) -> None:
    """The refusal is kept with its reason; asked for alone it is an error."""
    save(tmp_path / "two", *tiny_of(TwoTower, "bert"), RECIPE)
    scorer = Scorer.load(tmp_path / "two")
    data = Data().read([str(pairs)])
    found = attack_scorer(scorer, data, searches=["random", "gradient"], effort=EFFORT)

    assert [one.search for one in found.attacks] == ["random"]
    assert "no single table of input embeddings" in found.refused["gradient"]
    assert "! gradient: not possible:" in str(found)
    with pytest.raises(NoInputGradients, match="use a search that only needs rewards"):
        attack_scorer(scorer, data, searches=["gradient"], effort=EFFORT)


def test_wrong_requests_are_refused(artefact: Path, pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown searches, two forms of output, too small a budget, data without comparisons, no such model."""
    for arguments, message in (
        ([str(artefact), str(pairs), "--search", "magic"], "no search is called 'magic'; there are: random"),
        ([str(artefact), str(pairs), "--lines", "--json"], "ask for one of them"),
        ([str(artefact), str(pairs), "--budget", "10"], "scored conversations for a first suffix"),
        ([str(artefact), str(pairs), "--longest", "0", *SMALL], "longest is 0"),
        ([str(artefact / "none"), str(pairs)], "there is no such folder"),
    ):
        assert main(["attack", *arguments]) == 1
        assert message in capsys.readouterr().err
    with pytest.raises(UnknownSearch, match="no search was asked for"):
        attack_model(artefact, [str(pairs)], searches=[])
