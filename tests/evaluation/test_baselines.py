"""Baselines read nothing but lengths."""

import numpy as np
import pytest

from plaudit.evaluation.baselines import BASELINES, AccuracyOf, chance, longer_wins, shorter_wins
from plaudit.evaluation.metrics import choose
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.predictions import Predictions

SCORED = Predictions.from_pairs([1.0, 2.0, 3.0, 4.0], np.zeros(4), lengths=([9, 1, 5, 7], [3, 8, 5, 2]))


def test_longer_and_shorter_are_told_by_length_alone() -> None:
    """Two longer, one shorter, one as long: 2.5 of 4, and the reverse."""
    assert Accuracy()(longer_wins(SCORED)) == 2.5 / 4
    assert Accuracy()(shorter_wins(SCORED)) == 1.5 / 4


def test_chance_has_the_values_of_a_coin() -> None:
    """Accuracy one half, log-likelihood minus log 2, Brier one quarter."""
    metrics = choose(["accuracy", "log_likelihood", "brier"])
    assert [metric(chance(SCORED)) for metric in metrics.values()] == pytest.approx([0.5, -np.log(2), 0.25])


@pytest.mark.parametrize("name", list(BASELINES))
def test_a_baseline_ignores_the_rewards(name: str) -> None:
    """Whatever the model said, the baseline's accuracy is the same, and equals the accuracy of its predictions."""
    other = Predictions.from_pairs([-1.0, 5.0, 0.0, 2.0], np.ones(4), lengths=([9, 1, 5, 7], [3, 8, 5, 2]))
    metric = AccuracyOf(BASELINES[name])
    assert metric(SCORED) == metric(other) == Accuracy()(BASELINES[name](SCORED))
