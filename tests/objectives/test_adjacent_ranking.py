"""Adjacent ranking against its sum written out."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import logistic

from plaudit.models.reward_model import Rewards
from plaudit.objectives.adjacent_ranking import AdjacentRanking
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.testing import list_labels, pair_labels
from tests.objectives.known import learned

LISTS = st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=6), min_size=1, max_size=4)


def written_out(rewards: np.ndarray, levels: list[int]) -> float:
    """Neighbouring levels, the mean over the pairs across each two."""
    rows = [rewards[np.array(levels) == level] for level in sorted(set(levels))]
    return sum(float(-logistic.logcdf(u[:, None] - v).mean()) for u, v in pairwise(rows))


@settings(max_examples=50, deadline=None)
@given(LISTS, st.integers(0, 100))
def test_is_the_sum_over_neighbours(lists: list[list[int]], seed: int) -> None:
    """Any lists with any ties; one without two levels has no term."""
    values = np.random.default_rng(seed).normal(size=sum(map(len, lists))) * 3
    terms = AdjacentRanking()(Rewards(torch.from_numpy(values)[:, None]), list_labels(*lists))
    parts = np.split(values, np.cumsum([len(own) for own in lists])[:-1])
    expected = [written_out(part, own) for part, own in zip(parts, lists, strict=True) if len(set(own)) > 1]
    np.testing.assert_allclose(terms.loss.numpy(), expected, rtol=1e-6)
    assert terms.weight.tolist() == [1] * len(expected)


def test_two_responses_are_bradley_terry() -> None:
    """A list of two has one pair of neighbours."""
    rewards, labels = Rewards(torch.randn(20, 1)), pair_labels(10)
    torch.testing.assert_close(AdjacentRanking()(rewards, labels).loss, BradleyTerry()(rewards, labels).loss)


def test_pairs_that_are_no_neighbours_do_not_pull() -> None:
    """Only neighbours have gradients towards each other: with r_1 = r_2, the middle one is pulled both ways alike."""
    rewards = torch.zeros(3, 1, requires_grad=True)
    AdjacentRanking()(Rewards(rewards), list_labels([0, 1, 2])).total().backward()
    assert rewards.grad is not None
    assert rewards.grad[:, 0].tolist() == pytest.approx([-0.5, 0.0, 0.5])


def test_a_record_weighs_the_mean_of_its_comparisons() -> None:
    """And none where its comparisons leave it without an order."""
    labels = list_labels([0, 1, 2], [0, 1, 2])
    weight = torch.tensor([1.0, 2.0, 6.0, 1.0, 1.0, 0.0])
    terms = AdjacentRanking()(Rewards(torch.zeros(6, 1)), replace(labels, weight=weight))
    assert terms.weight.tolist() == [3]
    assert len(terms.loss) == 1


def test_learns_an_order() -> None:
    """Trained on lists, it orders responses of other prompts."""
    assert learned(AdjacentRanking()) > 0.85
