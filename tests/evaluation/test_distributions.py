"""Distributions: counts that count everything, percentiles that percentiles agree with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import percentileofscore

from plaudit.evaluation import distributions
from plaudit.evaluation.extremes import highest, lowest, mistakes
from plaudit.predictions import Predictions
from tests.scored import predictions


@settings(deadline=None, max_examples=20)
@given(predictions())
def test_every_comparison_is_in_a_bin(scored) -> None:
    """Margins and rewards of all comparisons of positive weight are counted once, ties apart."""
    counted, decided = scored.weight > 0, scored.outcome == 1
    margins, rewards = distributions.margins(scored), distributions.rewards(scored)

    assert sum(map(sum, margins["counts"].values())) == counted.sum()
    assert sum(margins["counts"].get("ties", [])) == (counted & ~decided).sum()
    assert all(sum(own) == (counted & decided).sum() for own in rewards["counts"].values())
    assert len(distributions.compared(scored)) == distributions.reference(scored)["responses"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-20, 20), min_size=2, max_size=60), st.integers(-25, 25))
def test_where_a_reward_falls(values, reward) -> None:
    """It rises with the reward, is 0 below and 100 above all, and the median falls in the middle."""
    levels = np.percentile(values, np.arange(101)).tolist()
    place = distributions.percentile(reward, levels)

    assert 0 <= place <= 100
    assert place <= distributions.percentile(reward + 1, levels)
    if reward < min(values):
        assert place == 0
    if reward > max(values):
        assert place == 100
    assert distributions.band(place) in {name for name, *_ in distributions.BANDS}


def test_percentiles_are_those_of_scipy() -> None:
    """Where many rewards differ, the place is SciPy's mean percentile within one point."""
    values = np.random.default_rng(0).normal(size=3000)
    levels = np.percentile(values, np.arange(101)).tolist()

    for reward in (-2.0, -0.5, 0.0, 0.7, 2.2):
        assert distributions.percentile(reward, levels) == pytest.approx(
            percentileofscore(values, reward, "mean"), abs=1
        )


def test_losses_are_those_of_the_margins() -> None:
    """The tenths hold all decided comparisons in order; their mean loss is the data's, and the curve is logistic."""
    rng = np.random.default_rng(0)
    margins = rng.normal(size=205)
    outcome = np.where(np.arange(205) < 5, 0.5, 1.0)
    found = distributions.losses(Predictions.from_pairs(margins, np.zeros(205), outcome=outcome))
    tenths, counts = found["deciles"], [one["comparisons"] for one in found["deciles"]]

    assert counts == [20] * 10
    assert [one["margin"] for one in tenths] == sorted(one["margin"] for one in tenths)
    mean = np.average([one["loss"] for one in tenths], weights=counts)
    assert mean == pytest.approx(np.log1p(np.exp(-margins[5:])).mean())
    place = found["curve"]["margin"].index(0.0)
    assert found["curve"]["probability"][place] == 0.5
    assert found["curve"]["loss"][place] == pytest.approx(np.log(2))


def test_a_scatter_is_drawn_without_repeats() -> None:
    """No more dots than asked for, each a response that is there."""
    scored = Predictions.from_pairs(np.arange(50.0), -np.arange(50.0), lengths=(np.arange(50), np.arange(50, 100)))
    found = distributions.scatter(scored, most=30, seed=1)

    assert found["responses"] == 100
    assert len(set(found["lengths"])) == 30
    assert all(
        reward in {length, 50 - length} for length, reward in zip(found["lengths"], found["rewards"], strict=True)
    )
    assert distributions.scatter(scored, most=30, seed=1) == found
    assert len(distributions.scatter(scored)["lengths"]) == 100


@settings(deadline=None, max_examples=20)
@given(predictions(), st.integers(0, 8))
def test_extremes_are_extreme(scored, count) -> None:
    """Nothing that is left out is higher or lower than what is shown; mistakes are wrong, widest first."""
    rewards, there = scored.rewards, set(distributions.compared(scored).tolist())
    top, bottom, wrong = highest(scored, count), lowest(scored, count), mistakes(scored, count)

    assert len(top) == len(bottom) == min(count, len(there))
    assert rewards[top].tolist() == sorted(rewards[list(there)].tolist(), reverse=True)[:count]
    assert rewards[bottom].tolist() == sorted(rewards[list(there)].tolist())[:count]
    margins = scored.margins[wrong]
    assert (margins < 0).all()
    assert (scored.outcome[wrong] == 1).all()
    assert margins.tolist() == sorted(margins.tolist())
    sides = [*scored.chosen[wrong].tolist(), *scored.rejected[wrong].tolist()]
    assert len(set(sides)) == len(sides)
    assert highest(scored, count, known=[]) == mistakes(scored, count, known=[]) == []
