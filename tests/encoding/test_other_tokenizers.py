"""Tokenizers that are no byte-level BPE (Unigram, WordPiece) and chat templates that rewrite what was said."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.probing import IrreducibleTemplate
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Content, Message
from tests.encoding.conversations import saved_tokenizer, template_ids
from tests.encoding.families import CHATML, IM, TEXTS, byte_level
from tests.encoding.strategies import answers, prompts, texts

SPECIALS = ["<pad>", "<unk>", "</s>", *IM]
NAMES = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}


def _specials() -> list[AddedToken]:
    return [AddedToken(name, special=True, normalized=False) for name in SPECIALS]


def unigram(chat: bool, byte_fallback: bool = False) -> PreTrainedTokenizerFast:
    """Return a SentencePiece-like Unigram over ▁-marked words, with ChatML turns or an end that it adds itself."""
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" ", "▁")])
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    backend.decoder = decoders.Metaspace()
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=_specials(), unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(TEXTS, trainer)
    if byte_fallback:
        pieces = [(piece, score) for piece, score in _pieces(backend)] + [(piece, -20.0) for piece in bytes_]
        backend.model = models.Unigram(pieces, unk_id=1, byte_fallback=True)
    if not chat:
        backend.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)]
        )
    names = NAMES | ({"eos_token": "<|im_end|>"} if chat else {})
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = CHATML if chat else None
    return tokenizer


def _pieces(backend: Tokenizer) -> list[tuple[str, float]]:
    import json

    return [(piece, score) for piece, score in json.loads(backend.to_str())["model"]["vocab"]]


def wordpiece(chat: bool) -> PreTrainedTokenizerFast:
    """Return a WordPiece without [CLS] and [SEP], that lower-cases and drops accents, under a decoder."""
    backend = Tokenizer(models.WordPiece(unk_token="<unk>"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=_specials(), show_progress=False)
    )
    names = NAMES | ({"eos_token": "<|im_end|>"} if chat else {})
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = CHATML if chat else None
    return tokenizer


MADE = {
    "unigram, chat": lambda: unigram(chat=True),
    "unigram with bytes, chat": lambda: unigram(chat=True, byte_fallback=True),
    "unigram, plain": lambda: unigram(chat=False),
    "wordpiece, chat": lambda: wordpiece(chat=True),
    "wordpiece, plain": lambda: wordpiece(chat=False),
}
SPOKEN = [name for name in MADE if name.endswith("chat")]


@cache
def tokenizer_of(name: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer; treat it as read-only."""
    return MADE[name]()


@cache
def encoder_of(name: str, max_length: int = 2048) -> Encoder:
    """Return its encoder."""
    return Encoder(tokenizer_of(name), for_tokenizer(tokenizer_of(name)), max_length)


def ids_of(encoder: Encoder, prompt: Content, response: Content) -> list[int] | None:
    """Return the ids of a pair, or None where it is refused by name: words that the tokenizer drops."""
    try:
        return encoder.encode(prompt, response).ids.tolist()
    except Unencodable as error:
        if error.reason != "empty_response":
            raise
        return None


@pytest.mark.parametrize("name", SPOKEN)
@given(prompts, answers)
def test_the_chat_template_yields_the_same_ids(name: str, prompt: tuple[Message, ...], response: str) -> None:
    """`apply_chat_template` of the encoder's tokenizer gives the encoder's ids, as it does of byte-level ones."""
    encoder = encoder_of(name)
    ids = ids_of(encoder, prompt, response)

    assert ids is None or ids == template_ids(encoder.tokenizer, (*prompt, Message("assistant", response)))


@pytest.mark.parametrize("name", MADE)
@given(st.one_of(texts, prompts), answers)
def test_the_last_id_is_the_scored_one_and_no_pad(name: str, prompt: Content, response: str) -> None:
    """Every sequence, cut or whole, ends on the one scored token, which is not the pad."""
    for encoder in (encoder_of(name), encoder_of(name, 48)):
        try:
            ids = encoder.encode(prompt, response).ids
        except Unencodable as error:
            if error.reason not in ("empty_response", "response_too_long"):
                raise
            continue
        assert ids[-1] == encoder.scored_id != encoder.tokenizer.pad_token_id
        assert len(ids) <= encoder.max_length


