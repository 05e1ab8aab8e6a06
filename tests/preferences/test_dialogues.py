"""Dialogues in one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.preferences.dialogues import common_prefix, is_dialogue, parse, render
from plaudit.preferences.preference import Message

TEXTS = st.text(alphabet="aé\n :Human", max_size=12).filter(lambda text: "\n\nHuman:" not in text)
TURNS = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXTS), min_size=1, max_size=6)


@given(TURNS)
def test_parse_inverts_render(turns: list[Message]) -> None:
    """Turns whose contents hold no label come back exactly."""
    assert parse(render(turns)) == tuple(turns)


@given(TURNS, st.text(max_size=5))
def test_render_inverts_parse(turns: list[Message], system: str) -> None:
    """A text with a space after every label comes back exactly, a system turn included."""
    text = render([Message("system", system), *turns])

    assert render(parse(text)) == text


def test_labels_without_a_space_are_read() -> None:
    """A label with nothing behind it is an empty turn."""
    assert parse("\n\nHuman:hi\n\nAssistant:") == (Message("user", "hi"), Message("assistant", ""))


def test_what_is_not_a_dialogue_is_refused() -> None:
    """A text must open with a label; a tool's turn has none."""
    assert not is_dialogue("Human: hi")
    with pytest.raises(ValueError, match="does not open"):
        parse("hi\n\nHuman: there")
    with pytest.raises(ValueError, match="'tool'"):
        render([Message("tool", "42")])


@given(TURNS, TURNS, TURNS)
def test_common_prefix_is_common_and_leaves_a_turn(shared: list[Message], one: list[Message], two: list[Message]) -> None:
    """The prefix is in both, and each keeps at least one turn."""
    chosen, rejected = shared + one, shared + two
    cut = common_prefix(chosen, rejected)

    assert chosen[:cut] == rejected[:cut]
    assert cut < min(len(chosen), len(rejected))


def test_common_prefix_ends_before_the_assistant() -> None:
    """Where the next differing turn is a human's, the assistant's shared turn before it belongs to the responses."""
    ask, tell, more, less = (Message(role, role[0] + str(i)) for i, role in enumerate(["user", "assistant", "user", "user"]))
    end = Message("assistant", "end")

    assert common_prefix([ask, tell, more, end], [ask, tell, less, end]) == 1
    assert common_prefix([ask, tell, more, end], [ask, tell]) == 1
    assert common_prefix([ask, tell], [ask, end]) == 1
