"""Pairs that could be labelled: each once, and nothing about them tells who won."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.labels.candidates import EQUAL, LABELLED, OVER, TWICE, candidates
from plaudit.labels.pool import BadPool
from plaudit.preferences.preference import Comparison, Message, Preference, Response


def record(prompt: str, texts: str, *edges: tuple[int, int], ratings: bool = False) -> Preference:
    """A record whose responses are the letters of ``texts``, comparing the pairs in ``edges``."""
    rated = {"rating": 1.0} if ratings else {}
    return Preference(
        prompt=prompt,
        responses=tuple(Response(content=text, ratings=rated, extra={"model": text}) for text in texts),
        comparisons=tuple(Comparison(chosen=chosen, rejected=rejected) for chosen, rejected in edges),
        group=f"prompt:{prompt}",
    )


def texts(*records: Preference, **how) -> set[tuple[str, frozenset]]:
    found = candidates(records, **how).found
    return {(one.prompt, frozenset(str(side.content) for side in one.sides)) for one in found}


def test_compared_pairs_where_records_compare_and_all_where_not() -> None:
    """``auto`` takes what a record compares, or every two responses of one that compares nothing."""
    compared, bare = record("q", "abc", (0, 1), (1, 0), (2, 1)), record("p", "xyz")
    of_q, of_p = {("q", frozenset("ab")), ("q", frozenset("bc"))}, {("p", frozenset(two)) for two in ("xy", "xz", "yz")}

    assert texts(compared, bare) == of_q | of_p
    assert texts(compared, bare, which="compared") == of_q
    assert texts(compared, bare, which="all") == of_q | of_p | {("q", frozenset("ac"))}


@given(st.booleans(), st.sampled_from(["ab", "q!", "zz top"]))
def test_nothing_tells_who_won(swapped: bool, prompt: str) -> None:
    """Whichever response is listed first or chosen, the candidate is the same, sides and id included."""
    one = record(prompt, "xy", (0, 1), ratings=True)
    other = record(prompt, "yx" if swapped else "xy", (1, 0))
    first, second = (candidates([each]).found[0] for each in (one, other))

    assert (first.id, first.sides) == (second.id, second.sides)
    assert all(not side.ratings and not side.extra for side in first.sides)


def test_pairs_are_found_once_and_what_is_left_out_is_counted() -> None:
    """Equal responses, pairs of two records, pairs labelled already, and what is over the limit."""
    records = [record("q", "aab", (0, 1), (0, 2), (1, 2)), record("q", "ba", (0, 1)), record("p", "wxyz")]
    found = candidates(records, labelled=[record("p", "xw", (0, 1))], limit=4)

    assert found.left_out == {EQUAL: 1, TWICE: 2, LABELLED: 1, OVER: 2}
    assert len(found.found) == 4


def test_the_draw_under_a_limit_does_not_hang_on_the_order() -> None:
    """The same candidates are kept whatever order records come in; another seed keeps others."""
    records = [record(f"q{number}", "ab") for number in range(30)]
    mixed = random.Random(0).sample(records, 30)
    kept = texts(*records, limit=10)

    assert kept == texts(*mixed, limit=10) != texts(*records, limit=10, seed=1)
    assert len(kept) == 10


def test_single_responses_are_dealt_into_blocks() -> None:
    """Seven texts without a prompt, by threes: two blocks of three pairs each; one text is left alone."""
    found = candidates([record("", letter) for letter in "abcdefg"], block=3).found

    assert len(found) == 6
    assert all(one.prompt == "" for one in found)
    assert len({side.content for one in found for side in one.sides}) == 6


def test_conversations_are_told_from_texts() -> None:
    """Turns are content too, and their pair is not that of the plain texts."""
    turns = Preference(
        prompt=(Message("user", "q"),),
        responses=tuple(Response(content=(Message("assistant", text),)) for text in "ab"),
    )
    assert candidates([turns]).found[0].id != candidates([record("q", "ab")]).found[0].id


@pytest.mark.parametrize(
    ("records", "how", "message"),
    [
        ([], {}, "there are no two responses to compare; left out: none"),
        ([record("q", "aa")], {}, "left out: 1 × equal responses"),
        ([record("q", "ab")], {"which": "both"}, "which 'both', block 8, limit 0: should be auto, compared or all"),
        ([record("q", "ab")], {"block": 1}, "block 1"),
        ([record("q", "ab")], {"limit": -1}, "limit -1"),
    ],
)
def test_nothing_to_compare_is_refused(records, how, message) -> None:
    """The message says what was left out, or which setting makes no sense."""
    with pytest.raises(BadPool, match=message):
        candidates(records, **how)
