"""What is cut when a prompt is too long: a pure function, tried with words for tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.encoding.truncation import ResponseTooLong, shorten
from plaudit.preferences.preference import Content, Message

RESPONSE = 4


def words(content: Content) -> int:
    """Count words: one token each, and one for each turn's header."""
    if isinstance(content, str):
        return len(content.split())
    return sum(1 + len(turn.content.split()) for turn in content)


def starts(text: str) -> list[int]:
    """Return where each word begins."""
    return [place for place in range(len(text)) if text[place] != " " and (place == 0 or text[place - 1] == " ")]


def cut(prompt: Content, limit: int) -> Content:
    """Shorten ``prompt`` beside a response of RESPONSE tokens."""
    return shorten(prompt, limit, lambda content: words(content) + RESPONSE, starts)


SYSTEM, FIRST, ANSWER, LAST = (
    Message("system", "be kind"),
    Message("user", "one two three"),
    Message("assistant", "four five"),
    Message("user", "six seven eight"),
)
PROMPT = (SYSTEM, FIRST, ANSWER, LAST)


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (17, (SYSTEM, ANSWER, LAST)),
        (14, (SYSTEM, ANSWER, LAST)),
        (13, (SYSTEM, LAST)),
        (11, (SYSTEM, LAST)),
        (10, (LAST,)),
        (8, (LAST,)),
        (7, (Message("user", "seven eight"),)),
        (6, (Message("user", "eight"),)),
        (5, (Message("user", ""),)),
        (4, ()),
    ],
)
def test_the_oldest_turns_go_first_then_the_system_then_words(limit: int, left: Content) -> None:
    """Turns go from the oldest on, the system turn after them, then the last turn's first words, then that turn."""
    assert cut(PROMPT, limit) == left


def test_plain_text_loses_its_beginning() -> None:
    """A text without turns is cut from its beginning."""
    assert cut("one two three four", 6) == "three four"
    assert cut("one two three four", 4) == ""


def test_a_response_that_cannot_fit_is_refused_with_numbers() -> None:
    """The response is never cut: alone too long, it is an error that says how long and what the bound is."""
    with pytest.raises(ResponseTooLong, match="needs 4 tokens without its prompt, and a sequence has at most 3"):
        cut(PROMPT, 3)


def test_only_allowed_beginnings_are_tried() -> None:
    """Where a conversation must begin with a user turn, an answer is dropped with its question."""
    left = shorten(PROMPT, 14, lambda content: words(content) + RESPONSE, starts, lambda turns: turns[-1:] == turns[1:])

    assert left == (SYSTEM, LAST)


contents = st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=6).map(" ".join)
prompts = st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), contents), max_size=6)


@given(st.one_of(contents, prompts.map(tuple)), st.integers(RESPONSE, 40))
def test_what_is_left_fits_and_is_the_end_of_the_prompt(prompt: Content, limit: int) -> None:
    """The rest fits, and its last turn is the end of the prompt's last turn."""
    left = cut(prompt, limit)

    assert words(left) + RESPONSE <= limit
    if left:
        assert (prompt if isinstance(prompt, str) else prompt[-1].content).endswith(
            left if isinstance(left, str) else left[-1].content
        )
    if not isinstance(prompt, str) and len(left) > 1:
        assert left in (prompt[-len(left) :], (prompt[0], *prompt[len(prompt) - len(left) + 1 :]))


@given(prompts.map(tuple), st.integers(RESPONSE, 40))
def test_no_turn_is_dropped_needlessly(prompt: Content, limit: int) -> None:
    """One more turn would not have fitted."""
    left = cut(prompt, limit)
    more = prompt[-len(left) - 1 :]
    if left and len(left) < len(prompt) and left == prompt[-len(left) :]:
        assert words(more) + RESPONSE > limit
