"""Robust losses against their formulas, their defining expectations, and the flip rate of simulated labels."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import logistic

from plaudit.objectives import learned
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.robust import Robust
from tests.objectives.pairs import WIDE, losses, most_likely, outcomes


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3, 0.49])
def test_the_mixture_is_the_chance_of_the_label(rate: float) -> None:
    """−log((1 − e)σ(Δ) + eσ(−Δ)) by NumPy; never above −log e; for a tie the mean of both outcomes."""
    won = -np.log((1 - rate) * expit(WIDE.numpy()) + rate * expit(-WIDE.numpy()))
    found = losses(Robust(rate))
    np.testing.assert_allclose(found, won, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(losses(Robust(rate), tie=True), (won + won[::-1]) / 2, rtol=1e-7, atol=1e-12)
    assert rate == 0 or float(found.max()) <= -np.log(rate) + 1e-12


def test_raters_who_answer_at_random_one_time_in_ten() -> None:
    """The mixture 0.9·σ(Δ) + 0.1·½ of the source is a flip rate of 0.05."""
    expected = -np.log(0.9 * expit(WIDE.numpy()) + 0.1 / 2)
    np.testing.assert_allclose(losses(Robust(0.05)), expected, rtol=1e-7)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4])
def test_unbiased_is_unbiased(rate: float) -> None:
    """Averaged over flips of the label at the rate it is told, its loss is that of the true label."""
    right, flipped = losses(Robust(rate, "unbiased")), losses(Robust(rate, "unbiased")).flip(0)
    expected = torch.from_numpy(-logistic.logcdf(WIDE.numpy()))
    torch.testing.assert_close((1 - rate) * right + rate * flipped, expected)


@pytest.mark.parametrize("form", ["mixture", "unbiased"])
def test_without_flips_it_is_bradley_terry(form: Any) -> None:
    """A rate of 0, with strengths and ties."""
    for labels in ({}, {"strength": 1.5}, {"tie": True, "strength": 1.5}):
        torch.testing.assert_close(losses(Robust(0.0, form), **labels), losses(BradleyTerry(), **labels))


def test_a_surely_wrong_label_pulls_no_more() -> None:
    """At margin −40 the mixture has no gradient where Bradley-Terry has −1; unbiased pulls harder than that."""
    margin = torch.tensor([-40.0], dtype=torch.float64, requires_grad=True)
    each = (Robust(0.1), BradleyTerry(), Robust(0.1, "unbiased"))
    pulls = [torch.autograd.grad(losses(it, margin).sum(), margin)[0].item() for it in each]
    assert pulls == pytest.approx([0, -1, -1.125], abs=1e-9)


def test_the_flip_rate_is_learned() -> None:
    """From 20,000 labels flipped at 0.15 it and the rewards' scale come back, and are SciPy's maximum likelihood."""
    margin = np.random.default_rng(1).normal(0, 3, 20_000)
    won = 0.85 * expit(margin) + 0.15 * expit(-margin)
    stated, labels = outcomes(margin, won, 1 - won, seed=2)
    scale, found = most_likely(Robust("learn"), stated, labels)

    def mean_loss(at: Any) -> float:
        return float(-np.log((1 - at[1]) * expit(stated * at[0]) + at[1] * expit(-stated * at[0])).mean())

    theirs = minimize(mean_loss, [1.0, 0.2], bounds=[(0.1, 5), (0.01, 0.49)], tol=1e-12)
    assert (scale, found["flip_rate"]) == pytest.approx(tuple(theirs.x), abs=1e-3)
    assert found["flip_rate"] == pytest.approx(0.15, abs=0.02)
    assert scale == pytest.approx(1, abs=0.15)


def test_learning_begins_with_a_tenth_and_a_known_rate_learns_nothing() -> None:
    """The start is the default rate."""
    assert learned(Robust("learn")) == {"flip_rate": pytest.approx(0.1)}
    torch.testing.assert_close(losses(Robust("learn")).detach(), losses(Robust(0.1)), atol=1e-7, rtol=1e-6)
    assert learned(Robust(0.1)) == {}


def test_a_rate_that_falls_to_nothing_stays_finite() -> None:
    """A learned rate below the smallest float has finite losses and gradients at any margin."""
    objective = Robust("learn")
    torch.nn.init.constant_(objective.logit, -200.0)
    margin = torch.tensor([-1e4, 0.0, 1e4], requires_grad=True)
    loss = losses(objective, margin).sum()
    loss.backward()
    assert margin.grad is not None
    assert objective.logit.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(margin.grad).all()
    assert torch.isfinite(objective.logit.grad)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flip_rate": 0.5}, r'flip_rate must be in \[0, 0.5\), or "learn", not 0.5'),
        ({"flip_rate": -0.1}, r"not -0.1"),
        ({"flip_rate": float("nan")}, "not nan"),
        ({"flip_rate": "Learn"}, "not 'Learn'"),
        ({"form": "soft"}, "form must be mixture or unbiased, not 'soft'"),
        ({"flip_rate": "learn", "form": "unbiased"}, 'needs form = "mixture"'),
    ],
)
def test_wrong_settings_are_told_the_range(settings: dict[str, Any], message: str) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=message):
        Robust(**settings)
