"""The tokenizers of the tiny backbones: a word is a token, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.kinds.bases import ROLES, word_tokenizer
from benchmarks.kinds.truth import WORDS, _text
from benchmarks.smoke import letter_tokenizer

BYTES = word_tokenizer(WORDS)


@pytest.mark.parametrize("tokenizer", [BYTES, letter_tokenizer(WORDS)], ids=["bytes", "letters"])
def test_every_word_is_one_token(tokenizer):
    """In any order, each of its own."""
    for words in (WORDS, WORDS[::-1]):
        ids = tokenizer(_text(words), add_special_tokens=False)["input_ids"]
        assert len(ids) == len(set(ids)) == len(WORDS)


@pytest.mark.parametrize("role", ROLES)
def test_the_roles_of_turns_are_one_token(role):
    """They stand without a space."""
    assert len(BYTES(role, add_special_tokens=False)["input_ids"]) == 1


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_text_comes_back_from_its_bytes(text):
    """Merging words loses nothing, in text of any kind."""
    ids = BYTES(text, add_special_tokens=False)["input_ids"]

    assert BYTES.decode(ids, clean_up_tokenization_spaces=False) == text
