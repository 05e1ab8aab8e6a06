"""Plackett-Luce against its product written out, against Bradley-Terry, and with ties against statsmodels' Efron."""

from itertools import permutations
from math import lgamma

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from torch.nn.functional import softplus

from plaudit.models.reward_model import Rewards
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.plackett_luce import PlackettLuce
from plaudit.testing import list_labels, pair_labels
from tests.objectives.known import learned

LEVELS = st.lists(st.integers(0, 3), min_size=2, max_size=7)


def loss(values: np.ndarray, *levels: list[int]) -> np.ndarray:
    """The loss of each list."""
    return np.asarray(PlackettLuce()(Rewards(torch.from_numpy(values)[:, None]), list_labels(*levels)).loss)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.permutations(range(5)), min_size=1, max_size=3), st.integers(0, 100))
def test_without_ties_it_is_the_product(orders: list[list[int]], seed: int) -> None:
    """Σ log of the exponentials of those left, less the reward of the one drawn."""
    values = np.random.default_rng(seed).normal(size=(len(orders), 5)) * 4
    expected = []
    for row, level in zip(values, orders, strict=True):
        ranked = row[np.argsort(level)]
        expected.append(sum(logsumexp(ranked[place:]) - ranked[place] for place in range(5)))
    np.testing.assert_allclose(loss(values.ravel(), *orders), expected, rtol=1e-9, atol=1e-9)


def test_the_probabilities_of_all_orders_of_four_add_up_to_one() -> None:
    """24 orders."""
    values = np.random.default_rng(0).normal(size=4) * 2
    chances = [np.exp(-loss(values, list(order))[0]) for order in permutations(range(4))]
    assert len(chances) == 24
    assert sum(chances) == pytest.approx(1)


def test_two_responses_are_bradley_terry() -> None:
    """At any margin."""
    rewards, labels = Rewards(torch.randn(40, 1) * 20), pair_labels(20)
    torch.testing.assert_close(PlackettLuce()(rewards, labels).loss, BradleyTerry()(rewards, labels).loss)


@settings(max_examples=30, deadline=None)
@given(LEVELS, st.integers(0, 100))
def test_ties_are_efrons(levels: list[int], seed: int) -> None:
    """Cox's partial likelihood with Efron's ties, by statsmodels, is the same but for the orders of the tied."""
    values = np.random.default_rng(seed).normal(size=len(levels))
    cox = sm.PHReg(np.array(levels) + 1.0, values[:, None], ties="efron").loglike(np.ones(1))
    orders = sum(lgamma(levels.count(level) + 1) for level in set(levels))
    assert loss(values, levels)[0] == pytest.approx(-cox - orders, abs=1e-9)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_a_tie_of_equal_rewards_is_all_its_orders(sizes: list[int], seed: int) -> None:
    """Where tied rewards are equal the probability is that of every order of the tied added up; else it is less."""
    random = np.random.default_rng(seed)
    levels = [level for level, size in enumerate(sizes) for _ in range(size)]
    if len(levels) < 2:
        levels = [0, 1]
    equal = random.normal(size=4)[levels]
    for values in (equal, equal + random.normal(size=len(levels))):
        total = 0.0
        for order in permutations(range(len(levels))):
            if [levels[place] for place in order] == sorted(levels):
                ranked = values[list(order)]
                total += np.exp(-sum(logsumexp(ranked[at:]) - ranked[at] for at in range(len(ranked))))
        found = np.exp(-loss(values, levels)[0])
        assert found == pytest.approx(total) if values is equal else found <= total + 1e-9


def test_a_tie_of_two_pulls_them_together() -> None:
    """softplus(Δ) + softplus(−Δ) − 2 log 2: nothing at equal rewards, twice Bradley-Terry's pull elsewhere."""
    margin = torch.linspace(-30, 30, 13)
    rewards = Rewards(torch.stack([margin, torch.zeros(13)], 1).reshape(-1, 1))
    found = PlackettLuce()(rewards, list_labels(*[[0, 0]] * 13)).loss
    expected = softplus(margin) + softplus(-margin) - 2 * np.log(2)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_a_long_list_and_short_ones_together() -> None:
    """500 responses and two: each list costs what it costs alone."""
    values = np.random.default_rng(1).normal(size=502) * 3
    level = np.random.default_rng(2).integers(0, 300, 500).tolist()
    together = loss(values, level, [1, 0])
    np.testing.assert_allclose(together, [loss(values[:500], level)[0], loss(values[500:], [1, 0])[0]])


def test_learns_an_order() -> None:
    """Trained on lists, it orders responses of other prompts."""
    assert learned(PlackettLuce()) > 0.85
