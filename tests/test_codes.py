"""Codes are what `numpy.unique` gives, whether the values lie close together or not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plaudit.predictions.codes import coded, distinct

numbers = st.integers(-9, 9) | st.integers(-(2**63), 2**63 - 1) | st.integers(2**40, 2**40 + 5)


@given(st.lists(st.integers(-9, 9), max_size=40) | st.lists(numbers, max_size=12))
def test_codes_are_those_of_unique(values: list[int]) -> None:
    """The different values, their number, and each value's place, in whole numbers; nothing gives nothing."""
    given_ = np.array(values, np.int64)
    found, places = coded(given_)
    expected, inverse = np.unique(given_, return_inverse=True)

    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(places, inverse)
    assert found.dtype == places.dtype == np.int64
    assert distinct(given_) == len(set(values))
