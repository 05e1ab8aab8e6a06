"""How pairs are settled and written, by kind."""

import pytest
from hypothesis import given

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.template import EmptyResponse, NotUnicode, Rendering, Template, WrongTurns
from plaudit.preferences.preference import Content, Message
from tests.encoding.families import CHAT, ENCODERS, PLAIN, family
from tests.encoding.strategies import answers, prompts, texts

QUESTION, REPLY = Message("user", "Why?"), Message("assistant", "Because.")


def written(name: str, prompt: Content, response: Content, choice: str = "auto") -> Rendering:
    """Return the rendering of a pair under a family's template."""
    template = for_tokenizer(family(name), choice)
    return template.render(*template.settle(prompt, response))


@pytest.mark.parametrize("name", CHAT)
@given(texts.filter(len), answers)
def test_plain_text_becomes_one_user_and_one_assistant_turn(name: str, prompt: str, response: str) -> None:
    """Under a chat template, texts and their single turns are the same conversation."""
    as_turns = written(name, (Message("user", prompt),), (Message("assistant", response),))

    assert written(name, prompt, response) == as_turns
    assert written(name, (Message("user", prompt),), response) == as_turns


def test_no_prompt_is_no_turn() -> None:
    """An empty prompt writes nothing but the response's turn."""
    expected = "<|im_start|>assistant\nBecause.<|im_end|>"

    assert written("smollm2", "", (REPLY,)).text == written("smollm2", (), "Because.").text == expected


def test_plain_text_is_joined_as_it_is() -> None:
    """Plain prompt and response follow each other, and the end is written once."""
    assert written("gpt2", "Why?", " Because.").text == "Why? Because.<|endoftext|>"
    assert written("gpt2", (), "Because.").text == "Because.<|endoftext|>"
    assert written("gpt2", "Why?", " No.<|endoftext|>").text == "Why? No.<|endoftext|>"


def test_conversations_under_plain_text_are_labelled() -> None:
    """A conversation without a chat template is written with Human and Assistant labels."""
    system = Message("system", "Be brief.")
    expected = "\n\nSystem: Be brief.\n\nHuman: Why?\n\nAssistant: Because.<|endoftext|>"

    assert written("gpt2", (system, QUESTION), (REPLY,)).text == expected
    assert written("gpt2", (system, QUESTION), "Because.").text == expected


def test_an_encoder_gets_two_segments() -> None:
    """An encoder reads prompt and response as a pair, single turns bare and longer prompts labelled."""
    pair = written("bert", (QUESTION,), (REPLY,))
    long = written("bert", (QUESTION, REPLY, QUESTION), "So?")

    assert (pair.first, pair.text) == ("Why?", "Because.")
    assert (long.first, long.text) == ("Human: Why?\n\nAssistant: Because.\n\nHuman: Why?", "So?")
    assert written("bert", "", "So?").first is None
    assert written("bert", (), (REPLY,)).first is None


@pytest.mark.parametrize("name", [*CHAT, *PLAIN, *ENCODERS])
@given(prompts, answers)
def test_the_border_is_where_the_response_begins(name: str, prompt: Content, response: str) -> None:
    """The text from the border on begins with the response, whatever stands before."""
    rendering = written(name, prompt, response)

    assert rendering.text[rendering.border :].startswith(response)


@pytest.mark.parametrize("name", [*CHAT, *PLAIN, *ENCODERS])
def test_record_round_trip(name: str) -> None:
    """A template comes back from its record and the tokenizer, but for its notes."""
    template = for_tokenizer(family(name))
    again = Template.from_record(template.record(), family(name))

    assert (again.kind, again.turns, again.special, again.eos) == (
        template.kind,
        template.turns,
        template.special,
        template.eos,
    )


BAD: dict[str, tuple[Content, Content, type[Exception], str]] = {
    "an empty text": ("Why?", "", EmptyResponse, "empty or white space"),
    "white space": ("Why?", " \n", EmptyResponse, "empty or white space"),
    "no turns": ((QUESTION,), (), EmptyResponse, "empty or white space"),
    "an empty turn": ((QUESTION,), (Message("assistant", ""),), EmptyResponse, "empty or white space"),
    "a response of the user": ((QUESTION,), (QUESTION,), WrongTurns, "ends with 'user'"),
    "half a character": ("Why?", "a\ud800b", NotUnicode, r"response: character 2 is the lone surrogate U\+D800"),
    "half a character in a prompt": (
        (QUESTION, REPLY, Message("user", "\udfff")),
        "So?",
        NotUnicode,
        r"prompt, turn 3: character 1 is the lone surrogate U\+DFFF",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", ["smollm2", "gpt2", "bert"])
def test_bad_pairs_are_named(name: str, case: str) -> None:
    """Responses without words, of the wrong speaker or with half a character are refused, saying where."""
    prompt, response, error, message = BAD[case]

    with pytest.raises(error, match=message):
        written(name, prompt, response)
