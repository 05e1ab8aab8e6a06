"""Focal loss against its formula in probabilities, and Bradley-Terry where it is that."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.focal import Focal
from tests.objectives.pairs import WIDE, losses


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_equal_to_the_formula_in_probabilities(gamma: float) -> None:
    """−(1 − p)^γ log p, by NumPy in fp64; for a tie the mean of both outcomes."""
    p, q = expit(WIDE.numpy()), expit(-WIDE.numpy())
    won, lost = -(q**gamma) * np.log(p), -(p**gamma) * np.log(q)
    np.testing.assert_allclose(losses(Focal(gamma)).numpy(), won, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(losses(Focal(gamma), tie=True).numpy(), (won + lost) / 2, rtol=1e-7)


def test_without_focusing_it_is_bradley_terry() -> None:
    """γ = 0, with strengths, without them, and for ties."""
    for settings in ({}, {"use_strength": False}):
        for labels in ({}, {"strength": 1.5}, {"tie": True, "strength": 1.5}):
            plain = losses(BradleyTerry(**settings), **labels)
            torch.testing.assert_close(losses(Focal(0.0, **settings), **labels), plain)


def test_easy_comparisons_lose_more_of_their_pull() -> None:
    """Of Bradley-Terry's pull at margin 4 less is left than at margin −4."""
    margin = torch.tensor([4.0, -4.0], dtype=torch.float64, requires_grad=True)
    pulls = [torch.autograd.grad(losses(it, margin).sum(), margin)[0] for it in (Focal(), BradleyTerry())]
    easy, hard = (pulls[0] / pulls[1]).tolist()
    assert easy < 0.01
    assert hard > 0.9


@pytest.mark.parametrize("gamma", [-0.1, float("inf"), float("nan")])
def test_a_wrong_gamma_is_told_the_range(gamma: float) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=f"gamma must be a finite number, 0 or more, not {gamma}"):
        Focal(gamma)


@pytest.mark.parametrize("gamma", [0.0, 2.0, 20.0])
def test_a_tie_is_cheapest_at_margin_zero(gamma: float) -> None:
    """However strong the focusing, a small difference of tied rewards costs more than none."""
    near = torch.linspace(-1, 1, 41, dtype=torch.float64)
    assert int(losses(Focal(gamma), near, tie=True).argmin()) == 20
