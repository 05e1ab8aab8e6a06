"""The two penalties on how large rewards are: their level alone, and all of it."""

import pytest
import torch

from plaudit.models.reward_model import Rewards
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.centred import Centred
from plaudit.objectives.regularisers.l2 import L2
from plaudit.testing import pair_labels

PAIRS = [(5.0, -5.0), (3.0, 1.0), (-2.0, 4.0), (0.0, 0.0)]
REWARDS = Rewards(torch.tensor(PAIRS).reshape(-1, 1))


def test_each_is_what_it_says() -> None:
    """(r_c + r_r)² and (r_c² + r_r²) / 2."""
    centred, l2 = (kind()(REWARDS, pair_labels(4), BradleyTerry()).tolist() for kind in (Centred, L2))
    assert centred == [(won + lost) ** 2 for won, lost in PAIRS]
    assert l2 == [(won**2 + lost**2) / 2 for won, lost in PAIRS]


def test_only_one_of_them_sees_a_spread() -> None:
    """Rewards 5 and −5 have mean 0: nothing under the first, 25 under the second."""
    rewards = Rewards(torch.tensor([[5.0], [-5.0]]))
    assert Centred()(rewards, pair_labels(1), BradleyTerry()).item() == 0
    assert L2()(rewards, pair_labels(1), BradleyTerry()).item() == 25


def descend(regularisers: list[Centred | L2], steps: int = 2000) -> torch.Tensor:
    """Minimise the loss of one pair that begins at a level of 3."""
    values = torch.tensor([[3.0], [3.0]], requires_grad=True)
    descent = torch.optim.SGD([values], lr=0.2)
    for _ in range(steps):
        descent.zero_grad()
        Regularised(BradleyTerry(), regularisers)(Rewards(values), pair_labels(1)).total().backward()
        descent.step()
    return values.detach()[:, 0]


def test_centring_moves_the_level_and_leaves_the_margin() -> None:
    """The level, which nothing else decides, goes to zero; the margin is that of a run without it."""
    with_it, without = descend([Centred(0.05)]), descend([])
    assert with_it.mean().item() == pytest.approx(0, abs=1e-4)
    assert without.mean().item() == pytest.approx(3, abs=1e-4)
    assert (with_it[0] - with_it[1]).item() == pytest.approx((without[0] - without[1]).item(), rel=1e-3)


def test_l2_bounds_the_margin_too() -> None:
    """A pair that can be separated ends where the loss's pull σ(−Δ) equals the penalty's, c·Δ/2; level zero."""
    rewards = descend([L2(0.1)])
    margin = (rewards[0] - rewards[1]).item()
    assert rewards.mean().item() == pytest.approx(0, abs=1e-4)
    assert torch.sigmoid(torch.tensor(-margin)).item() == pytest.approx(0.1 * margin / 2, abs=1e-4)
