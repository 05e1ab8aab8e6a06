"""Splits: nothing of a group in two parts, and nothing lost uncounted."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign, units
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.split import split

HALVES = {"one": 0.5, "two": 0.5}


def _prompted(prompts: list[int]) -> Preferences:
    edge = Comparison(chosen=0, rejected=1)
    responses = (Response(content="a"), Response(content="b"))
    return Preferences.of(
        Preference(prompt=f"number {at}", responses=responses, comparisons=(edge,), id=str(i))
        for i, at in enumerate(prompts)
    )


def _bare(records: list[list[int]]) -> Preferences:
    return Preferences.of(
        Preference(
            prompt="",
            responses=tuple(Response(content=f"text {at}", id=str(at)) for at in members),
            comparisons=tuple(
                Comparison(chosen=i, rejected=j) for i, j in itertools.combinations(range(len(members)), 2)
            ),
            id=str(number),
        )
        for number, members in enumerate(records)
    )


@given(st.lists(st.integers(0, 9), min_size=30, max_size=60), st.integers(0, 5))
def test_no_prompt_in_two_parts(prompts: list[int], seed: int) -> None:
    """Every record is in one part, and all records of a prompt in the same."""
    assume(len(set(prompts)) > 5)
    parts = split(_prompted(prompts), HALVES, seed)
    seen = [{record.prompt for record in part} for part in parts.values()]

    assert not seen[0] & seen[1]
    assert sorted(int(record.id) for part in parts.values() for record in part) == list(range(len(prompts)))


RECORDS = st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=5, unique=True), min_size=6, max_size=20)


@given(RECORDS, st.integers(0, 5))
def test_no_response_in_two_parts(records: list[list[int]], seed: int) -> None:
    """Without prompts no response is in two parts, comparisons stay with their texts, and each is kept or counted."""
    whole = _bare(records)
    assume(len({at for members in records for at in members}) > 7)
    parts = split(whole, HALVES, seed)
    seen = [{response.id for record in part for response in record.responses} for part in parts.values()]
    kept = sum(len(record.comparisons) for part in parts.values() for record in part)
    lost = sum(part.drops["comparison across parts"] for part in parts.values())

    assert not seen[0] & seen[1]
    assert kept + lost == sum(len(record.comparisons) for record in whole)
    pairs = {(a.content, b.content) for members in whole for a, b in itertools.combinations(members.responses, 2)}
    for record in itertools.chain(*parts.values()):
        for edge in record.comparisons:
            assert (record.responses[edge.chosen].content, record.responses[edge.rejected].content) in pairs


def test_shares_are_kept() -> None:
    """Of many groups the parts get about their shares of the records."""
    parts = split(_prompted(list(range(1000))), {"train": 0.8, "validation": 0.15, "test": 0.05}, seed=3)

    assert [abs(len(part) - size) <= 1 for part, size in zip(parts.values(), (800, 150, 50), strict=True)] == [True] * 3


def test_the_seed_decides_and_the_order_does_not() -> None:
    """The same seed gives the same parts, also of the records in another order; another seed gives others."""
    whole = assign(_prompted(list(range(60))))
    order = np.random.default_rng(0).permutation(60)

    def ids(preferences: Preferences, seed: int) -> list[set[str]]:
        return [{record.id for record in part} for part in split(preferences, HALVES, seed).values()]

    assert ids(whole, 1) == ids(whole, 1) == ids(whole.select(order), 1)
    assert ids(whole, 1) != ids(whole, 2)


def test_pieces_keep_weight_and_have_groups() -> None:
    """A record that was cut counts in each part as much as before."""
    whole = Preferences.of(_bare([[at, at + 1, at + 2, at + 3] for at in range(0, 40, 2)]), weight=3)
    for part in split(whole, HALVES, seed=1).values():
        assert set(part.weights) == {3}
        assert {edge.weight for record in part for edge in record.comparisons} == {3}
        assert len(part.groups) == len(part)
        assert len({record.id for record in part}) == len(part)
        assert len(units(part).offsets) == len(part) + 1


def test_bad_fractions_are_refused() -> None:
    """Fractions are above 0 and sum to 1, and each part needs a group."""
    whole = _prompted([1, 2])
    for fractions in ({}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": 1.0, "b": 0.0}):
        with pytest.raises(ValueError, match="sum to 1"):
            split(whole, fractions)
    with pytest.raises(ValueError, match=r"'b' .* gets none of 2 groups"):
        split(whole, {"a": 0.99, "b": 0.01})
