"""Growing columns hold what a dictionary and lists would, in little memory."""

import hashlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.encoding.columns import Means, Places, Records, Sequences, digest_of
from plaudit.encoding.encoder import Sequence
from plaudit.preferences.preference import Comparison


def _digest(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 40) | st.binary(min_size=16, max_size=16), max_size=80))
def test_places_number_digests_as_a_dictionary_does(given_: list[int | bytes]) -> None:
    """Every digest gets the number of its first appearance, also those that begin alike."""
    places, known = Places(), dict[bytes, int]()
    for one in given_:
        digest = one if isinstance(one, bytes) else b"\0" * 15 + bytes([one])
        new = digest not in known
        assert places.add(digest) == (known.setdefault(digest, len(known)), new)
    assert len(places) == len(known)


def test_places_grow_and_stay_small() -> None:
    """Ten thousand digests keep their numbers while the table grows, at no more than 80 bytes each."""
    places = Places()
    assert [places.add(_digest(number)) for number in range(10_000)] == [(number, True) for number in range(10_000)]
    assert [places.add(_digest(number)) for number in range(10_000)] == [(number, False) for number in range(10_000)]
    assert sys.getsizeof(places._digests) + sys.getsizeof(places._slots) < 80 * 10_000


VALUES = st.dictionaries(st.sampled_from(["a", "b"]), st.floats(-9, 9, width=32), max_size=2)


@given(st.lists(st.tuples(st.integers(0, 6), VALUES)))
def test_means_are_numpys(given_: list[tuple[int, dict[str, float]]]) -> None:
    """Each cell is the mean of what was added to it, and NaN where nothing was."""
    means = Means()
    for row, values in given_:
        means.add(row, values)
    names, table = means.table(7)
    assert names == tuple(sorted({name for _, values in given_ for name in values}))
    for row in range(7):
        for column, name in enumerate(names):
            held = [values[name] for at, values in given_ if at == row and name in values]
            assert (
                table[row, column] == pytest.approx(np.mean(held), abs=1e-5) if held else np.isnan(table[row, column])
            )


IDS = st.lists(st.integers(0, 5), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(IDS, st.none() | st.booleans(), st.integers(0, 1)), max_size=12))
def test_sequences_come_back(rows: list[tuple[list[int], bool | None, int]]) -> None:
    """Ids, segments, borders and prompts are those that were added, stored once each; types only where one is not 0."""
    given_ = [
        Sequence(
            ids=np.array(ids, np.int32),
            prompt_length=len(ids) - 1,
            prompt_key=key,
            token_type_ids=None if typed is None else np.full(len(ids), typed, np.uint8),
        )
        for ids, typed, key in rows
    ]
    store = Sequences()
    places = [store.add(sequence) for sequence in given_]
    encoded = store.encoded()
    assert encoded.sequences == len({digest_of(sequence) for sequence in given_})
    assert (encoded.token_types is None) == (not any(typed for _, typed, _ in rows))
    for place, sequence in zip(places, given_, strict=True):
        begin, end = encoded.offsets[place], encoded.offsets[place + 1]
        assert encoded.ids(place).tolist() == sequence.ids.tolist()
        assert encoded.response_starts[place] == sequence.prompt_length
        assert encoded.prompt_keys[place] == sequence.prompt_key
        if encoded.token_types is not None:
            types = sequence.token_type_ids
            expected = [0] * len(sequence.ids) if types is None else types.tolist()
            assert encoded.token_types[begin:end].tolist() == expected


def test_records_come_back() -> None:
    """Comparisons of records land in columns of the right types; none at all makes empty ones."""
    records = Records()
    edges = (Comparison(chosen=0, rejected=2, strength=0.5, weight=2.0), Comparison(chosen=2, rejected=0, tie=True))
    records.add({0: 7, 2: 3}, edges)
    records.add({0: 3}, ())
    columns = records.columns()

    assert columns["record_offsets"].tolist() == [0, 2, 3]
    assert columns["record_sequences"].tolist() == [7, 3, 3]
    assert columns["comparison_offsets"].tolist() == [0, 2, 2]
    assert (columns["chosen"].tolist(), columns["rejected"].tolist()) == ([7, 3], [3, 7])
    assert columns["tie"].tolist() == [False, True] and columns["tie"].dtype == np.bool_
    assert columns["weight"].tolist() == [2.0, 1.0] and columns["weight"].dtype == np.float32
    assert columns["strength"][0] == 0.5 and np.isnan(columns["strength"][1])
    empty = Records().columns()
    assert {name: len(column) for name, column in empty.items() if column is not None and len(column)} == {
        "record_offsets": 1,
        "comparison_offsets": 1,
    }
