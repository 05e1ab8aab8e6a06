"""The table of turns and the chat template written from it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import TemplateError

from plaudit.encoding.turns import Turn, Turns, UnknownRole
from plaudit.preferences.preference import Message
from tests.encoding.conversations import template_text
from tests.encoding.families import family
from tests.encoding.strategies import prompts, texts

table = st.builds(
    Turns,
    prefix=texts,
    roles=st.fixed_dictionaries({role: st.builds(Turn, texts, texts) for role in ("system", "user", "assistant")}),
    folded=st.none() | st.builds(Turn, texts, texts),
    end=texts,
)


conversations = prompts.filter(len)


@given(table, conversations)
def test_jinja_writes_what_the_table_writes(turns: Turns, messages: tuple[Message, ...]) -> None:
    """Whatever headers, footers and words hold, the chat template renders exactly the table's text."""
    rendered = template_text(family("gpt2"), messages, chat_template=turns.jinja())

    assert rendered == turns.text(messages)


@given(table, conversations)
def test_a_generation_prompt_is_never_added(turns: Turns, messages: tuple[Message, ...]) -> None:
    """The chat template yields the same text to those who ask for a generation prompt (TRAPS 6)."""
    source, tokenizer = turns.jinja(), family("gpt2")
    asked = template_text(tokenizer, messages, chat_template=source, add_generation_prompt=True)

    assert asked == template_text(tokenizer, messages, chat_template=source)


@given(table)
def test_record_round_trip(turns: Turns) -> None:
    """A table comes back from plain data as it was."""
    assert Turns.from_record(turns.record()) == turns


def test_unknown_role_is_refused_by_both() -> None:
    """A role without a place is an error that lists the roles, in Python and in the chat template."""
    turns = Turns("", {"user": Turn("U:", "\n"), "assistant": Turn("A:", "\n")})
    messages = (Message("critic", "no"),)

    with pytest.raises(UnknownRole, match=r"'critic'.*user, assistant"):
        turns.text(messages)
    with pytest.raises(TemplateError, match="user, assistant"):
        template_text(family("gpt2"), messages, chat_template=turns.jinja())


def test_contents_that_are_no_text_are_refused() -> None:
    """The chat template refuses contents made of parts, which the table does not know."""
    turns = Turns("", {"user": Turn("U:", "\n")})
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]

    with pytest.raises(TemplateError, match="must be text"):
        family("gpt2").apply_chat_template(parts, chat_template=turns.jinja(), tokenize=False)
