"""From a model and a pool to a queue: scored as the Scorer does, chosen as the selector does, read by annotation."""

import json
from pathlib import Path

import numpy as np
import pytest

from plaudit import cli
from plaudit.annotation.intake import read_tasks
from plaudit.labels.batches import RANDOM
from plaudit.labels.pool import BadPool
from plaudit.models.architectures.ensemble import Ensemble
from plaudit.models.architectures.gaussian import Gaussian
from plaudit.models.architectures.laplace import Laplace
from plaudit.models.headed import Headed
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.reading import read
from plaudit.preferences.rows import BadSource
from plaudit.preferences.saving import Unsaved, require_free
from plaudit.scoring.artifact import save
from plaudit.scoring.scorer import Scorer
from plaudit.workflows import selecting
from plaudit.workflows.data import Data
from plaudit.workflows.selecting import Asked, NothingToGoBy, select
from tests.scoring.tiny import RECIPE, saved, tiny_of

ANSWERS = ("Yes.", "No, not at all.", "That depends on the weather.")


def rows(count: int = 12) -> list[dict]:
    return [
        {
            "prompt": f"Is it good to have {number} cats?",
            "responses": [{"text": f"{text} {number}", "rank": place} for place, text in enumerate(ANSWERS)],
            "id": f"cats/{number}",
        }
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> Path:
    """Twelve prompts with three ranked responses each: 36 pairs."""
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def scalar(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scalar") / "model"
    saved(folder)
    return folder


def scorer_of(folder: Path, architecture: type[Headed], **settings) -> Scorer:
    model, encoder = tiny_of(architecture, **settings)
    save(folder, model, encoder, RECIPE)
    return Scorer.load(folder)


def chosen(scorer: Scorer, pool: Path, strategy: str, **how) -> selecting.Selected:
    return select(scorer, Data().read([str(pool)]), Asked(count=10, strategy=strategy, **how))


def test_the_queue_is_read_back_and_says_nothing_of_labels(scalar, pool, tmp_path) -> None:
    """Each line is a record of two responses without comparisons, in order, with its arm; ranks and names are gone."""
    found = chosen(Scorer.load(scalar), pool, "d_optimal", random_share=0.2)
    found.write(tmp_path / "queue.jsonl")
    records = list(read(tmp_path / "queue.jsonl"))

    assert [record.extra["priority"] for record in records] == list(range(10, 0, -1))
    assert [record.extra["arm"] for record in records].count(RANDOM) == 2
    assert [record.id for record in records] == [one.id for one in found.chosen]
    assert all(len(record.responses) == 2 and not record.comparisons for record in records)
    assert all(not response.extra and not response.ratings for record in records for response in record.responses)


def test_margins_are_the_scorers(scalar, pool) -> None:
    """The margin of each chosen pair is the difference of what the Scorer gives its two sides."""
    scorer = Scorer.load(scalar)
    found = chosen(scorer, pool, "margin", settings={"diversity": 0.0}, random_share=0.1)
    sides = [scorer.rewards((one.prompt, side.content) for side in one.sides) for one in found.chosen]
    margins = np.array([first - second for first, second in sides])
    by_margin = found.batch.arms != RANDOM

    assert found.pool.margins[found.batch.places] == pytest.approx(margins, abs=1e-4)
    assert found.pool.features is None
    assert (np.diff(np.abs(margins[by_margin])) > -1e-4).all()
    assert len(found.pool) == 36


def test_features_are_what_the_head_reads(scalar, pool) -> None:
    """Features of the two sides give the margin when the head's weights are put on them."""
    scorer = Scorer.load(scalar)
    found = chosen(scorer, pool, "d_optimal")
    weights = scorer.artefact.model.classifier.score.weight[0].detach().numpy()

    assert found.pool.differences @ weights == pytest.approx(found.pool.margins, abs=1e-4)


def test_members_of_an_ensemble_are_asked(pool, tmp_path) -> None:
    """Their margins average to the model's, and BALD goes by them."""
    found = chosen(scorer_of(tmp_path / "model", Ensemble, members=4), pool, "bald")

    assert found.pool.members.shape == (4, 36)
    assert found.pool.members.mean(0) == pytest.approx(found.pool.margins, abs=1e-5)


def test_draws_of_a_covariance_have_the_margins_variance(pool, tmp_path) -> None:
    """With Laplace, the squared distance of features is the margin's variance, and draws spread as it says."""
    scorer = scorer_of(tmp_path / "model", Laplace)
    found = chosen(scorer, pool, "disagreement")
    variance = (found.pool.differences**2).sum(1)
    z = (found.pool.members - found.pool.margins) / np.sqrt(variance)

    assert found.pool.precision == 1.0
    assert found.pool.members.shape == (selecting.DRAWS, 36)
    assert (z**2).mean() == pytest.approx(1, abs=0.35)


@pytest.mark.parametrize("architecture", [None, Gaussian])
def test_without_members_nobody_can_disagree(architecture, scalar, pool, tmp_path) -> None:
    """A single model, and one whose variance is the labels' noise, are refused before scoring; what fits is named."""
    scorer = Scorer.load(scalar) if architecture is None else scorer_of(tmp_path / "model", architecture)
    with pytest.raises(NothingToGoBy, match="has none: an ensemble has.*there are d_optimal, margin, random"):
        chosen(scorer, pool, "bald")


def test_what_cannot_be_scored_is_left_out_and_counted(scalar) -> None:
    """A pair with an empty response is no candidate."""
    records = [
        Preference(prompt="Hm?", responses=(Response(content="So."), Response(content=""))),
        Preference(prompt="Ha?", responses=(Response(content="So."), Response(content="No."))),
    ]
    found = select(Scorer.load(scalar), records, Asked(count=1, strategy="margin"))

    assert found.left_out == {selecting.REFUSED: 1}
    assert [one.prompt for one in found.chosen] == ["Ha?"]
    with pytest.raises(BadPool, match="2 comparisons cannot be chosen from a pool of 1"):
        select(Scorer.load(scalar), records, Asked(count=2, strategy="margin"))
    with pytest.raises(BadPool, match="none of 1 pairs can be scored; the first reason: "):
        select(Scorer.load(scalar), records[:1], Asked(count=1, strategy="margin"))


def test_labelled_pairs_are_left_out(scalar, pool) -> None:
    """What was compared elsewhere, whichever way it went, is not asked again."""
    known = [
        Preference(
            prompt=row["prompt"],
            responses=tuple(Response(content=entry["text"]) for entry in reversed(row["responses"][:2])),
            comparisons=(Comparison(chosen=0, rejected=1),),
        )
        for row in rows()
    ]
    found = select(Scorer.load(scalar), Data().read([str(pool)]), Asked(count=24, strategy="random"), labelled=known)

    assert found.left_out == {"labelled already": 12}
    assert len(found.pool) == 24


POOLS = {
    "texts": {"prompt": "Is it good?", "responses": ["Yes.", "No."], "id": "x"},
    "objects": {"prompt": "Is it good?", "responses": [{"text": "Yes.", "cut": True}, {"text": "No."}]},
    "sides": {"prompt": "Is it good?", "response_a": "No.", "response_b": "Yes."},
    "queue": {
        "prompt": "Is it good?",
        "responses": [{"text": "Yes."}, {"text": "No."}],
        "pairwise": [],
        "pair_order": [],
    },
    "labelled": {"prompt": "Is it good?", "chosen": "Yes.", "rejected": "No."},
    "ranked": {"prompt": "Is it good?", "responses": [{"text": "Yes.", "rank": 1}, {"text": "No.", "rank": 0}]},
}


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_that_can_be_annotated_can_be_selected_from(name, scalar, tmp_path, capsys) -> None:
    """Whatever `plaudit annotate --pairs` shows, `plaudit select` chooses among: the same two texts."""
    source, queue = tmp_path / "pool.jsonl", tmp_path / "queue.jsonl"
    source.write_text(json.dumps(POOLS[name]) + "\n", encoding="utf-8")
    [task] = read_tasks(str(source))
    ask = ["--data", str(source), "--count", "1", "--strategy", "random", "--output", str(queue), "--json"]
    assert call(str(scalar), *ask) == 0
    assert json.loads(capsys.readouterr().out)["pool"] == 1
    [queued] = read_tasks(str(queue))

    assert {one.content for one in queued.responses} == {one.content for one in task.responses} == {"Yes.", "No."}
    assert queued.prompt == task.prompt == "Is it good?"


def test_files_of_a_folder_are_read_each_in_its_own_way(tmp_path) -> None:
    """Unjudged responses and votes beside each other; what nobody asked for unjudged is refused as before."""
    for name in ("objects", "labelled"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(POOLS[name]) + "\n", encoding="utf-8")
    found = list(Data().read_pool([str(tmp_path)]))

    assert sorted(len(one.comparisons) for one in found) == [0, 1]
    assert len({one.group for one in found}) == 1
    with pytest.raises(BadSource, match="fit no format"):
        Data().read([str(tmp_path)])


def call(*arguments: str) -> int:
    return cli.main(["select", *arguments])


def test_the_verb_writes_a_queue_and_says_what_it_chose(scalar, pool, tmp_path, capsys) -> None:
    """Text or one object; the same seed writes the same file, and a file is not replaced unasked."""
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    ask = [str(scalar), "--data", str(pool), "--count", "8", "--strategy", "margin", "--output"]

    assert call(*ask, str(first), "--set", "selector.diversity=0.5") == 0
    assert "8 of 36 comparisons: 7 by margin, 1 at random" in capsys.readouterr().out
    assert call(*ask, str(second), "--set", "selector.diversity=0.5", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["arms"], told["pool"]) == ({"chosen": 7, "random": 1}, 36)
    assert [one["id"] for one in told["chosen"]] == [
        json.loads(line)["id"] for line in first.read_text(encoding="utf-8").splitlines()
    ]
    assert first.read_bytes() == second.read_bytes()
    assert call(*ask, str(first)) == 1
    assert "is there already" in capsys.readouterr().err
    assert call(*ask, str(first), "--overwrite", "--json") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "hardest"], "'hardest' is not one of the selectors; known: bald, d_optimal, disagreement"),
        (["--strategy", "bald"], "bald goes by members that can disagree"),
        (["--strategy", "margin", "--set", "selector.diversity=-1"], "diversity must be a finite number, 0 or more"),
        (["--set", "selector.divers=1"], "divers"),
        (["--random-share", "0"], "random_share must be above 0"),
        (["--count", "37"], "37 comparisons cannot be chosen from a pool of 36; ask for 1 to 36"),
        (["--output", "missing/queue.jsonl"], "there is no folder"),
        (["--data", "missing.jsonl"], "missing.jsonl"),
    ],
)
def test_the_verb_refuses_what_cannot_be(arguments, message, scalar, pool, tmp_path, capsys) -> None:
    """The message says what was wrong and what would be right; nothing is written."""
    output = tmp_path / "queue.jsonl"
    given = ["--data", str(pool), "--count", "5", "--output", str(output)]
    if arguments[0] in given:
        given[given.index(arguments[0]) + 1] = arguments[1]
        arguments = []
    assert call(str(scalar), *given, *arguments) == 1
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_queue_is_refused_where_a_file_is(tmp_path) -> None:
    """Before anything is scored."""
    with pytest.raises(Unsaved, match="there is no folder"):
        require_free(tmp_path / "nowhere" / "queue.jsonl", overwrite=True)
