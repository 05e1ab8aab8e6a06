"""Characters that somebody marked become marks of exactly the tokens that hold them, in every family."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encode import Unfit, encode_all
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.encoder import Encoder, Sequence
from plaudit.encoding.marks import FINE, NOT_JUDGED, WRONG, marks_of
from plaudit.encoding.packing import collate, collate_labels
from plaudit.preferences.preference import Comparison, Message, Preference, Response
from plaudit.preferences.reading import read
from plaudit.testing import byte_tokenizer
from tests.encoding.families import FAMILIES, family
from tests.encoding.strategies import answers, prompts, texts

ENCODER = {name: Encoder(family(name), for_tokenizer(family(name)), 4096) for name in FAMILIES}
VERBATIM = {name: Encoder(family(name), for_tokenizer(family(name), "verbatim"), 4096) for name in ("gemma", "qwen3")}
BYTES = Encoder(byte_tokenizer(), for_tokenizer(byte_tokenizer()), 512)


def placed(encoder: Encoder, prompt: Any, response: Any) -> Sequence:
    """The sequence of a pair, with the characters of its tokens."""
    [found] = encoder.encode_many([(prompt, response)], characters=True)
    assert isinstance(found, Sequence)
    return found


def check_against_the_tokenizer(encoder: Encoder, prompt: Any, words: str, begin: int, end: int) -> None:
    """Ask the tokenizer for the token of each character, the other way round than marks are made."""
    sequence = placed(encoder, prompt, words)
    assert sequence.characters is not None
    marks = marks_of(sequence.characters, words, ((begin, end),))
    rendering = encoder.template.render(*encoder.template.settle(prompt, words))
    segments = (rendering.text,) if rendering.first is None else (rendering.first, rendering.text)
    read = encoder.tokenizer(*segments, add_special_tokens=encoder.template.special)
    origin = rendering.text.index(words.strip(), rendering.border) - (len(words) - len(words.lstrip()))
    tokens = {
        place: read.char_to_token(0, origin + place, 0 if rendering.first is None else 1)
        for place in range(len(words))
        if not words[place].isspace()
    }
    held = {place: token - sequence.prompt_length for place, token in tokens.items() if token is not None}
    wrong = {token for place, token in held.items() if begin <= place < end}

    assert len(marks) == len(sequence.ids) - sequence.prompt_length
    if words[begin:end].strip():
        assert {token for token in held.values() if marks[token] == WRONG} == wrong
    assert all(marks[token] != NOT_JUDGED for token in held.values())


@pytest.mark.parametrize("name", FAMILIES)
@settings(deadline=None)
@given(st.one_of(texts, prompts), answers, st.data())
def test_marked_tokens_are_those_of_the_marked_characters(
    name: str, prompt: Any, words: str, data: st.DataObject
) -> None:
    """Whatever the tokenizer merges, adds or lowers, for any words after any prompt."""
    begin = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(begin + 1, len(words)))
    words = "".join(c if c.isascii() else "é" for c in words)
    check_against_the_tokenizer(ENCODER[name], prompt, words, begin, end)


@pytest.mark.parametrize("name", VERBATIM)
@pytest.mark.parametrize("words", ["the dog sleeps", "  the dog sleeps ", "\n\nthe dog"])
def test_templates_that_trim_the_words_move_no_mark(name: str, words: str) -> None:
    """White space that a template takes away is counted by the feedback all the same."""
    begin = words.index("dog")
    check_against_the_tokenizer(VERBATIM[name], "How is the dog?", words, begin, begin + 3)


def test_a_mark_ends_with_its_words() -> None:
    """A space at the end of a span does not mark the next word, nor one at its beginning the word before."""
    encoder, words = ENCODER["smollm2"], "the dog the fox"
    sequence = placed(encoder, "", words)
    assert sequence.characters is not None
    pieces = [words[begin:end] for begin, end in sequence.characters]
    found = [
        piece
        for piece, mark in zip(pieces, marks_of(sequence.characters, words, ((3, 8),)), strict=True)
        if mark == WRONG
    ]

    assert "".join(found).strip() == "dog"
    assert len(pieces) < len(words)  # the tokenizer merges: else this shows nothing
    assert marks_of(sequence.characters, words, ()).tolist() == [FINE] * (len(pieces) - 1) + [NOT_JUDGED]


def judged(prompt: str, first: str, second: str, *errors: tuple[int, int], **more: Any) -> Preference:
    """A pair whose first response has span feedback."""
    listed = [{"start": begin, "end": end} for begin, end in errors]
    responses = (Response(content=first, extra={"feedback": {"errors": listed}}), Response(content=second))
    return Preference(prompt=prompt, responses=responses, comparisons=(Comparison(chosen=1, rejected=0),), **more)


def marks_in(encoded: EncodedSet, sequence: int) -> list[int]:
    assert encoded.marks is not None
    own = encoded.marks[encoded.offsets[sequence] : encoded.offsets[sequence + 1]]
    assert not own[: encoded.response_starts[sequence]].any()
    return own[encoded.response_starts[sequence] :].tolist()


def test_marks_stand_beside_the_tokens() -> None:
    """A byte tokenizer shows them one by one; the turn's end, and a response nobody judged, have none."""
    encoded = encode_all([judged("p", "abcd", "xy", (1, 3))], BYTES, spans=True)

    assert marks_in(encoded, 0) == [FINE, WRONG, WRONG, FINE, NOT_JUDGED]
    assert marks_in(encoded, 1) == [NOT_JUDGED] * 3


