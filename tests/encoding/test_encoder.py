"""From pairs to ids, for every family."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import ChangedTokenizer, Encoder, Pair
from plaudit.encoding.template import EmptyResponse
from plaudit.encoding.truncation import ResponseTooLong
from plaudit.encoding.turns import Unencodable
from plaudit.preferences.preference import Content, Message
from tests.encoding.conversations import decoded, template_ids
from tests.encoding.families import CHAT, ENCODERS, FAMILIES, PLAIN, family
from tests.encoding.strategies import answers, prompts, texts

CAUSAL = (*CHAT, *PLAIN)
ROOMY = 4096
ENCODER = {name: Encoder(family(name), for_tokenizer(family(name)), ROOMY) for name in FAMILIES}
TIGHT = {name: Encoder(family(name), for_tokenizer(family(name)), 64) for name in FAMILIES}
CONVERSATION = (
    Message("system", "Be kind."),
    Message("user", "How are you today?"),
    Message("assistant", "Fine, thank you."),
    Message("user", "And how is the dog?"),
)


@pytest.mark.parametrize("name", CHAT)
@given(prompts, answers)
def test_the_saved_chat_template_yields_the_same_ids(name: str, prompt: tuple[Message, ...], response: str) -> None:
    """`apply_chat_template` of the encoder's tokenizer gives exactly the encoder's ids, for any words in any turns."""
    encoder = ENCODER[name]
    sequence = encoder.encode(prompt, response)
    turns = (*prompt, Message("assistant", response))

    assert sequence.ids.tolist() == template_ids(encoder.tokenizer, turns)
    assert not sequence.cut


@pytest.mark.parametrize("name", FAMILIES)
def test_the_opening_stands_before_the_response(name: str) -> None:
    """A response begins right after the last opening that something follows; plain text has none."""
    encoder = ENCODER[name]
    sequence, opening = encoder.encode(CONVERSATION, "The dog sleeps."), encoder.opening
    ids = sequence.ids.tolist()

    assert bool(opening) == (name in (*CHAT, *ENCODERS))
    if opening:
        assert tuple(ids[: sequence.prompt_length][-len(opening) :]) == opening
        later = range(sequence.prompt_length, len(ids) - len(opening))
        assert not any(tuple(ids[k : k + len(opening)]) == opening for k in later)


@pytest.mark.parametrize("name", CAUSAL)
@given(st.one_of(texts, prompts), answers)
def test_the_last_id_is_the_scored_one(name: str, prompt: Content, response: str) -> None:
    """Every causal sequence ends on the one scored token, which is no pad (TRAPS 1, 2, 4, 5)."""
    encoder = ENCODER[name]

    assert encoder.encode(prompt, response).ids[-1] == encoder.scored_id != encoder.tokenizer.pad_token_id


@pytest.mark.parametrize("name", FAMILIES)
@given(st.one_of(texts, prompts), texts.map(lambda text: text + "§"))
def test_cut_sequences_fit_and_keep_the_response(name: str, prompt: Content, response: str) -> None:
    """A cut sequence has at most the length allowed, holds the whole response, and says how many tokens went."""
    encoder = TIGHT[name]
    conversation = not isinstance(prompt, str) and len(prompt) > 0
    alone = ENCODER[name].encode((), (Message("assistant", response),) if conversation else response)
    if len(alone.ids) > encoder.max_length:
        with pytest.raises(ResponseTooLong, match=f"needs {len(alone.ids)} tokens.* at most 64"):
            encoder.encode(prompt, response)
        return
    sequence, whole = encoder.encode(prompt, response), ENCODER[name].encode(prompt, response)

    assert len(sequence.ids) <= encoder.max_length
    assert sequence.cut.tokens == len(whole.ids) - len(sequence.ids)
    assert sequence.ids[-4:].tolist() == whole.ids[-4:].tolist()
    if name in CHAT:
        assert response in decoded(encoder.tokenizer, sequence.ids)


@pytest.mark.parametrize("name", FAMILIES)
def test_many_at_a_time_is_one_at_a_time(name: str) -> None:
    """Batched tokenisation gives the same sequences, and errors in their places."""
    encoder = TIGHT[name]
    pairs: list[Pair] = [("hello the dog " * n, "fox " * (n % 9)) for n in range(40)] + [
        (CONVERSATION, "It runs."),
        ("", "x" * 999),
    ]
    together = list(encoder.encode_many(iter(pairs)))

    assert len(together) == len(pairs)
    for pair, found in zip(pairs, together, strict=True):
        if isinstance(found, Unencodable):
            with pytest.raises(type(found), match=found.args[0][:20]):
                encoder.encode(*pair)
        else:
            alone = encoder.encode(*pair)
            assert found.ids.tolist() == alone.ids.tolist()
            assert (found.prompt_length, found.prompt_key, found.cut) == (
                alone.prompt_length,
                alone.prompt_key,
                alone.cut,
            )
    assert {type(found) for found in together if isinstance(found, Unencodable)} >= {EmptyResponse}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_backend_reads_as_the_tokenizer_does(name: str) -> None:
    """Rendered texts are tokenised as the tokenizer's own call does, with its special tokens where the kind says so."""
    encoder = ENCODER[name]
    pair = (CONVERSATION, "The dog sleeps.")
    rendering = encoder.template.render(*encoder.template.settle(*pair))
    segments = (rendering.text,) if rendering.first is None else (rendering.first, rendering.text)
    expected = encoder.tokenizer(*segments, add_special_tokens=encoder.template.special)
    sequence = encoder.encode(*pair)

    assert sequence.ids.dtype == np.int32
    assert sequence.ids.tolist() == expected["input_ids"]
    if sequence.token_type_ids is not None:
        assert sequence.token_type_ids.tolist() == expected["token_type_ids"]


