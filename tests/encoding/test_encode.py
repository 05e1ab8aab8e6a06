"""A whole set is tokenised once a distinct sequence, and what is left out is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encode import IDENTICAL, Result, Unfit, encode_all, encode_sequences
from plaudit.encoding.encoder import Encoder, Pair
from plaudit.encoding.packing import collate
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.testing import byte_tokenizer

ENCODER = Encoder(byte_tokenizer(), for_tokenizer(byte_tokenizer()), 96)
PLAIN = Encoder(byte_tokenizer(chat=False), for_tokenizer(byte_tokenizer(chat=False)), 24)


def _pair(prompt: str, chosen: str, rejected: str, **more: object) -> Preference:
    return Preference(
        prompt=prompt,
        responses=(Response(content=chosen), Response(content=rejected)),
        comparisons=(Comparison(chosen=0, rejected=1, **more),),  # type: ignore[arg-type]
        id=f"{prompt}/{chosen}/{rejected}",
    )


WORDS = st.sampled_from(["a", "b", "cc", "d d"])
RECORDS = st.lists(st.builds(_pair, WORDS | st.just(""), WORDS, st.just("zz")), max_size=8)


@settings(max_examples=40, deadline=None)
@given(RECORDS)
def test_every_record_keeps_its_sequences(records: list[Preference]) -> None:
    """Each record points at the ids the encoder gives its responses; equal pairs are stored once."""
    encoded = encode_all(records, ENCODER)

    assert len(encoded) == len(records)
    assert encoded.sequences == len({(r.prompt, one.content) for r in records for one in r.responses})
    for number, record in enumerate(records):
        for place, sequence in enumerate(encoded.responses_of(number)):
            expected = ENCODER.encode(record.prompt, record.responses[place].content)
            assert encoded.ids(int(sequence)).tolist() == expected.ids.tolist()
            assert encoded.response_starts[sequence] == expected.prompt_length
            assert (encoded.prompt_keys[sequence] == 0) == (record.prompt == "")
        edge = encoded.comparisons_of(number)
        assert [encoded.chosen[edge][0], encoded.rejected[edge][0]] == encoded.responses_of(number).tolist()


def test_labels_travel_with_the_comparison() -> None:
    """Tie, strength and weight land in the columns; a strength that was not stated is NaN."""
    records = [_pair("p", "a", "b", strength=0.5, weight=2.0), _pair("p", "a", "c", tie=True)]

    encoded = encode_all(records, ENCODER)

    assert encoded.strength[0] == 0.5
    assert np.isnan(encoded.strength[1])
    assert encoded.weight.tolist() == [2.0, 1.0]
    assert encoded.tie.tolist() == [False, True]
    assert encoded.record_weights().tolist() == [2.0, 1.0]
    assert collate(encoded, [0, 1]).layout.responses == 3


def test_ratings_of_a_repeated_response_are_averaged() -> None:
    """Ratings sit on sequences; one seen twice has the mean, one without has NaN."""
    rows: list[tuple[dict[str, float], dict[str, float]]] = [({"help": 1.0}, {}), ({"help": 3.0, "harm": 0.5}, {})]
    records = [
        Preference(prompt="p", responses=(Response(content="a", ratings=first), Response(content="b", ratings=second)))
        for first, second in rows
    ]

    encoded = encode_all(records, ENCODER)

    assert encoded.rating_names == ("harm", "help")
    assert encoded.ratings[0].tolist() == [0.5, 2.0]
    assert np.isnan(encoded.ratings[1]).all()


def test_unfit_responses_stop_or_are_counted() -> None:
    """A response too long or empty names record and response; dropped, it takes its comparisons along, counted."""
    ranking = Preference(
        prompt="p",
        responses=tuple(Response(content=text) for text in ("a", "b", "x" * 200, " ")),
        comparisons=tuple(Comparison(chosen=0, rejected=other) for other in (1, 2, 3)),
        id="seven",
    )
    records = [ranking, _pair("p", "a", "x" * 200), _pair("p", "a", "b")]

    with pytest.raises(Unfit, match=r"record seven, response 2: .*on_unfit='drop'") as caught:
        encode_all(records, ENCODER)
    encoded = encode_all(records, ENCODER, "drop")

    assert caught.value.reason == "response_too_long"
    assert encoded.dropped == {
        "response_too_long": 2,
        "empty_response": 1,
        "records_left_without_comparisons": 1,
    }
    assert len(encoded) == 2
    assert len(encoded.responses_of(0)) == 2
    assert len(encoded.chosen) == 2


def test_pairs_that_truncation_makes_identical() -> None:
    """Two sides with the same ids after cutting (or before) are refused by name, or dropped and counted; ties stay."""
    same = _pair("p", "a", "a")
    with pytest.raises(Unfit, match="are the same 3 tokens") as caught:
        encode_all([same], PLAIN)
    encoded = encode_all([same, _pair("p", "b", "b", tie=True), _pair("p", "a", "b")], PLAIN, "drop")

    assert caught.value.reason == IDENTICAL
    assert Counter(encoded.dropped) == {IDENTICAL: 1, "records_left_without_comparisons": 1}
    assert len(encoded) == 2


def test_prompts_cut_to_nothing_different_are_identical() -> None:
    """Responses that differ in what the tokenizer drops, after prompts that were cut, are found by their ids."""

    class Blind(Encoder):
        """An encoder that cuts everything but the first character of a response."""

        def encode_many(self, pairs: Iterable[Pair], *, characters: bool = False) -> Iterator[Result]:
            return super().encode_many([(prompt, str(response)[:1]) for prompt, response in pairs])

    blind = Blind(byte_tokenizer(chat=False), for_tokenizer(byte_tokenizer(chat=False)), 24)
    with pytest.raises(Unfit, match="once the prompt was cut"):
        encode_all([_pair("long " * 20, "yes", "yellow")], blind)


def test_records_without_comparisons_stay() -> None:
    """Unlabelled responses are encoded; only records that lost all their comparisons are dropped."""
    unlabelled = Preference(prompt="p", responses=(Response(content="a"), Response(content="x" * 500)))

    encoded = encode_all([unlabelled], ENCODER, "drop")

    assert len(encoded) == 1
    assert encoded.responses_of(0).tolist() == [0]
    assert encoded.comparisons_of(0) == slice(0, 0)


def test_fingerprint_sees_every_change() -> None:
    """The fingerprint is the same for the same records, and another for another order, label or text."""
    records = [_pair("p", "a", "b"), _pair("q", "a", "b")]
    prints = {
        name: encode_all(changed, ENCODER).fingerprint
        for name, changed in {
            "same": records,
            "order": records[::-1],
            "weight": [_pair("p", "a", "b", weight=0.5), records[1]],
            "text": [_pair("p", "a", "bb"), records[1]],
            "swapped": [_pair("p", "b", "a"), records[1]],
        }.items()
    }

    assert encode_all(iter(records), ENCODER).fingerprint == prints["same"]
    assert len(set(prints.values())) == len(prints)


def test_nothing_and_nonsense() -> None:
    """No records give an empty set; an unknown policy is refused."""
    assert len(encode_all([], ENCODER)) == 0
    with pytest.raises(ValueError, match="'error' or 'drop'"):
        encode_all([], ENCODER, "ignore")  # type: ignore[arg-type]


def test_bare_sequences_keep_their_places() -> None:
    """Sequences alone are stored once each, and found again in the order given."""
    sequences = [ENCODER.encode("p", text) for text in ("a", "b", "a")]

    encoded, places = encode_sequences(sequences)

    assert places == [0, 1, 0]
    assert [encoded.ids(place).tolist() for place in places] == [one.ids.tolist() for one in sequences]


def test_ratings_need_no_comparisons() -> None:
    """Records of one to four responses that were only rated are kept; labels hold their ratings and no comparison."""
    records = [
        Preference(
            prompt=f"p{count}",
            responses=tuple(
                Response(content=f"r{at}", ratings={"true": float(at)} if at else {}) for at in range(count)
            ),
        )
        for count in (1, 2, 3, 4)
    ]
    encoded = encode_all(records, ENCODER)
    assert len(encoded) == 4
    assert not encoded.dropped
    labels = collate(encoded, range(4)).labels
    assert len(labels.chosen) == len(labels.record_of_comparisons()) == 0
    assert labels.rating_names == ("true",)
    assert labels.ratings[:, 0].nan_to_num(-1).tolist() == [-1, -1, 1, -1, 1, 2, -1, 1, 2, 3]
    assert labels.occurrences is not None
    assert labels.occurrences.tolist() == [1] * 10


def test_labels_know_the_record_of_each_comparison() -> None:
    """Where a response is in two records of a batch too; moved to a device, labels keep all they hold."""
    records = [_pair("p", "a", "b"), _pair("p", "b", "c")]
    labels = collate(encode_all(records, ENCODER), [1, 0]).to("cpu").labels
    assert labels.record_of_comparisons().tolist() == [0, 1]
    assert labels.occurrences is not None
    assert sorted(labels.occurrences.tolist()) == [1, 1, 2]
