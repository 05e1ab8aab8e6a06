"""A tokenizer for the doctor: what it measures and writes is what the encoder does."""

import pytest
from transformers import PreTrainedTokenizerFast

from plaudit.doctor.tokenized import TODAY, CannotRender
from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.preferences.preference import Message
from plaudit.testing import CHATML, byte_tokenizer
from plaudit.workflows.tokenizing import Tokenizing

ASKED, SAID = (Message("user", "Name a prime."),), (Message("assistant", "Seven."),)


def tokenizing(source: str, max_length: int = 100) -> Tokenizing:
    tokenizer: PreTrainedTokenizerFast = byte_tokenizer()
    return Tokenizing("bytes", Encoder(tokenizer, for_tokenizer(tokenizer), max_length), tokenizer, source)


def test_lengths_are_those_of_the_encoder() -> None:
    """Tokens before cutting, what is cut, and the reason where nothing can be encoded."""
    wide, narrow = tokenizing(CHATML), tokenizing(CHATML, 40)
    long = (Message("user", "x" * 60),)
    [whole] = wide.measure([(ASKED, SAID)])
    [cut] = narrow.measure([(long, SAID)])
    assert (whole.cut, whole.problem) == (0, "")
    assert cut.tokens - cut.cut <= 40
    assert cut.tokens == wide.measure([(long, SAID)])[0].tokens
    problems = narrow.measure(
        [(ASKED, (Message("assistant", "y" * 60),)), (ASKED, ()), ((Message("wise", "x"),), SAID)]
    )
    assert [one.problem for one in problems] == ["response_too_long", "empty_response", "unknown_role"]


def test_the_bases_template_is_rendered_with_its_date_marked() -> None:
    """The base's own text, the date as a mark; none without a template; a refusal in words."""
    dated = "{{ strftime_now('%d %b') }}\n" + CHATML
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + CHATML
    assert tokenizing(dated).own((ASKED, SAID)) == f"{TODAY}\n" + str(tokenizing(CHATML).own((ASKED, SAID)))
    assert tokenizing("").own((ASKED, SAID)) is None
    with pytest.raises(CannotRender, match="system/user/assistant: no system turns"):
        tokenizing(strict).own(((Message("system", "Be."), *ASKED), SAID))
    with pytest.raises(CannotRender):
        tokenizing(CHATML).written(((Message("wise", "x"),), SAID))
    assert tokenizing(CHATML).written((ASKED, SAID)).startswith("<|im_start|>user\nName a prime.")