def test_encoders_read_pairs() -> None:
    """BERT reads [CLS] prompt [SEP] response [SEP] with types, or [CLS] response [SEP]."""
    encoder, tokenizer = ENCODER["bert"], family("bert")
    pair, alone = encoder.encode("The dog", "the fox"), encoder.encode("", "the fox")
    tokens = tokenizer.convert_ids_to_tokens(pair.ids.tolist())

    assert tokens == ["[CLS]", "the", "dog", "[SEP]", "the", "fox", "[SEP]"]
    assert pair.token_type_ids is not None
    assert pair.token_type_ids.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert (pair.prompt_length, alone.prompt_length) == (4, 1)
    assert tokenizer.convert_ids_to_tokens(alone.ids.tolist()) == ["[CLS]", "the", "fox", "[SEP]"]
    assert ENCODER["roberta"].encode("The dog", "the fox").token_type_ids is None


@pytest.mark.parametrize("name", FAMILIES)
@given(st.one_of(texts, prompts), answers.filter(lambda text: text.isascii() and text.isprintable()))
@example("", "  <|endoftext|>")
def test_the_prompt_ends_where_the_response_begins(name: str, prompt: Content, response: str) -> None:
    """The ids counted to the prompt hold none of the response's characters, and the next id holds the first of them."""
    encoder = ENCODER[name]
    sequence = encoder.encode(prompt, response)
    rendering = encoder.template.render(*encoder.template.settle(prompt, response))
    segments = (rendering.text,) if rendering.first is None else (rendering.first, rendering.text)
    read = encoder.tokenizer(*segments, add_special_tokens=encoder.template.special, return_offsets_mapping=True)
    ends = [  # tokens of trimmed blanks have offsets of no width, as (2, 2): they hold no character
        end if segment == len(segments) - 1 and start < end else 0
        for segment, (start, end) in zip(read.sequence_ids(), read["offset_mapping"], strict=True)
    ]

    assert max(ends[: sequence.prompt_length], default=0) <= rendering.border < ends[sequence.prompt_length]


def test_prompt_length_where_words_merge() -> None:
    """A token that spans prompt and response belongs to the response."""
    encoder = ENCODER["gpt2"]
    tokens = encoder.tokenizer.convert_ids_to_tokens(encoder.encode("how ar", "e you").ids.tolist())

    assert tokens[:2] == ["h", "ow"] or tokens[0] == "how"
    assert encoder.encode("how ar", "e you").prompt_length == tokens.index("\u0120are")
    assert encoder.encode("how", " are").prompt_length == tokens.index("\u0120are")
    assert encoder.encode("", "the dog").prompt_length == 0


def test_prompt_keys_tell_prompts_apart() -> None:
    """Keys are equal for equal prompts as written, and stable: they are stored with tokenised data."""
    encoder = ENCODER["smollm2"]
    keys = {prompt: encoder.encode(prompt, "x").prompt_key for prompt in ("", "a", "b", "a ")}

    assert len(set(keys.values())) == 4
    assert encoder.encode((Message("user", "a"),), "y").prompt_key == keys["a"]
    assert keys["a"] % 2**64 == 0xCB0300BD9B70076D


def test_truncation_by_turns() -> None:
    """The oldest turns go first, the system turn is kept as long as it can be, the counts say what went."""
    whole = ENCODER["smollm2"].encode(CONVERSATION, "It runs.")
    kept = (CONVERSATION[0], CONVERSATION[3])
    expected = ENCODER["smollm2"].encode(kept, "It runs.")
    encoder = Encoder(family("smollm2"), for_tokenizer(family("smollm2")), len(expected.ids))
    sequence = encoder.encode(CONVERSATION, "It runs.")

    assert sequence.ids.tolist() == expected.ids.tolist()
    assert sequence.prompt_key == expected.prompt_key
    assert (sequence.cut.turns, sequence.cut.tokens) == (2, len(whole.ids) - len(expected.ids))


def test_a_cut_turn_is_still_a_conversation() -> None:
    """Where words are cut, the ids are those of the conversation with the shorter turn."""
    sequence = TIGHT["smollm2"].encode("hello " * 500, "the dog")
    text = decoded(TIGHT["smollm2"].tokenizer, sequence.ids)
    words = text.split("<|im_start|>user\n")[1].split("<|im_end|>")[0]

    assert words != "hello " * 500 and ("hello " * 500).endswith(words) and words
    assert sequence.ids.tolist() == ENCODER["smollm2"].encode(words, "the dog").ids.tolist()


