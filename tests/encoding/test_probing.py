"""The reduction of a base's chat template to a table of turns."""

import pytest

from plaudit.encoding.probing import IrreducibleTemplate, reduce
from plaudit.encoding.turns import Turn
from plaudit.preferences.preference import Message
from tests.encoding.conversations import template_text
from tests.encoding.families import CHAT, family

CONVERSATION = tuple(Message(role, f"word{place}") for place, role in enumerate(("user", "assistant") * 2))
WITH_SYSTEM = (Message("system", "rules"), *CONVERSATION)


def base_text(name: str, messages: tuple[Message, ...]) -> str:
    """Return what the base's own template makes of the messages."""
    return template_text(family(name), messages)


EXPECTED = {
    "smollm2": lambda text: text.removeprefix("<|im_start|>system\nYou are a kind robot.<|im_end|>\n").rstrip("\n"),
    "llama3": lambda text: text[: len("<|begin_of_text|>")] + text[text.index("<|eot_id|>") + len("<|eot_id|>") :],
    "qwen3": lambda text: text.replace("<think>\n\n</think>\n\n", "").rstrip("\n"),
    "gemma": lambda text: text.rstrip("\n"),
    "mistral": lambda text: text,
    "phi3": lambda text: text.removesuffix("\n<|endoftext|>"),
}


@pytest.mark.parametrize("name", CHAT)
def test_only_what_the_base_inserts_is_left_out(name: str) -> None:
    """A plain conversation is written as the base writes it, without default systems, dates, thoughts and tails."""
    turns, _ = reduce(family(name), family(name).chat_template)

    assert turns.text(CONVERSATION) == EXPECTED[name](base_text(name, CONVERSATION))


@pytest.mark.parametrize("name", ["smollm2", "qwen3", "mistral", "phi3"])
def test_system_turns_are_written_as_the_base_writes_them(name: str) -> None:
    """A system turn goes where the base puts it, in a header of its own or inside the first user turn (TRAPS 8)."""
    turns, _ = reduce(family(name), family(name).chat_template)
    expected = EXPECTED[name](base_text(name, WITH_SYSTEM))

    assert turns.text(WITH_SYSTEM) == expected


def test_inserted_dates_leave_the_system_header_clean() -> None:
    """Where the base writes a date between the header and the words, the header alone is kept and the date noted."""
    turns, notes = reduce(family("llama3"), family("llama3").chat_template)

    assert turns.roles["system"] == Turn("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>")
    assert any("today's date" in note for note in notes)


def test_a_family_without_system_turns_folds_them() -> None:
    """Where the base refuses system turns, they head the next user turn."""
    turns, notes = reduce(family("gemma"), family("gemma").chat_template)

    assert turns.text(WITH_SYSTEM[:2]) == "<bos><start_of_turn>user\nrules\n\nword0<end_of_turn>"
    assert any("system turn at the head" in note for note in notes)


def test_tool_turns() -> None:
    """A tool turn is taken over where it holds its words as they are, and left out where they are escaped."""
    thinking, _ = reduce(family("qwen3"), family("qwen3").chat_template)
    dated, _ = reduce(family("llama3"), family("llama3").chat_template)

    assert thinking.roles["tool"] == Turn("<|im_start|>user\n<result>", "</result><|im_end|>\n")
    assert "tool" not in dated.roles


TURN = "{{ '<' + m['role'] + '>' + m['content'] + '</s>' }}"
LOOP = "{% for m in messages %}" + TURN + "{% endfor %}"
REFUSED = {
    "a last turn with another end": (
        LOOP.replace("'</s>'", "('</s>' if loop.last else '<mid>')"),
        "when it is the last",
    ),
    "words in capitals": (LOOP.replace("m['content']", "m['content'] | upper"), "exactly once"),
    "words written twice": (LOOP.replace("m['content']", "m['content'] + m['content']"), "exactly once"),
    "turns in reverse": (LOOP.replace("in messages", "in messages[::-1]"), "another order"),
    "counted turns": (LOOP.replace("'<' +", "(loop.index | string) + '<' +"), "assistant turns begin with"),
    "later turns of another form": (
        LOOP.replace("'<' +", "('#' if loop.index > 4 else '<') +"),
        "longer conversations",
    ),
    "the date in every turn": (LOOP.replace("'<' +", "strftime_now('%d') + '<' +"), "today's date"),
    "an inserted preamble": ("{{ 'Be safe. ' }}" + LOOP.replace("m['role']", "m['role'][:1]"), "before the first turn"),
    "a refusal of everything": ("{{ raise_exception('never') }}", "refuses a plain conversation.*never"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_irreducible_templates_are_refused_by_what_differs(name: str) -> None:
    """A template that is no table of turns is refused, saying what differed and what to choose instead."""
    source, difference = REFUSED[name]

    with pytest.raises(IrreducibleTemplate, match=f"(?s)(?:{difference}).*choose template = 'plain'"):
        reduce(family("mistral"), source)
