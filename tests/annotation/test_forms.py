"""Answers out of fields: whatever is sent becomes an answer or a refusal that names what is wrong."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.annotation.errors import BadAnswer
from plaudit.annotation.forms import Fields, answer_of
from plaudit.annotation.records import Answer

NAMES = st.sampled_from(
    [
        "assignment",
        "choice",
        "strength",
        "skip",
        "seconds",
        "reason",
        "rank.A",
        "rank.B",
        "objective.x",
        "span.A",
        "else",
    ]
) | st.text(max_size=8)
VALUES = st.sampled_from(["", "1", "A", "tie", "ranked", "1-3", "-1", "nan", "9" * 30, "é\r\n"]) | st.text(max_size=12)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
def test_anything_becomes_an_answer_or_a_refusal(pairs) -> None:
    """No form can do more than be refused in words; what comes out holds plain finite values."""
    fields = Fields([("assignment", "7"), *pairs])
    try:
        assignment, answer = answer_of(fields)
    except BadAnswer:
        with pytest.raises(BadAnswer, match="should|choose"):
            answer_of(fields)
        return
    assert assignment >= 0
    assert 0 <= answer.seconds < float("inf")
    assert answer.strength is None or answer.strength >= 0
    assert all(rank >= 0 for rank in answer.ranking.values())
    assert "\r\n" not in answer.reason


@given(
    st.builds(
        Answer,
        choice=st.sampled_from(["A", "B"]),
        strength=st.none() | st.integers(1, 9),
        objectives=st.dictionaries(st.text(min_size=1, max_size=5), st.sampled_from(["A", "B", "tie"]), max_size=3),
        spans=st.dictionaries(
            st.sampled_from("AB"), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=3).map(tuple)
        ),
        reason=st.text(max_size=30).map(lambda text: text.replace("\r", "")),
        seconds=st.floats(0, 1e6),
    )
)
def test_what_a_page_sends_is_what_was_meant(answer) -> None:
    """An answer written as the page writes it, sent through an encoded form, is read back as it was."""
    fields = [
        ("assignment", "3"),
        ("choice", answer.choice),
        ("reason", answer.reason),
        ("seconds", repr(answer.seconds)),
    ]
    fields += [("strength", str(answer.strength))] if answer.strength else []
    fields += [(f"objective.{name}", said) for name, said in answer.objectives.items()]
    for letter, spans in answer.spans.items():
        fields += [(f"span.{letter}", ""), *((f"span.{letter}", f"{start}-{end}") for start, end in spans)]
    sent = parse_qsl(urlencode(fields), keep_blank_values=True)

    assert answer_of(Fields(sent)) == (3, answer)


@pytest.mark.parametrize("assignment", ["", "x", "-1", "1.5", "１", "9" * 19])
def test_an_assignment_is_a_number(assignment) -> None:
    """Anything else is named."""
    with pytest.raises(BadAnswer, match="assignment"):
        answer_of(Fields([("assignment", assignment), ("choice", "A")]))
