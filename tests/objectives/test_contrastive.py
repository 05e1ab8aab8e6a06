"""Contrastive against cross-entropy, and at the ends of the temperature."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy, relu

from plaudit.models.reward_model import Rewards
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.contrastive import Contrastive
from plaudit.testing import list_labels, pair_labels
from tests.objectives.known import learned


@pytest.mark.parametrize("temperature", [0.1, 1.0, 7.0])
def test_is_the_cross_entropy_of_the_winner(temperature: float) -> None:
    """A winner against the three it beat, the next against two, the third against one."""
    values = torch.randn(8, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    terms = Contrastive(temperature)(Rewards(values), list_labels([0, 1, 2, 3], [3, 2, 1, 0]))
    logits = values.reshape(2, 4) / temperature
    logits = torch.stack([logits[0], logits[1].flip(0)])
    first = [cross_entropy(logits[0, at:], torch.tensor(0)) for at in range(3)]
    second = [cross_entropy(logits[1, at:], torch.tensor(0)) for at in (2, 1, 0)]
    torch.testing.assert_close(terms.loss, torch.stack([*first, *second]))
    assert terms.weight.tolist() == [1] * 6


def test_one_loser_at_temperature_one_is_bradley_terry() -> None:
    """At margins small and large."""
    rewards = Rewards(torch.linspace(-60, 60, 40)[torch.randperm(40)][:, None])
    labels = pair_labels(20)
    torch.testing.assert_close(Contrastive()(rewards, labels).loss, BradleyTerry()(rewards, labels).loss)


def test_a_low_temperature_sees_the_strongest_loser_only() -> None:
    """τ·L tends to max(0, largest loser − winner)."""
    values = torch.tensor([[0.3], [1.1], [0.9], [-4.0]])
    labels = replace(list_labels([0, 1, 2, 3]), weight=torch.tensor([1.0, 1, 1, 0, 0, 0]))
    loss = Contrastive(1e-3)(Rewards(values), labels).loss
    assert 1e-3 * loss.item() == pytest.approx(relu(values[1] - values[0]).item(), abs=1e-4)


def test_several_votes_for_one_pair_are_one_loser() -> None:
    """The loser is in the sum once, the term weighs the mean of the votes; a tie is no vote."""
    twice = replace(
        pair_labels(2),
        chosen=torch.tensor([0, 0, 0]),
        rejected=torch.tensor([1, 1, 2]),
        tie=torch.tensor([False, False, True]),
        weight=torch.tensor([1.0, 3.0, 9.0]),
        strength=torch.zeros(3),
        record=torch.zeros(4, dtype=torch.int64),
    )
    rewards = Rewards(torch.tensor([[0.5], [0.0], [70.0], [0.0]]))
    terms = Contrastive()(rewards, twice)
    assert terms.loss.tolist() == pytest.approx([0.4741], abs=5e-5)
    assert terms.weight.tolist() == [2]


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bad_temperature_is_named_with_its_range(temperature: float) -> None:
    """The message says what it was and what it may be."""
    with pytest.raises(ValueError, match=f"temperature must be a finite number above 0, not {temperature}"):
        Contrastive(temperature)


def test_learns_an_order() -> None:
    """Trained on rankings, it orders responses of other prompts."""
    assert learned(Contrastive(0.5)) > 0.85