@pytest.mark.parametrize("name", [name for name in MADE if name not in SPOKEN])
@given(texts, answers)
def test_plain_text_is_read_as_it_is_trained_elsewhere(name: str, prompt: str, response: str) -> None:
    """Plain text is what the tokenizer's own call makes of prompt, response and one end."""
    encoder, tokenizer = encoder_of(name), tokenizer_of(name)
    end = "" if name.startswith("unigram") else tokenizer.eos_token
    if response.endswith("</s>"):
        return
    ids = ids_of(encoder, prompt, response)

    assert ids is None or ids == tokenizer(prompt + response + end)["input_ids"]


@pytest.mark.parametrize("name", MADE)
def test_the_pad_is_an_id_the_tokenizer_had(name: str, tmp_path: Path) -> None:
    """The pad is the tokenizer's own; batches are masked by length on either side; both survive saving."""
    encoder = encoder_of(name)
    encoder.save(tmp_path)
    loaded: Any = saved_tokenizer(tmp_path)
    rows = [encoder.encode("How are you?", words).ids.tolist() for words in ("Fine.", "I am fine, thank you.")]

    assert (loaded.pad_token, loaded.pad_token_id) == ("<pad>", 0)
    assert len(loaded) == len(tokenizer_of(name))
    for side in ("left", "right"):
        batch = loaded.pad([{"input_ids": row} for row in rows], padding_side=side)
        masked = zip(batch["input_ids"], batch["attention_mask"], strict=True)
        assert [[one for one, kept in zip(ids, mask, strict=True) if kept] for ids, mask in masked] == rows
    assert [Encoder.load(tmp_path).encode("How are you?", "Fine.").ids.tolist()] == rows[:1]


@pytest.mark.parametrize("name", ["unigram, chat", "wordpiece, chat"])
def test_a_pad_is_found_where_the_base_has_none(name: str) -> None:
    """Without a pad, a reserved token is taken, never the end; no embedding is added."""
    bare = MADE[name]()
    bare.pad_token = None
    encoder = Encoder(bare, for_tokenizer(bare), 512)

    assert encoder.tokenizer.pad_token == "<pad>"
    assert encoder.tokenizer.pad_token_id != encoder.scored_id
    assert len(encoder.tokenizer) == len(bare)


GLM4 = (
    "[gMASK]<sop>{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' }}{% if m['role'] == 'assistant' %}"
    "{{ m['content'].split('</think>')[-1].strip() }}{% else %}{{ m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
GLM4_SPECIALS = ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]


@cache
def glm4() -> PreTrainedTokenizerFast:
    """Return a tokenizer whose turns have no end, whose template drops thoughts, and that begins texts by itself."""
    tokenizer = byte_level(GLM4_SPECIALS, GLM4, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[gMASK] <sop> $A", pair="[gMASK] <sop> $A $B", special_tokens=[("[gMASK]", 1), ("<sop>", 2)]
    )
    return tokenizer


@pytest.mark.parametrize("choice", ["auto", "chat"])
def test_turns_without_an_end_are_refused(choice: str) -> None:
    """A GLM-4-like template is no table of turns that end with a token to score: refused, with the ways out."""
    with pytest.raises(IrreducibleTemplate, match="choose template = 'plain', 'chatml' or the path of a .jinja file"):
        for_tokenizer(glm4(), choice)


REWRITTEN = [
    "<think>\nLet me see.\n</think>\n\nThe dog.",
    "  The dog. \n",
    "a</think>",
    "</think>b",
    "[gMASK]<sop>The dog.",
]


@given(prompts, st.one_of(st.sampled_from(REWRITTEN), answers))
def test_as_it_is_the_template_gives_the_scorers_ids(prompt: tuple[Message, ...], response: str) -> None:
    """Taken as it is, what the template drops is dropped for the Scorer too, and nothing is begun twice; a response of
    which nothing is left is refused by name.
    """
    encoder = Encoder(glm4(), for_tokenizer(glm4(), "verbatim"), 4096)
    expected = template_ids(encoder.tokenizer, (*prompt, Message("assistant", response)))
    try:
        found = encoder.encode(prompt, response).ids.tolist()
    except Unencodable as error:
        if error.reason != "empty_response" or response.rpartition("</think>")[2].strip():
            raise
        return

    assert found == expected
    assert found[:2] == [1, 2] != found[2:4]


def test_plain_text_on_it_begins_and_ends_once() -> None:
    """As plain text it has its own beginning and one end, on which it is scored."""
    encoder = Encoder(glm4(), for_tokenizer(glm4(), "plain"), 512)
    ids = encoder.encode("How are you?", " Fine.").ids.tolist()

    assert ids == glm4()("How are you? Fine.<|endoftext|>")["input_ids"]
    assert ids[:2] == [1, 2] and ids[-1] == encoder.scored_id == 0 != encoder.tokenizer.pad_token_id
