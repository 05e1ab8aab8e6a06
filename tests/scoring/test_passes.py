"""Forward passes hold every sequence once and stay within the budget."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.encoding.encode import encode_sequences
from plaudit.encoding.encoder import Sequence
from plaudit.encoding.packing import tree_tokens
from plaudit.scoring.passes import plan

SEQUENCES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30)), min_size=1, max_size=25)


def encoded_of(drawn: list[tuple[int, int]]) -> list[Sequence]:
    """Return a sequence for each (prompt number, response length); prompt n has 10n ids, and 0 is none."""
    return [
        Sequence(
            ids=np.array([*range(1000 * key, 1010 * key), *range(place * 100, place * 100 + length)], np.int32),
            prompt_length=10 * key,
            prompt_key=key,
        )
        for place, (key, length) in enumerate(drawn)
    ]


@settings(max_examples=100, deadline=None)
@given(SEQUENCES, st.booleans(), st.integers(20, 200))
def test_passes_hold_everything_within_the_budget(drawn: list[tuple[int, int]], share: bool, budget: int) -> None:
    """Every sequence is in one part; a part of more than one has at most ``budget`` packed tokens."""
    encoded, _ = encode_sequences(encoded_of(drawn))

    parts = list(plan(encoded, share=share, budget=budget))

    assert sorted(place for part in parts for place in part) == list(range(encoded.sequences))
    assert all(len(part) == 1 or tree_tokens(encoded, part, share=share) <= budget for part in parts)


@settings(max_examples=30, deadline=None)
@given(SEQUENCES)
def test_prompts_stay_together(drawn: list[tuple[int, int]]) -> None:
    """With room enough, all is one part; with sharing, a prompt's sequences are neighbours."""
    encoded, _ = encode_sequences(encoded_of(drawn))

    [part] = plan(encoded, share=True, budget=10**6)
    keys = [int(encoded.prompt_keys[place]) for place in part]

    changes = sum(first != second for first, second in pairwise(keys))
    prompted = [key for key in keys if key]
    assert changes <= 2 * len(set(keys))
    assert len([1 for a, b in pairwise(prompted) if a != b]) == max(0, len(set(prompted)) - 1)


def test_encoders_get_parts_of_like_length() -> None:
    """Without sharing, sequences are taken by length."""
    encoded, _ = encode_sequences(encoded_of([(0, length) for length in (9, 1, 30, 2, 28)]))

    assert [encoded.lengths[part].tolist() for part in plan(encoded, share=False, budget=15)] == [[1, 2, 9], [28], [30]]
