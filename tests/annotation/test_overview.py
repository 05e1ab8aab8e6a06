"""What the owner sees: figures that are those of the answers, and the most divided comparisons first."""

import pytest

from plaudit.annotation.overview import overview
from plaudit.annotation.records import Answer
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from plaudit.pages.blocks import Cell, Figures, Passages, Table
from tests.annotation.campaigns import GOOD, POOR, letter_of, pairs, shown, task


def block(sections, anchor: str, kind: type):
    """The first block of a kind in a section."""
    section = next(one for one in sections if one.anchor == anchor)
    return next(one for one in section.blocks if isinstance(one, kind))


def words(cell: Cell | str) -> str:
    return cell if isinstance(cell, str) else cell.text


@pytest.fixture
def store(tmp_path):
    """Four annotators; t0 divided two to two, t1 three to one, t2 agreed on, a gold question one of four gets wrong."""
    settings = Settings(overlap_share=1, overlap=4, extra_votes=0, gold_rate=0.5, check_rate=0)
    opened = Store(tmp_path / "c.db", settings)
    opened.add_tasks([*pairs(3), task("g", role="gold", expected=0)])
    said = {"t0": (GOOD, POOR, GOOD, POOR), "t1": (GOOD, GOOD, POOR, GOOD), "g": (GOOD, GOOD, GOOD, POOR)}
    for at, name in enumerate(("ann", "bob", "cat", "dan")):
        annotator = opened.add_annotator(name).id
        for _ in range(4):
            view = shown(opened, annotator)
            key = view.prompt.removeprefix("prompt of ")
            wanted = said.get(key, (GOOD,) * 4)[at]
            opened.answer(
                annotator, view.assignment, Answer(choice=letter_of(view, wanted), reason=f"{key} {at}", seconds=2)
            )
    yield opened
    opened.close()


def test_progress_and_overlap_count_answers(store) -> None:
    """Twelve answers to three comparisons, four each; gold is not counted among them."""
    sections = overview(store)
    figures = {one.label: one.value for one in block(sections, "progress", Figures).figures}
    overlap = [[words(cell) for cell in row] for row in block(sections, "overlap", Table).rows]

    assert (figures["Answers"], figures["Comparisons finished"], figures["Annotators"]) == ("12", "3", "4")
    assert overlap == [["4", "3"]]


def test_agreement_is_that_of_the_votes(store) -> None:
    """Pairs that agree: 2 of 6, 3 of 6 and 6 of 6, so 11 of 18."""
    rows = {words(row[0]): row[1] for row in block(overview(store), "agreement", Table).rows}

    assert rows["percent agreement"].order == pytest.approx(11 / 18)


def test_annotators_and_known_answers(store) -> None:
    """Who answered the gold question rightly, and how often it was."""
    sections = overview(store)
    people = {words(row[0]): [words(cell) for cell in row[1:]] for row in block(sections, "annotators", Table).rows}
    known = [words(cell) for cell in block(sections, "known", Table).rows[0]]

    assert people["ann"][0] == "3"
    assert people["ann"][2].startswith("100% of 1")
    assert people["dan"][2].startswith("0% of 1")
    assert known[:2] == ["g", "gold"]
    assert known[2].startswith("75% of 4")


def test_the_most_divided_comparison_comes_first(store) -> None:
    """What all agree on is not in the list; each answer stands there with its name and its reason."""
    passages = block(overview(store), "disagreements", Passages).passages

    assert [one.labels["comparison"] for one in passages] == ["t0", "t1"]
    assert passages[1].facts[2] == ("cat", "Response 2 is better (t1 2)")


def test_a_campaign_without_answers_has_a_page(tmp_path) -> None:
    """Every section says that there is nothing yet."""
    with Store(tmp_path / "c.db") as store:
        store.add_tasks(pairs(1))
        sections = overview(store)

    assert [one.anchor for one in sections] == [
        *("progress", "overlap", "agreement", "annotators", "known", "disagreements"),
    ]
