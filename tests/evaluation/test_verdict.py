"""The verdict rests on intervals: nothing is called better than what it cannot be told from."""

import numpy as np
import pytest

from plaudit.evaluation.evaluate import evaluate
from plaudit.evaluation.verdict import percent, verdict
from plaudit.predictions import Predictions


def told(right: float, count: int = 400, lengths: bool = False) -> dict:
    """The verdict on a scorer that is right in a share of comparisons, by length if asked."""
    won = np.arange(count) < right * count
    sides = (np.where(won, 2, 1), np.where(won, 1, 2)) if lengths else (np.ones(count, int), np.ones(count, int))
    scored = Predictions.from_pairs(np.where(won, 1.0, -1.0), np.zeros(count), lengths=sides)
    return verdict({"evaluation": evaluate(scored, ["accuracy"], resamples=100).to_json()})


@pytest.mark.parametrize(
    ("right", "standing"), [(0.8, "above"), (0.51, "chance"), (0.5, "chance"), (0.49, "chance"), (0.2, "below chance")]
)
def test_a_scorer_is_called_what_it_is(right, standing) -> None:
    """Guessing is called guessing, though its accuracy be a little above one half."""
    assert told(right)["standing"] == standing


def test_length_is_called_length() -> None:
    """A scorer that is right just where the longer response won has learned no more than length."""
    found = told(0.8, lengths=True)

    assert found["standing"] == "length"
    assert "counting characters" in found["title"]


def test_too_little_data_is_no_verdict() -> None:
    """Without an interval there is no verdict, and the sentence says why."""
    found = told(1.0, count=10)

    assert found["standing"] == "unknown"
    assert "10 groups" in found["sentences"][0]


def test_shares_are_said_with_their_intervals() -> None:
    """In per cent, the interval in brackets; without one, why."""
    assert percent({"value": 0.741, "low": 0.72, "high": 0.7614}) == "74.1 % (72.0 to 76.1)"
    assert percent({"value": 0.5, "low": None, "high": None, "reason": "few"}) == "50.0 % (no interval: few)"
