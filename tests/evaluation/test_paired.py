"""Two models on the same comparisons, and one at its best scale, against independent computations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_expit

from plaudit.evaluation.paired import LARGEST, NotPaired, best_scale, nll_difference
from plaudit.predictions import Predictions


def predictions(margins, outcome=None, weight=None):
    """Return pairs with these margins, each a prompt of its own."""
    margins = np.asarray(margins, dtype=float)
    return Predictions.from_pairs(margins, np.zeros(margins.size), outcome=outcome, weight=weight)


def nll(margins, outcome, weight):
    """Return the mean nll by SciPy's log-sigmoid."""
    terms = outcome * log_expit(margins) + (1 - outcome) * log_expit(-margins)
    return -float(np.sum(weight * terms) / np.sum(weight))


@pytest.fixture(scope="module")
def drawn():
    """300 comparisons, some ties, uneven weights, and the margins of a good and a worse model."""
    rng = np.random.default_rng(1)
    outcome, weight = np.where(rng.random(300) < 0.1, 0.5, 1.0), rng.uniform(0.5, 2.0, 300)
    good = rng.normal(1.0, 1.0, 300)
    return outcome, weight, good, 0.2 * good + rng.normal(0.0, 1.0, 300)


def test_the_difference_is_that_of_the_two_means(drawn):
    """Its value is one mean nll less the other, its interval turns round with the roles, and it tells good from bad."""
    outcome, weight, good, bad = drawn
    first, second = (predictions(margins, outcome, weight) for margins in (bad, good))
    there, back = nll_difference(first, second), nll_difference(second, first)

    assert there.value == pytest.approx(nll(bad, outcome, weight) - nll(good, outcome, weight), abs=1e-12)
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low), abs=1e-12)
    assert there.low > 0


def test_models_that_differ_by_little_are_not_told_apart(drawn):
    """Noise in every margin leaves zero within the interval; the same model twice differs by exactly zero."""
    outcome, weight, good, _ = drawn
    shaken = good + np.random.default_rng(2).normal(0.0, 0.05, good.size)
    found = nll_difference(predictions(shaken, outcome, weight), predictions(good, outcome, weight))
    same = nll_difference(predictions(good), predictions(good))

    assert found.low < 0 < found.high
    assert found.high - found.low < 0.05
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_other_comparisons_are_refused(drawn):
    """What is not of the same comparisons is named."""
    outcome, weight, good, _ = drawn
    with pytest.raises(NotPaired, match="outcome"):
        nll_difference(predictions(good, outcome, weight), predictions(good, np.ones(300), weight))
    with pytest.raises(NotPaired, match="chosen"):
        nll_difference(predictions(good), predictions(good[:-1]))


def test_the_best_scale_is_found_and_undone(drawn):
    """A grid finds nothing better; a model with all rewards tenfold has a tenth of the scale and the same figure."""
    outcome, weight, _, bad = drawn
    scale, least = best_scale(predictions(bad, outcome, weight))
    tenfold = best_scale(predictions(10 * bad, outcome, weight))
    grid = [nll(factor * bad, outcome, weight) for factor in np.geomspace(1e-3, 1e3, 2001)]

    assert least == pytest.approx(nll(scale * bad, outcome, weight), abs=1e-12)
    assert least <= min(grid) + 1e-9
    assert tenfold == pytest.approx((scale / 10, least), rel=1e-4)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20))
def test_a_scale_never_makes_it_worse(margins):
    """Whatever the margins, the figure is finite, not above the raw nll, and not above ln 2 by more than rounding."""
    scale, least = best_scale(predictions(margins))
    raw = nll(np.array(margins), np.ones(len(margins)), np.ones(len(margins)))

    assert math.exp(-LARGEST) <= scale * 1.001 and scale <= math.exp(LARGEST) * 1.001
    assert least <= raw + 1e-12
    assert least <= math.log(2) + 50 * math.exp(-LARGEST)


def test_equal_rewards_have_no_better_scale():
    """Where rewards are all equal no factor changes anything: 1, and ln 2."""
    assert best_scale(predictions([0.0, 0.0])) == (1.0, pytest.approx(math.log(2)))
