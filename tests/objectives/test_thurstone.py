"""Thurstone's model against SciPy's normal distribution, a simulation and statsmodels' probit regression."""

import numpy as np
import pytest
import statsmodels.api
import torch
from scipy.stats import norm

from plaudit.models.reward_model import Rewards
from plaudit.objectives import reduce
from plaudit.objectives.thurstone import Thurstone
from plaudit.testing import pair_labels
from tests.objectives.pairs import WIDE, losses, of_margins


@pytest.mark.parametrize("noise", [0.5, 1.0, 3.0])
def test_equal_to_the_normal_distribution(noise: float) -> None:
    """−log Φ(Δ / (s√2)) by SciPy; for a tie the mean of both outcomes; a strength is subtracted."""
    spread = noise * np.sqrt(2)
    won, lost = -norm.logcdf(WIDE, scale=spread), -norm.logcdf(-WIDE, scale=spread)
    np.testing.assert_allclose(losses(Thurstone(noise)), won, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(losses(Thurstone(noise), tie=True, strength=2.0), (won + lost) / 2, rtol=1e-9)
    shifted = -norm.logcdf(WIDE - 2, scale=spread)
    np.testing.assert_allclose(losses(Thurstone(noise), strength=2.0), shifted, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(losses(Thurstone(noise, use_strength=False), strength=2.0), won, rtol=1e-9, atol=1e-15)


def test_predicted_variances_add_to_the_judges_noise() -> None:
    """Rewards and judgements drawn as the model says are won as often as it says, within 4 standard errors."""
    mean, variance, noise = np.array([0.8, -0.1]), np.array([2.0, 0.5]), 0.7
    rewards = Rewards(torch.tensor(mean)[:, None], torch.tensor(variance))
    stated = torch.exp(-Thurstone(noise)(rewards, pair_labels(1)).loss).item()
    draws = 200_000
    judged = np.random.default_rng(0).normal(mean, np.sqrt(variance + noise**2), (draws, 2))
    won = float((judged[:, 0] > judged[:, 1]).mean())
    assert won == pytest.approx(stated, abs=4 * np.sqrt(stated * (1 - stated) / draws))
    without = Thurstone(noise, use_variance=False)(rewards, pair_labels(1)).loss.item()
    assert without == pytest.approx(-norm.logcdf(0.9, scale=noise * np.sqrt(2)))


def test_a_wrong_order_asks_for_variance_and_a_right_one_against() -> None:
    """The gradient of the variance lowers the loss of a wrong pair by raising it, of a right one by lowering it."""
    variance = torch.ones(4, requires_grad=True)
    rewards = Rewards(of_margins([2.0, -2.0]).values, variance)
    Thurstone()(rewards, pair_labels(2)).total().backward()
    assert variance.grad is not None
    assert (variance.grad[:2] > 0).all()
    assert (variance.grad[2:] < 0).all()


def test_a_linear_model_learns_what_probit_regression_does() -> None:
    """Minimised over a linear reward, it is statsmodels' probit of the difference of features, √2 times as large."""
    random = np.random.default_rng(0)
    features = random.normal(size=(300, 2, 3))
    won = (features[:, 0] - features[:, 1]) @ [1.0, -0.5, 0.2] + random.normal(size=300) > 0
    features[~won] = features[~won, ::-1]
    difference = features[:, 0] - features[:, 1]
    both, label = np.concatenate([difference, -difference]), np.repeat([1, 0], 300)
    theirs = statsmodels.api.Probit(label, both).fit(disp=0, tol=1e-12).params * np.sqrt(2)

    ours = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [ours], max_iter=100, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = reduce(Thurstone()(Rewards(torch.from_numpy(features).reshape(-1, 3) @ ours), pair_labels(300)))
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(ours.detach()[:, 0], theirs, atol=1e-5)


def test_wide_margins_pull_as_the_normal_tail_does() -> None:
    """At ∓10,000 the loss is the tail's, Δ²/4 but for logarithms, its gradient Δ/2; nothing at 10,000."""
    margin = torch.tensor([-1e4, 1e4], requires_grad=True)
    loss = losses(Thurstone(), margin)
    (pull,) = torch.autograd.grad(loss.sum(), margin)
    assert loss.tolist() == pytest.approx([-norm.logcdf(-1e4 / np.sqrt(2)), 0], rel=1e-6)
    assert pull.tolist() == pytest.approx([-5000, 0], rel=1e-4)


@pytest.mark.parametrize("noise", [0.0, -1.0, float("inf"), float("nan")])
def test_a_wrong_noise_is_told_the_range(noise: float) -> None:
    """The message has what is valid and what was given."""
    with pytest.raises(ValueError, match=f"noise must be a finite number above 0, not {noise}"):
        Thurstone(noise)
