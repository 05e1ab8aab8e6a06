"""McNemar's test against SciPy, statsmodels, and every choice of signs; whole prompts change sides together."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.contingency_tables import mcnemar as contingency

from plaudit.evaluation.mcnemar import mcnemar, sign_test
from plaudit.predictions import Predictions


def models(first: list[float], second: list[float], **shared: object) -> tuple[Predictions, Predictions]:
    """Two models with these margins on the same comparisons."""
    return tuple(Predictions.from_pairs(own, np.zeros(len(own)), **shared) for own in (first, second))  # type: ignore[arg-type, return-value]


credit = st.lists(
    st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), st.sampled_from([-1.0, 0.0, 1.0])), min_size=1, max_size=40
)


@given(credit)
def test_agrees_with_scipy_and_statsmodels(drawn: list[tuple[float, float]]) -> None:
    """Counts by hand; exact p by the binomial test and by McNemar's table; mid-p by its definition."""
    found = mcnemar(*models([one for one, _ in drawn], [other for _, other in drawn]))
    ours, theirs = sum(a > b for a, b in drawn), sum(a < b for a, b in drawn)
    count = ours + theirs
    exact = binomtest(ours, count, 0.5).pvalue if count else 1.0

    assert (found.ours, found.theirs) == (ours, theirs)
    assert found.p == pytest.approx(exact, rel=1e-9)
    assert found.p == pytest.approx(contingency([[0, ours], [theirs, 0]], exact=True).pvalue, rel=1e-9)
    twice = 2 * binom.cdf(min(ours, theirs), count, 0.5) - binom.pmf(min(ours, theirs), count, 0.5)
    assert found.mid_p == pytest.approx(min(1.0, twice), rel=1e-9)
    assert (found.prompts_p, found.prompts_mid_p) == (found.p, found.mid_p)


@settings(deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_by_prompts_is_every_choice_of_signs(surpluses: list[int]) -> None:
    """With prompts of several comparisons p is the share of all sign choices that are as extreme."""
    group = np.repeat(np.arange(len(surpluses)), np.abs(surpluses))
    signs = np.repeat(np.sign(surpluses), np.abs(surpluses)).astype(float)
    margins = np.where(signs > 0, 1.0, -1.0)
    if not group.size:
        return
    found = mcnemar(*models(list(margins), list(-margins), group=group))
    sums = np.abs([np.dot(choice, surpluses) for choice in product((-1, 1), repeat=len(surpluses))])
    total = abs(sum(surpluses))

    assert found.prompts == sum(one != 0 for one in surpluses)
    assert found.prompts_p == pytest.approx(np.mean(sums >= total), abs=1e-12)
    if total:
        assert found.prompts_mid_p == pytest.approx((np.mean(sums >= total) + np.mean(sums > total)) / 2, abs=1e-12)


def test_copies_of_a_prompt_are_no_evidence() -> None:
    """Ten copies of every comparison within its prompt change p taken as independent, and not p by prompts."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.5, 1, 60), rng.normal(0.2, 1, 60)
    once = mcnemar(*models(list(first), list(second)))
    copied = mcnemar(
        *models(list(np.repeat(first, 10)), list(np.repeat(second, 10)), group=np.repeat(np.arange(60), 10))
    )

    assert copied.p < once.p / 10
    assert copied.prompts_p == pytest.approx(once.p, abs=1e-12)


def test_large_sets_stay_exact() -> None:
    """A million signs of several sizes: the distribution's spread is the sum of squares, and the tails are normal."""
    values, counts = np.array([1, -1, 2, -2, 5]), np.array([30_000, 29_000, 5_000, 5_100, 40])
    exact, mid = sign_test(values, counts)
    total, spread = abs(int(values @ counts)), np.sqrt(values**2 @ counts)
    from scipy.stats import norm

    assert mid == pytest.approx(2 * norm.sf(total / spread), rel=0.01)
    assert exact > mid


def test_false_alarms_by_prompts_keep_their_level() -> None:
    """Of 400 sets of equals whose comparisons share a prompt's luck, by prompts 5 % are called, as independent more."""
    rng, hits = np.random.default_rng(0), np.zeros(2)
    for _ in range(400):
        luck = rng.normal(0, 2, 80).repeat(5)
        first, second = luck + rng.normal(size=400), -luck + rng.normal(size=400)
        found = mcnemar(*models(list(first), list(second), group=np.arange(80).repeat(5)))
        hits += np.array([found.p <= 0.05, (found.prompts_p or 0) <= 0.05])

    assert hits[0] / 400 > 0.2
    assert hits[1] / 400 <= 0.075


def test_weight_zero_and_ties_take_no_side() -> None:
    """Comparisons of weight 0 and ties are on neither side; without prompts no test is by prompts, and it says so."""
    first, second = models([1.0, 1.0, 1.0], [-1.0, -1.0, -1.0], weight=[1, 0, 1], outcome=[1, 1, 0.5])
    assert (mcnemar(first, second).ours, mcnemar(first, second).theirs) == (1, 0)
    from dataclasses import replace

    alone = [replace(one, by_response=True, response_group=np.arange(6)) for one in (first, second)]
    found = mcnemar(*alone)
    assert (found.prompts, found.prompts_p, found.prompts_mid_p) == (None, None, None)
    assert "taken as independent" in found.respects
