"""Rao and Kupper's model against its own terms, statsmodels' ordered logit, and simulated outcomes."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit
from statsmodels.miscmodels.ordinal_model import OrderedModel

from plaudit.objectives import learned
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.rao_kupper import RaoKupper
from tests.objectives.pairs import WIDE, losses, most_likely, outcomes


@pytest.mark.parametrize("theta", [1.001, 1.5, 20.0])
def test_the_outcomes_are_rao_and_kupper_s_and_add_up_to_one(theta: float) -> None:
    """Win, loss and tie at every margin, each by the formula of 1967 in worths; together 1."""
    objective, worth = RaoKupper(theta), np.exp(WIDE.numpy())
    theirs = (
        worth / (worth + theta),
        1 / (1 + worth * theta),
        worth * (theta**2 - 1) / ((worth + theta) * (1 + worth * theta)),
    )
    found = [torch.exp(-losses(objective, at, tie=tie)) for at, tie in ((WIDE, False), (-WIDE, False), (WIDE, True))]
    for ours, expected in zip(found, theirs, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-7)
    torch.testing.assert_close(sum(found), torch.ones_like(WIDE))


def test_where_every_difference_is_noticed_it_is_bradley_terry() -> None:
    """As θ goes to 1 the loss of a win goes to −log σ(Δ)."""
    torch.testing.assert_close(losses(RaoKupper(1 + 1e-9)), losses(BradleyTerry()), atol=1e-6, rtol=1e-6)


def test_the_threshold_is_learned() -> None:
    """From 10,000 outcomes θ and the scale come back, and are those of statsmodels' ordered logit.

    Each outcome enters the regression in both orders, so that its two thresholds are ±log θ.
    """
    margin, eta = np.random.default_rng(1).normal(0, 1.5, 10_000), np.log(1.8)
    stated, labels = outcomes(margin, expit(margin - eta), expit(-margin - eta), seed=2)
    scale, found = most_likely(RaoKupper(), stated, labels)

    won = np.where(labels.tie.numpy(), 1, 2)
    model = OrderedModel(np.concatenate([won, 2 - won]), np.concatenate([stated, -stated])[:, None], distr="logit")
    fitted = model.fit(method="bfgs", disp=0, gtol=1e-7)
    low, high = model.transform_threshold_params(fitted.params)[1:-1]
    assert (low, high) == pytest.approx((-np.log(found["theta"]), np.log(found["theta"])), abs=1e-3)
    assert scale == pytest.approx(float(fitted.params[0]), abs=1e-3)
    assert found["theta"] == pytest.approx(1.8, abs=0.08)
    assert scale == pytest.approx(1, abs=0.08)


def test_a_tie_is_likeliest_among_equals() -> None:
    """Its loss is least at margin 0, where (θ − 1)/(θ + 1) of comparisons are ties."""
    tied = losses(RaoKupper(1.5), tie=True)
    assert int(tied.argmin()) == 30
    assert torch.exp(-tied[30]).item() == pytest.approx(0.2)


def test_learning_begins_with_two_and_a_fixed_parameter_learns_nothing() -> None:
    """The start is θ = 2; a stated strength changes nothing."""
    assert learned(RaoKupper()) == {"theta": pytest.approx(2.0, abs=1e-5)}
    assert learned(RaoKupper(2.0)) == {}
    fixed = losses(RaoKupper(2.0), strength=5.0)
    torch.testing.assert_close(losses(RaoKupper()).detach(), fixed, atol=1e-5, rtol=1e-5)


def test_a_threshold_that_falls_to_nothing_stays_finite() -> None:
    """Where no tie has been seen for long, losses and gradients of wins and ties are finite."""
    objective = RaoKupper()
    torch.nn.init.constant_(objective.raw_threshold, -200.0)
    for tie in (False, True):
        loss = losses(objective, [-1e4, 0.0, 1e4], tie=tie).sum()
        (pull,) = torch.autograd.grad(loss, [objective.raw_threshold])
        assert torch.isfinite(loss)
        assert torch.isfinite(pull)


@pytest.mark.parametrize("theta", [1.0, 0.5, float("inf"), float("nan"), "Learn"])
def test_a_wrong_parameter_is_told_the_range(theta: Any) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=f'theta must be a finite number above 1, or "learn", not {theta!r}'):
        RaoKupper(theta)
