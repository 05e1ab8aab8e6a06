"""Triplets against a loop over every winner and everybody it won against."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives.hinge import Hinge
from plaudit.objectives.triplet import Triplet
from plaudit.testing import pair_labels
from tests.objectives.pairs import of_margins


def records(seed: int) -> tuple[Rewards, Labels]:
    """Five records of four responses; in each six random comparisons, some of them ties, some of weight 0."""
    random = np.random.default_rng(seed)
    pairs = np.array([4 * record + random.choice(4, 2, replace=False) for record in range(5) for _ in range(6)])
    labels = replace(
        pair_labels(30),
        chosen=torch.from_numpy(pairs[:, 0]),
        rejected=torch.from_numpy(pairs[:, 1]),
        tie=torch.from_numpy(random.random(30) < 0.2),
        strength=torch.from_numpy(random.random(30).astype(np.float32)),
        weight=torch.from_numpy(random.choice([0.0, 0.5, 2.0], 30).astype(np.float32)),
        record=torch.arange(5).repeat_interleave(4),
    )
    return Rewards(torch.from_numpy(random.normal(size=(20, 1)))), labels


def by_hand(rewards: Rewards, labels: Labels, margin: float) -> float:
    """The weighted sum of losses by a loop."""
    reward = rewards.scalar.tolist()
    won: dict[int, list[tuple[float, float]]] = {}
    total = 0.0
    for number, (winner, loser) in enumerate(zip(labels.chosen.tolist(), labels.rejected.tolist(), strict=True)):
        weight, strength = float(labels.weight[number]), float(labels.strength[number])
        gap = reward[winner] - reward[loser]
        if labels.tie[number]:
            total += weight * (max(0, margin - gap) + max(0, margin + gap)) / 2
        elif weight:
            won.setdefault(winner, []).append((margin + strength - gap, weight))
    for found in won.values():
        total += max(0, *(lack for lack, _ in found)) * float(np.mean([weight for _, weight in found]))
    return total


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_a_loop_over_winners(seed: int) -> None:
    """Each winner's largest lack, at the mean weight of its wins; ties apart."""
    rewards, labels = records(seed)
    terms = Triplet(margin=0.7)(rewards, labels)
    assert terms.total().item() == pytest.approx(by_hand(rewards, labels, 0.7), rel=1e-6)


def test_only_the_hardest_loser_is_pushed() -> None:
    """Of three losers the one with the highest reward has a gradient, and the winner."""
    labels = replace(pair_labels(3), chosen=torch.zeros(3, dtype=torch.int64), rejected=torch.tensor([1, 2, 3]))
    leaf = torch.tensor([[0.0], [0.5], [2.0], [-3.0], [9.0], [9.0]], requires_grad=True)
    Triplet()(Rewards(leaf), labels).total().backward()
    assert leaf.grad is not None
    assert leaf.grad[:, 0].tolist() == [-1.0, 0.0, 1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("tie", [False, True])
def test_with_two_responses_it_is_the_hinge(tie: bool) -> None:
    """A record's only loser is its hardest."""
    margins = torch.linspace(-3, 3, 13)
    labels = replace(pair_labels(13), tie=torch.full((13,), tie), strength=torch.rand(13))
    ours, hinge = (objective(of_margins(margins), labels) for objective in (Triplet(2.0), Hinge(2.0)))
    torch.testing.assert_close(ours.loss, hinge.loss)
    torch.testing.assert_close(ours.weight, hinge.weight)


def test_nothing_of_weight_is_nothing_to_learn() -> None:
    """Comparisons of weight 0 leave no terms."""
    terms = Triplet()(of_margins([1.0, -1.0]), replace(pair_labels(2), weight=torch.zeros(2)))
    assert terms.loss.shape == terms.weight.shape == (0,)
    assert terms.total().item() == 0


@pytest.mark.parametrize("margin", [0.0, -1.0, float("inf"), float("nan")])
def test_a_wrong_margin_is_told_the_range(margin: float) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=f"margin must be a finite number above 0, not {margin}"):
        Triplet(margin)
