"""All pairs: Bradley-Terry, a prompt weighing as one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import logistic

from plaudit.models.reward_model import Rewards
from plaudit.objectives import reduce
from plaudit.objectives.all_pairs import AllPairs
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.testing import list_labels, pair_labels
from tests.objectives.known import learned


def test_is_the_mean_over_prompts_of_their_means() -> None:
    """Nine, four and two responses a prompt: every prompt counts once."""
    lists = [list(range(9)), list(range(4)), [1, 0]]
    values = np.random.default_rng(0).normal(size=15)
    labels = list_labels(*lists)
    terms = AllPairs()(Rewards(torch.from_numpy(values)[:, None]), labels)
    losses = -logistic.logcdf(values[labels.chosen] - values[labels.rejected])
    record = labels.record_of_comparisons().numpy()
    expected = np.mean([losses[record == number].mean() for number in range(3)])
    assert reduce(terms).item() == pytest.approx(expected)
    assert [terms.weight[record == number].sum().item() for number in range(3)] == pytest.approx([1, 1, 1])


def test_a_single_pair_is_bradley_terry() -> None:
    """Ties, weights and losses too."""
    labels = replace(pair_labels(10), weight=torch.rand(10), tie=torch.arange(10) % 3 == 0)
    rewards = Rewards(torch.randn(20, 1))
    ours, theirs = AllPairs()(rewards, labels), BradleyTerry()(rewards, labels)
    torch.testing.assert_close(ours.loss, theirs.loss)
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_a_prompt_weighs_the_mean_of_its_comparisons() -> None:
    """Comparisons of weight 0 are not counted."""
    labels = replace(list_labels([0, 1, 2]), weight=torch.tensor([2.0, 4.0, 0.0]))
    assert AllPairs()(Rewards(torch.zeros(3, 1)), labels).weight.tolist() == [1, 2, 0]


def test_learns_an_order() -> None:
    """Trained on rankings, it orders responses of other prompts."""
    assert learned(AllPairs()) > 0.85
