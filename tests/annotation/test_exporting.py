"""Votes in every format: what was said is found again when plaudit reads what it wrote."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plaudit import members
from plaudit.annotation.exporting import export, votes
from plaudit.annotation.records import TIE, Given, Task
from plaudit.labels.votes import Votes
from plaudit.preferences.preference import Response
from plaudit.preferences.reading import read
from plaudit.preferences.spans import marked_spans
from tests.annotation.campaigns import task

FORMATS = members.names("formats")


def given(key: str, annotator: str, chosen: int | None, **fields: Any) -> Given:
    shown = fields.pop("shown", (0, 1))
    letter = "skip" if chosen is None else "tie" if chosen == TIE else "AB"[shown.index(chosen)]
    plain: dict[str, Any] = {
        "assignment": len(key) * 1000 + sum(map(ord, key + annotator)), "task": key, "role": "real",
        "annotator": annotator, "choice": letter, "chosen": chosen, "expected": None, "shown": shown,
        "strength": None, "ranking": None, "objectives": {}, "spans": None, "reason": "", "seconds": 4.5,
        "guidelines_version": 2, "late": False, "practice_round": 0, "created": 1e9,
    }  # fmt: skip
    return Given(**plain | fields)


TASKS = [
    task("k1", source="made", extra={"topic": "tea"}),
    task("k2"),
    Task(key="k3", prompt="p", responses=tuple(Response(content=one) for one in ("one", "two", "three"))),
    task("unseen"),
    task("g1", role="gold", expected=0),
]
ANSWERS = [
    given("k1", "ann", 0, strength=2, reason="Plain — \U0001f600", spans=((), ((2, 6),)), objectives={"wit": 1}),
    given("k1", "bob", 1, shown=(1, 0)),
    given("k1", "cyd", TIE, choice="both_bad", late=True),
    given("k2", "ann", TIE),
    given("k2", "bob", None),
    given("k3", "ann", 2, shown=(2, 0, 1), choice="ranked", ranking=(1, 1, 0)),
    given("g1", "ann", 0, role="gold", expected=0),
]


def _written(tmp_path: Path, form: str) -> list[dict[str, Any]]:
    rows = list(export(TASKS, ANSWERS, form).rows())
    (tmp_path / f"{form}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_read_again(tmp_path: Path, form: str) -> None:
    """What is written in each format is told from its columns, and has every task that was answered."""
    rows = _written(tmp_path, form)
    found = read(tmp_path / f"{form}.jsonl")

    assert rows
    assert sum(len(one.responses) for one in found) >= 4
    assert all(isinstance(json.dumps(row), str) for row in rows)


def test_annotations_say_what_was_on_the_screen(tmp_path: Path) -> None:
    """Side A is what stood first, whoever it was; reason, seconds and guidelines stand beside the label."""
    rows = [row for row in _written(tmp_path, "annotations") if row["item_id"] == "k1"]

    assert [(row["annotator"], row["label"], row["response_a"], row.get("objective")) for row in rows] == [
        ("ann", "A", "a good one", None),
        ("ann", "B", "a good one", "wit"),
        ("bob", "A", "a poor one", None),
        ("cyd", "tie", "a good one", None),
    ]
    assert rows[0]["reason"] == "Plain — \U0001f600"
    assert (rows[0]["strength"], rows[0]["seconds"], rows[0]["guidelines_version"]) == (2.0, 4.5, 2)
    assert (rows[3]["raw_winner"], rows[3]["late"]) == ("tie (both bad)", True)
    assert rows[0]["spans"] == [[], [[2, 6]]]


def test_votes_come_back_as_they_were_given(tmp_path: Path) -> None:
    """Reading the written votes gives the same labels, sides and times as the votes in memory."""
    _written(tmp_path, "annotations")
    there = Votes.of(read(tmp_path / "annotations.jsonl"))
    here = Votes.of(export(TASKS, ANSWERS, "annotations").preferences)

    assert Counter(zip(there.label.tolist(), there.swapped.tolist(), strict=True)) == Counter(
        zip(here.label.tolist(), here.swapped.tolist(), strict=True)
    )
    assert there.annotators == here.annotators == ("ann", "bob", "cyd")
    assert set(there.time.tolist()) == {1e9}


def test_rankings_carry_marked_spans(tmp_path: Path) -> None:
    """Spans come back from the file where training on spans looks for them; unmarked responses are not judged."""
    _written(tmp_path, "rankings")
    found = {one.extra["annotator"] + one.extra["task"]: one for one in read(tmp_path / "rankings.jsonl")}

    assert [marked_spans(one) for one in found["annk1"].responses] == [(), ((2, 6),)]
    assert [marked_spans(one) for one in found["bobk1"].responses] == [None, None]
    edges = {(e.chosen, e.rejected, e.tie) for e in found["annk3"].comparisons}
    assert edges == {(0, 1, True), (2, 0, False), (2, 1, False)}


def test_pairs_leave_out_ties_and_say_so() -> None:
    """TRL has no field for ties: they are counted; a ranking becomes its strict pairs."""
    done = export(TASKS, ANSWERS, "trl")
    rows = list(done.rows())

    assert Counter((row["chosen"], row["rejected"]) for row in rows) == {
        ("a good one", "a poor one"): 1, ("a poor one", "a good one"): 1, ("three", "one"): 1, ("three", "two"): 1,
    }  # fmt: skip
    assert next(row for row in rows if row["annotator"] == "ann")["margin"] == 2.0
    assert done.left_out == {"skipped": 1, "gold tasks": 1, "ties": 3, "votes on objectives": 1}


def test_ratings_are_shares_of_wins() -> None:
    """One win, one loss and a tie are one half; a ranking counts its pairs."""
    rows = {row["id"]: row for row in export(TASKS, ANSWERS, "ratings").rows()}

    assert [one["ratings"]["win_share"] for one in rows["k1"]["responses"]] == [0.5, 0.5]
    assert [one["ratings"]["win_share"] for one in rows["k3"]["responses"]] == [0.25, 0.25, 1.0]


def test_late_answers_can_be_left_out() -> None:
    """What came after closing is taken, or counted as left out."""
    done = export(TASKS, ANSWERS, late=False)

    assert done.left_out["after closing"] == 1
    assert "cyd" not in {edge.annotator for one in done.preferences for edge in one.comparisons}


def test_unknown_formats_are_named() -> None:
    """A format that does not exist is refused with the list of those that do."""
    with pytest.raises(members.UnknownKind, match="annotations"):
        export(TASKS, ANSWERS, "cuneiform")


def test_nothing_answered_is_nothing_exported() -> None:
    """Without answers there are no records, in any format."""
    assert list(votes(TASKS, [])) == []
    assert all(export(TASKS, [], form).preferences == [] for form in FORMATS)


def test_notes_of_formats_are_not_carried_over() -> None:
    """A task made from a written record does not take the format's own notes along."""
    noted = [replace(TASKS[1], extra={"plaudit:implicit prompt": True, "kept": 1})]

    assert next(votes(noted, ANSWERS)).extra == {"kept": 1}