def test_feedback_on_a_response_that_occurs_twice_is_joined() -> None:
    """What anybody marked is marked; who read it and marked nothing adds that it was read."""
    records = [judged("p", "abcd", "x", (0, 1)), judged("p", "x", "abcd"), judged("p", "abcd", "y", (3, 4))]
    encoded = encode_all(records, BYTES, spans=True)

    assert marks_in(encoded, 0) == [WRONG, FINE, FINE, WRONG, NOT_JUDGED]
    assert marks_in(encoded, 1) == [FINE, NOT_JUDGED]


def test_a_cut_prompt_leaves_the_marks_alone() -> None:
    """The response is never cut, so its marks are those of the response after a short prompt."""
    tight = Encoder(byte_tokenizer(), for_tokenizer(byte_tokenizer()), 40)
    [long, short] = [encode_all([judged(p, "abcd", "xy", (1, 3))], tight, spans=True) for p in ("word " * 30, "p")]

    assert max(long.lengths) <= 40
    assert marks_in(long, 0) == marks_in(short, 0)


def test_marks_are_the_responses_own_however_they_share() -> None:
    """Two responses that begin alike share those tokens in a tree, and each keeps its own marks on them."""
    same = "abcdefgh"
    first, second = judged("p", f"{same}1", "z", (0, 4)), judged("p", f"{same}22", "z", (6, 8))
    encoded = encode_all([first, second], BYTES, spans=True)
    shared, apart = (collate(encoded, [0, 1], share=share) for share in (True, False))
    shares_words = encode_all([judged("p", f"{same}1", f"{same}2", (0, 4))], BYTES, spans=True)
    inside = collate(shares_words, [0])

    assert inside.layout.trees[0].prompt >= int(shares_words.response_starts[0]) + len(same)
    for batch, held in (
        (shared, encoded),
        (apart, encoded),
        (inside, shares_words),
        (collate_labels(encoded, [0, 1]), encoded),
    ):
        assert batch.labels.marks is not None
        parts = batch.labels.marks.split(batch.labels.lengths.tolist())
        assert [part.tolist() for part in parts] == [marks_in(held, sequence) for sequence in batch.sequences]


def test_nothing_is_read_unless_asked_for() -> None:
    """Without ``spans``, or without feedback, there are no marks, and the fingerprint is what it was."""
    records = [judged("p", "abcd", "xy", (1, 3))]
    bare = [
        Preference(
            prompt="p", responses=(Response(content="abcd"), Response(content="xy")), comparisons=records[0].comparisons
        )
    ]
    plain, none = encode_all(records, BYTES), encode_all(bare, BYTES, spans=True)

    assert plain.marks is None
    assert none.marks is None
    assert plain.fingerprint == none.fingerprint
    assert encode_all(records, BYTES, spans=True).fingerprint != plain.fingerprint
    assert collate(plain, [0]).labels.marks is None


def test_bad_feedback_names_its_record_or_is_counted() -> None:
    """A span beyond the text stops with record, response and field; dropped, the response stays without marks."""
    records = [judged("p", "abcd", "xy", (1, 30), id="seven", source="made up"), judged("q", "ab", "xy", (0, 1))]
    wanted = r"record seven of made up, response 0: feedback\.errors\[0\] runs from 1 to 30.*on_unfit='drop'"
    with pytest.raises(Unfit, match=wanted) as caught:
        encode_all(records, BYTES, spans=True)
    encoded = encode_all(records, BYTES, "drop", spans=True)

    assert caught.value.reason == "bad_span_feedback"
    assert encoded.dropped == {"bad_span_feedback": 1}
    assert len(encoded) == 2
    assert marks_in(encoded, 0) == [NOT_JUDGED] * 5
    assert marks_in(encoded, 2) == [WRONG, FINE, NOT_JUDGED]


def test_conversations_are_marked_in_their_only_turn() -> None:
    """A response of several turns without feedback stands beside one of a single turn with it."""
    one = (Message("assistant", "abcd"),)
    several = (Message("assistant", "a"), Message("user", "b"), Message("assistant", "c"))
    extra = {"feedback": {"errors": [{"start": 0, "end": 2}]}}
    record = Preference(
        prompt=(Message("user", "p"),),
        responses=(Response(content=one, extra=extra), Response(content=several)),
        comparisons=(Comparison(chosen=1, rejected=0),),
    )
    encoded = encode_all([record], BYTES, spans=True)

    assert marks_in(encoded, 0) == [WRONG, WRONG, FINE, FINE, NOT_JUDGED]
    assert not any(marks_in(encoded, 1))


def test_real_feedback_lands_on_its_words(shared_data: Path) -> None:
    """Every marked range of the fine-grained feedback: its own words are marked, on one response a question."""
    records = list(read(shared_data / "fine_grained_rlhf.rankings.jsonl.gz"))[:40]
    encoded = encode_all(records, ENCODER["smollm2"], spans=True)
    count = 0
    for number, record in enumerate(records):
        feedback: Any = record.responses[0].extra["feedback"]
        words, count = str(record.responses[0].content), count + 1
        sequence = placed(ENCODER["smollm2"], record.prompt, words)
        assert sequence.characters is not None
        marks = np.array(marks_in(encoded, int(encoded.responses_of(number)[0])))
        inside = [
            np.any([(a < e["end"]) & (b > e["start"]) for e in feedback["errors"]]) if b > a else False
            for a, b in sequence.characters
        ]
        assert np.mean((marks == WRONG) == inside) > 0.97  # all but a space at a range's end
        assert json.dumps(feedback)
    assert count == 40
