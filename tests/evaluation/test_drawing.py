"""What an experiment looks at: bounded, spread over groups, the same in any order."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.evaluation.drawing import as_preferences, draw
from plaudit.preferences.preference import Comparison, Preference, Response


def preference(prompt: str, texts: list[str], edges: list[tuple[int, int]], group: str = "") -> Preference:
    comparisons = tuple(Comparison(chosen=chosen, rejected=rejected) for chosen, rejected in edges)
    return Preference(
        prompt=prompt, responses=tuple(Response(content=text) for text in texts), comparisons=comparisons, group=group
    )


@st.composite
def records(draw_from: st.DrawFn) -> list[Preference]:
    """Records with and without prompts, several responses and comparisons each, some of one group."""
    made = []
    for _ in range(draw_from(st.integers(0, 12))):
        texts = draw_from(st.lists(st.text("abc", max_size=2), min_size=2, max_size=4))
        place = st.integers(0, len(texts) - 1)
        edges = draw_from(st.lists(st.tuples(place, place), max_size=4))
        made.append(preference(draw_from(st.sampled_from(["", "p", "q", "r"])), texts, edges))
    return made


@settings(max_examples=30, deadline=None)
@given(made=records(), data=st.data(), limit=st.integers(1, 9), seed=st.integers(0, 3))
def test_a_draw_is_the_same_in_any_order_and_again(
    made: list[Preference], data: st.DataObject, limit: int, seed: int
) -> None:
    """Order and repetition of records do not matter, and drawing from what was drawn gives it again."""
    drawn = draw(made, limit, seed)
    assert draw(data.draw(st.permutations(made)), limit, seed) == drawn
    assert draw([*made, *made], limit, seed) == drawn
    assert draw(as_preferences(drawn), limit, seed) == drawn
    assert len(drawn) <= limit
    assert all(pair.chosen != pair.rejected for pair in drawn)
    bare = Counter(side for pair in drawn if not pair.prompt for side in (pair.chosen, pair.rejected))
    assert not bare or max(bare.values()) == 1


def test_groups_take_turns() -> None:
    """Where there are more pairs than are wanted, no group gives a second one before each has given one."""
    made = [preference("big", [f"b{n}" for n in range(9)], [(0, n) for n in range(1, 9)])]
    made += [preference(f"small {n}", ["x", "y"], [(0, 1)]) for n in range(5)]
    assert Counter(Counter(pair.group for pair in draw(made, 6)).values()) == {1: 6}
    assert len(draw(made, 8)) == 8
    grouped = [replace(one, group="g") for one in made]
    assert {pair.group for pair in draw(grouped, 20)} == {"g"}


def test_ties_and_weightless_comparisons_are_left_out() -> None:
    """Only what somebody preferred is drawn."""
    responses = (Response(content="a"), Response(content="b"))
    for edge in (Comparison(chosen=0, rejected=1, tie=True), Comparison(chosen=0, rejected=1, weight=0.0)):
        assert draw([Preference(prompt="p", responses=responses, comparisons=(edge,))], 5) == ()


def test_another_seed_draws_others() -> None:
    """The seed decides which pairs, the same one always the same."""
    made = [preference(f"p{n}", ["x", "y"], [(0, 1)]) for n in range(50)]
    first, second = ({pair.prompt for pair in draw(made, 10, seed)} for seed in (0, 1))
    assert first != second
    with pytest.raises(ValueError, match="at least one pair"):
        draw(made, 0)
