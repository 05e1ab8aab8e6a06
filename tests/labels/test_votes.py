"""Votes are oriented by text alone, keep what was said, and say what was left out."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.labels.votes import AGAIN, SWAPPED, UNNAMED, NoVotes, Votes
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.formats.annotations import Annotations
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.rows import Row


def vote(chosen: int, by: str = "ann", **more: Any) -> Comparison:
    return Comparison(chosen=chosen, rejected=1 - chosen, annotator=by, **more)


def record(*edges: Comparison, texts: tuple[str, ...] = ("Hello!", "What?"), **more: Any) -> Preference:
    return Preference(
        prompt="Hi.", responses=tuple(Response(content=text) for text in texts), comparisons=edges, **more
    )


def preferred(preferences: list[Preference], votes: Votes) -> list[str]:
    """Return the text that each vote is for, read back through the items."""
    found = []
    for item, label in zip(votes.item, votes.label, strict=True):
        where = votes.items.first if label > 0 else votes.items.second
        found.append(str(preferences[votes.items.record[item]].responses[where[item]].content))
    return found


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abc")), min_size=1, max_size=8), st.booleans())
def test_a_vote_says_the_same_however_the_record_is_turned(said: list[tuple[int, str]], turned: bool) -> None:
    """Turning the two responses of a record round changes neither labels nor items' texts, but every side."""
    plain = record(*(vote(chosen, by) for chosen, by in said))
    other = record(*(vote(1 - chosen, by) for chosen, by in said), texts=("What?", "Hello!"))

    one, two = Votes.of([plain]), Votes.of([other])

    assert one.label.tolist() == two.label.tolist()
    assert preferred([plain], one) == preferred([other], two) == [("Hello!", "What?")[chosen] for chosen, _ in said]
    assert (one.swapped + two.swapped == 1).all()
    assert (one.left() == -two.left()).all()


def test_the_side_is_that_on_which_the_annotator_saw_it() -> None:
    """A row that shows the responses the other way round has the other side, though it votes for the same text."""
    row = {"item_id": "1", "prompt": "Hi.", "response_a": "Hello!", "response_b": "What?", "annotator": "ann"}
    other = row | {"response_a": "What?", "response_b": "Hello!", "annotator": "bob"}
    rows = [Row(one, "file", at) for at, one in enumerate([row | {"label": "A"}, other | {"label": "B"}])]

    votes = Votes.of(Annotations().read(rows))

    assert votes.label.tolist() in ([1, 1], [-1, -1])
    assert votes.left().tolist() == [1, -1]


def test_sides_are_unknown_where_nothing_tells_them() -> None:
    """Sorted records, and records of three, have sides only where a vote states it."""
    pair, three = record(vote(0)), record(vote(0), texts=("a", "b", "c"))
    stated = record(vote(0, extra={SWAPPED: False}), texts=("a", "b", "c"))

    assert Votes.of([pair], sides=False).swapped.tolist() == [-1]
    assert Votes.of([three]).swapped.tolist() == [-1]
    assert Votes.of([three]).left().tolist() == [0]
    assert Votes.of([stated]).left().tolist() == [1]


def test_everything_that_was_said_is_kept() -> None:
    """Ties, strengths, times, objectives and lengths arrive; unnamed votes are counted."""
    edges = (
        vote(0, strength=2.0, extra={"created": 12.5}),
        vote(1, "bob", tie=True, extra={"created": "1970-01-01T00:01:00+00:00"}),
        vote(1, "bob", objective="brevity", extra={"created": "yesterday"}),
        vote(0, ""),
    )
    votes = Votes.of(Preferences.of([record(*edges)]))

    assert votes.annotators == ("ann", "bob")
    assert [abs(one) for one in votes.label.tolist()] == [1, 0, 1]
    assert votes.strength[0] == 2 and np.isnan(votes.strength[1:]).all()
    assert votes.time[:2].tolist() == [12.5, 60.0] and math.isnan(votes.time[2])
    assert votes.items.objective == ("", "brevity") and votes.item.tolist() == [0, 0, 1]
    assert sorted(votes.items.characters[0].tolist()) == [5, 6]
    assert votes.left_out == {UNNAMED: 1}


def test_items_of_one_prompt_or_group_are_drawn_together() -> None:
    """The unit of resampling is the group, else the prompt, else the record."""
    records = [record(vote(0)), record(vote(0)), record(vote(0), group="x"), record(vote(0), group="x")]
    alone = [replace(record(vote(0)), prompt="") for _ in range(2)]

    assert Votes.of([*records, *alone]).items.group.tolist() == [0, 0, 1, 1, 2, 3]


def test_selecting_keeps_only_what_has_votes() -> None:
    """Items and annotators without a vote go; what is left still points at the same responses."""
    votes = Votes.from_arrays([0, 0, 1, 2], ["a", "b", "b", "c"], [1, -1, 0, 1], time=[1, 2, 3, 4])

    assert votes.by("b").annotators == ("b",)
    assert votes.by("b").items.record.tolist() == [0, 1]
    assert votes.without("b").items.record.tolist() == [0, 2]
    assert votes.between(2, 4).label.tolist() == [-1, 0]
    assert votes.shared().label.tolist() == [1, -1]
    assert votes.on([1, 2]).label.tolist() == [0, 1]
    assert votes.on(np.array([True, False, False])).label.tolist() == [1, -1]


def test_a_second_vote_of_the_same_annotator_is_set_aside_and_counted() -> None:
    """`once` keeps the first; the item is not shared by one person's two votes."""
    votes = Votes.from_arrays([0, 0, 1], ["a", "a", "b"], [1, -1, 0])

    assert votes.once().label.tolist() == [1, 0]
    assert votes.once().left_out == {AGAIN: 1}
    assert len(votes.shared()) == 0


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"label": [2]}, "label must be 1, 0 or -1; there is also 2"),
        ({"swapped": [3]}, "swapped must be"),
        ({"item": [-1]}, "some numbers are negative"),
        ({"label": [1, 1]}, "one length"),
        ({"strength": [-0.5]}, "strengths must be 0 or more"),
    ],
)
def test_arrays_that_are_no_votes_are_refused(wrong: dict[str, Any], complaint: str) -> None:
    """The message says which array and what it should hold."""
    with pytest.raises(ValueError, match=complaint):
        Votes.from_arrays(**({"item": [0], "annotator": ["a"], "label": [1]} | wrong))


def test_no_votes_and_unknown_annotators_are_refused() -> None:
    """Data without names have no votes; a name nobody has is answered with those there are."""
    with pytest.raises(NoVotes, match="no comparison has an annotator's name .1 have none."):
        Votes.of([record(vote(0, ""))])
    with pytest.raises(NoVotes, match="no vote is by 'zoe'; the annotators are a"):
        Votes.from_arrays([0], ["a"], [1]).by("zoe")