def test_a_verbatim_template_begins_with_a_user_turn() -> None:
    """A foreign template that wants user turns first never sees a conversation cut in the middle of an exchange."""
    template = for_tokenizer(family("gemma"), "verbatim")
    turns = tuple(Message(role, "hello the dog") for role in (*("user", "assistant") * 3, "user"))
    encoder = Encoder(family("gemma"), template, 60)
    sequence = encoder.encode(turns, "ok")

    assert sequence.cut.turns % 2 == 0 and sequence.cut.turns > 0
    assert decoded(encoder.tokenizer, sequence.ids).startswith("<bos><start_of_turn>user\n")
    assert encoder.scored_id == family("gemma")("\n", add_special_tokens=False)["input_ids"][-1]


@pytest.mark.parametrize("name", ["smollm2", "gpt2", "bert"])
def test_a_prompt_of_100_000_tokens(name: str) -> None:
    """A very long prompt, in one turn or in many, is cut and encoded."""
    words = "the quick brown fox " * 25_000
    turns = tuple(Message("user" if n % 2 == 0 else "assistant", words[:400]) for n in range(1001))
    for prompt in (words, turns):
        sequence = TIGHT[name].encode(prompt, "the dog")
        assert 40 < len(sequence.ids) <= 64
        assert sequence.cut.tokens > 80_000


@pytest.mark.parametrize("name", FAMILIES)
def test_save_and_load(name: str, tmp_path: Path) -> None:
    """A saved encoder comes back with the same ids, pad, template and contract."""
    TIGHT[name].save(tmp_path)
    loaded = Encoder.load(tmp_path)

    assert loaded.contract() == TIGHT[name].contract()
    assert loaded.tokenizer.pad_token_id == TIGHT[name].tokenizer.pad_token_id
    for pair in ((CONVERSATION, "It runs."), ("a <|endoftext|><|pad|> b", "hello"), ("", "ÿ")):
        ours, theirs = loaded.encode(*pair), TIGHT[name].encode(*pair)
        assert ours.ids.tolist() == theirs.ids.tolist()
        assert (ours.prompt_key, ours.cut) == (theirs.prompt_key, theirs.cut)


def test_an_edited_template_is_refused(tmp_path: Path) -> None:
    """A chat template changed after saving is refused by name."""
    ENCODER["smollm2"].save(tmp_path)
    path = tmp_path / "chat_template.jinja"
    path.write_text(path.read_text().replace("assistant", "Assistant"))

    with pytest.raises(ChangedTokenizer, match="chat template is not the one"):
        Encoder.load(tmp_path)


def test_another_end_is_refused(tmp_path: Path) -> None:
    """A contract whose scored id the tokenizer does not yield is refused with both ids."""
    ENCODER["gpt2"].save(tmp_path)
    contract = json.loads((tmp_path / "encoder.json").read_text())

    with pytest.raises(ChangedTokenizer, match="end on id 0, but the model was trained to be scored on 7"):
        Encoder.from_contract(tmp_path, {**contract, "scored_id": 7})


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    """A folder without contract or tokenizer is refused, saying which."""
    with pytest.raises(ChangedTokenizer, match=r"cannot read encoder\.json"):
        Encoder.load(tmp_path)
    with pytest.raises(ChangedTokenizer, match=r"there is no tokenizer\.json"):
        Encoder.from_contract(tmp_path, ENCODER["gpt2"].contract())


def test_lengths_must_be_positive() -> None:
    """A length below one token is refused."""
    with pytest.raises(ValueError, match="max_length must be 1 or more, not 0"):
        Encoder(family("gpt2"), for_tokenizer(family("gpt2")), 0)


def test_a_response_the_tokenizer_drops_is_refused() -> None:
    """A response of characters that the tokenizer throws away has no token to score."""
    with pytest.raises(EmptyResponse, match="reads nothing in the response"):
        ENCODER["bert"].encode("hello", "\u0000\u0001")


def test_the_callers_tokenizer_does_not_matter_afterwards() -> None:
    """Padding or truncation that somebody sets on the tokenizer does not reach the encoder."""
    encoder = Encoder(family("smollm2"), for_tokenizer(family("smollm2")), ROOMY)
    before = encoder.encode("hello", "the dog").ids.tolist()
    encoder.tokenizer(["a", "b c d e"], padding="max_length", truncation=True, max_length=3)

    assert encoder.encode("hello", "the dog").ids.tolist() == before


def test_padding_and_truncation_in_the_file_do_not_matter() -> None:
    """A tokenizer that was saved with padding and a short truncation, as sentence encoders are, reads whole texts."""
    tokenizer = copy.deepcopy(family("bert"))
    tokenizer.backend_tokenizer.enable_truncation(5)
    tokenizer.backend_tokenizer.enable_padding(length=32)
    sequence = Encoder(tokenizer, for_tokenizer(tokenizer), ROOMY).encode("the dog", "the fox runs and the dog sleeps")

    assert sequence.ids.tolist() == ENCODER["bert"].encode("the dog", "the fox runs and the dog sleeps").ids.tolist()
