"""Texts on the page: the same characters that were stored, so that stretches of them can be counted."""

from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from plaudit.annotation.pages.texts import exact, head, prompt, response
from plaudit.annotation.records import ShownResponse
from plaudit.preferences.preference import Message


@given(st.text())
def test_characters_stay_as_many_as_they_were(text) -> None:
    """A browser counts as many characters as Python does, carriage returns included."""
    shown = exact(text)

    assert "\r" not in shown
    assert len(unescape(shown.replace("&#13;", "R"))) == len(text)


@given(st.text(min_size=1), st.integers(1, 5))
def test_heads_are_short_and_on_one_line(text, times) -> None:
    """How a response begins fits on a line, whatever it holds."""
    short = head(text * times * 40)

    assert len(short) <= 90
    assert "\n" not in short


def test_only_single_turns_can_be_marked() -> None:
    """Stretches are counted in one text; of several turns none says which."""
    one = response(ShownResponse("A", (Message("assistant", "x"),)))
    two = response(ShownResponse("B", (Message("assistant", "x"), Message("user", "y"))))

    assert 'data-letter="A"' in one
    assert "data-letter" not in two
    assert "Assistant" in two


def test_nothing_is_said_of_a_prompt_that_is_not_there() -> None:
    """Without a prompt there is no heading; an empty response is said to be one."""
    assert prompt("") == prompt(()) == ""
    assert "This response is empty" in response(ShownResponse("A", ""))
