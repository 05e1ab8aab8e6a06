"""Span feedback is read as the source gave it, and what cannot be is refused by its field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.preferences.preference import Message, Response
from plaudit.preferences.spans import BadSpans, marked_spans, words_of


def response(errors: Any, content: Any = "twelve chars") -> Response:
    return Response(content=content, extra={"feedback": {"errors": errors, "missing-info": []}})


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)).filter(lambda ends: ends[0] < ends[1])))
def test_ranges_within_the_text_are_kept(ends: list[tuple[int, int]]) -> None:
    """In the order given, whether the text stands alone or as the one turn of a conversation."""
    errors = [{"start": start, "end": end, "error type": "Irrelevant"} for start, end in ends]
    turn = (Message("assistant", "twelve chars"),)

    assert marked_spans(response(errors)) == tuple(ends)
    assert marked_spans(response(errors, turn)) == tuple(ends)
    assert words_of(response(errors, turn)) == "twelve chars"


@pytest.mark.parametrize("extra", [{}, {"feedback": "good"}, {"feedback": {}}, {"feedback": {"errors": None}}])
def test_without_errors_nobody_judged(extra: dict[str, Any]) -> None:
    """That is not the same as an empty list, which says that nothing is wrong."""
    assert marked_spans(Response(content="x", extra=extra)) is None
    assert marked_spans(response([])) == ()


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ("none", r"feedback\.errors is 'none'; it should be a list"),
        ([[0, 3]], r"feedback\.errors\[0\] is \[0, 3\]; it should have whole numbers"),
        ([{"start": 0, "end": 3}, {"start": 0}], r"feedback\.errors\[1\] is .* whole numbers 'start' and 'end'"),
        ([{"start": 0.0, "end": 3}], "whole numbers"),
        ([{"start": False, "end": 3}], "whole numbers"),
        ([{"start": 3, "end": 13}], r"errors\[0\] runs from 3 to 13; .* has 12 characters"),
        ([{"start": -1, "end": 3}], "runs from -1 to 3"),
        ([{"start": 3, "end": 3}], "runs from 3 to 3; .* ends after it starts"),
    ],
)
def test_what_cannot_be_is_refused(errors: Any, message: str) -> None:
    """The message names the field, what stood there, and what it may be."""
    with pytest.raises(BadSpans, match=message):
        marked_spans(response(errors))


def test_a_response_of_several_turns_has_no_one_text() -> None:
    """Its characters cannot be counted; without feedback nobody asks."""
    turns = (Message("assistant", "one"), Message("user", "two"), Message("assistant", "three"))
    with pytest.raises(BadSpans, match="counts the characters of one text, and the response has 3"):
        marked_spans(response([], turns))
    assert marked_spans(Response(content=turns)) is None
