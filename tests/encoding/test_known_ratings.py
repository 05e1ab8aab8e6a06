"""Which rating belongs to which column, and how often it counts."""

from dataclasses import replace

import torch

from plaudit.encoding.known_ratings import known_ratings
from plaudit.testing import pair_labels, rating_labels

NAN = float("nan")


def test_missing_ratings_are_left_out() -> None:
    """What is there is paired with the column that predicts it, in the order of the responses."""
    labels = rating_labels(a=[1.0, NAN, 3.0], b=[NAN, NAN, 6.0])
    values = torch.arange(9.0).reshape(3, 3)
    found = known_ratings(values, labels, ("b", "a"))
    assert found.rating.tolist() == [1, 6, 3]
    assert found.attribute.tolist() == [1, 0, 1]
    assert found.reward.tolist() == [2, 7, 8]
    assert found.weight.tolist() == [1, 1, 1]


def test_a_response_counts_as_often_as_it_occurs() -> None:
    """In records of the batch."""
    labels = replace(rating_labels(a=[1.0, 2.0]), occurrences=torch.tensor([3, 1]))
    assert known_ratings(torch.zeros(2, 1), labels, ()).weight.tolist() == [3, 1]


def test_no_ratings_are_no_terms() -> None:
    """Neither an error nor a NaN."""
    found = known_ratings(torch.zeros(6, 1), pair_labels(3), ())
    assert [len(column) for column in (found.reward, found.rating, found.attribute, found.weight)] == [0] * 4
