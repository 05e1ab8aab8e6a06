"""Gaussian: the reward is the mean, and the variance is positive and finite whatever the head gives."""

import math

import pytest
import torch

from plaudit.models.architectures.gaussian import Gaussian
from tests.models.families import build, decoders


def gaussian() -> Gaussian:
    """Return a model whose features are handed to its head as they are."""
    return Gaussian(build(decoders()["llama"], heads=2))


def outputs(model: Gaussian, rows: list[tuple[float, float]]) -> torch.Tensor:
    """Return features for which the head gives ``rows``."""
    score = model.classifier.get_submodule("score").weight
    return torch.tensor(rows) @ torch.linalg.pinv(score.T)


def test_the_mean_is_the_reward_and_the_variance_is_bounded() -> None:
    """A log-variance of 0 is a variance of 1, 1 is close to e; no output leaves (0.0003, 3000)."""
    model = gaussian()
    with torch.no_grad():
        found = model.head(outputs(model, [(0.5, 0.0), (-2.0, 1.0), (0.0, -200.0), (3.0, 200.0)]))
    assert found.variance is not None

    torch.testing.assert_close(found.values[:, 0], torch.tensor([0.5, -2.0, 0.0, 3.0]), atol=1e-4, rtol=0)
    expected = [math.exp(8 * math.tanh(s / 8)) for s in (0.0, 1.0, -200.0, 200.0)]
    assert found.variance.tolist() == pytest.approx(expected, rel=1e-3)
    assert found.variance[1] == pytest.approx(math.e, rel=0.01)
    assert found.variance.min() > 0.0003 and found.variance.max() < 3000


def test_the_likelihood_of_ratings_finds_mean_and_variance() -> None:
    """The outputs that are most likely for draws from a normal distribution are its mean and variance."""
    torch.manual_seed(0)
    drawn = 1.5 + 0.3 * torch.randn(4000)
    model, raw = gaussian(), torch.zeros(1, 2, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.05)
    model.logits = lambda features: features  # type: ignore[method-assign]
    for _ in range(300):
        found = model.head(raw)
        assert found.variance is not None
        loss = torch.nn.functional.gaussian_nll_loss(found.scalar.expand(4000), drawn, found.variance.expand(4000))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    found = model.head(raw.detach())
    assert found.variance is not None
    assert float(found.scalar) == pytest.approx(float(drawn.mean()), abs=0.01)
    assert float(found.variance) == pytest.approx(float(drawn.var()), rel=0.05)
