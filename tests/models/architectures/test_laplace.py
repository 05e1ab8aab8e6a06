"""The Laplace covariance is that of the full Hessian, of the exact posterior, and of the prior with most evidence."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from plaudit.encoding.batch import Labels
from plaudit.encoding.packing import collate
from plaudit.models.architectures.laplace import Laplace
from plaudit.models.laplace import Curvature, NoCurvature, best_precision
from plaudit.testing import pair_labels
from plaudit.training.settling import fit_laplace
from tests.models.families import build, decoders
from tests.models.test_prompt_trees import encoded_set


def compared(pairs: int, width: int, seed: int = 0) -> tuple[Tensor, Labels]:
    """Draw features and the outcomes of comparisons by a linear reward, some of them ties."""
    draw = torch.Generator().manual_seed(seed)
    features = torch.randn(2 * pairs, width, generator=draw, dtype=torch.float64) + 3
    worth = features @ torch.linspace(1, -1, width, dtype=torch.float64)
    wins = torch.rand(pairs, generator=draw) < torch.sigmoid(worth[::2] - worth[1::2])
    order = torch.arange(2 * pairs).reshape(-1, 2)
    order = torch.where(wins[:, None], order, order.flip(1))
    labels = replace(pair_labels(pairs), chosen=order[:, 0], rejected=order[:, 1], tie=torch.arange(pairs) % 7 == 0)
    return features, replace(labels, weight=0.5 + torch.rand(pairs, generator=draw))


def log_posterior(weight: Tensor, features: Tensor, labels: Labels, precision: float) -> Tensor:
    """Return the logarithm of likelihood times prior, for weights [..., F], normalised prior and all."""
    rewards = weight @ features.T
    margins = rewards[..., labels.chosen] - rewards[..., labels.rejected]
    won = torch.where(labels.tie, 0.5, 1.0).double()
    likelihood = (labels.weight * (won * logsigmoid(margins) + (1 - won) * logsigmoid(-margins))).sum(-1)
    volume = features.shape[1] / 2 * math.log(precision / (2 * math.pi))
    return likelihood - precision / 2 * weight.square().sum(-1) + volume


def mode(features: Tensor, labels: Labels, precision: float) -> Tensor:
    """Return the weights at which the posterior is highest."""
    weight = torch.zeros(features.shape[1], dtype=torch.float64)
    objective = lambda at: -log_posterior(at, features, labels, precision)  # noqa: E731
    for _ in range(20):
        gradient = torch.autograd.functional.jacobian(objective, weight)
        weight = weight - torch.linalg.solve(torch.autograd.functional.hessian(objective, weight), gradient)
    return weight


def test_the_covariance_is_the_inverse_of_the_full_hessian() -> None:
    """Σ is what automatic differentiation of the loss of a real head gives, and variances are its quadratic forms."""
    model = Laplace(build(decoders()["llama"]), prior_precision=2.5).eval()
    encoded = encoded_set()
    batch = collate(encoded, range(len(encoded)))
    with torch.no_grad():
        features = model.features(batch)
        found = fit_laplace(model, encoded, token_budget=40)
        rewards = model(batch)
        margins, uncertain = model.margins(features[[0, 3]], features[[1, 5]])
    weight = model.classifier.get_submodule("score").weight[0].detach().double()
    loss = lambda at: -log_posterior(at, features.double(), batch.labels, 2.5)  # noqa: E731
    covariance = torch.linalg.inv(torch.autograd.functional.hessian(loss, weight))
    centred = features.double() - features.double().mean(0)
    apart = features[[0, 3]].double() - features[[1, 5]].double()

    assert torch.allclose(found.covariance, covariance, rtol=1e-4, atol=1e-6)
    assert torch.allclose(
        rewards.variance.double(), torch.einsum("ni,ij,nj->n", centred, covariance, centred), rtol=1e-3
    )
    assert torch.allclose(uncertain.double(), torch.einsum("ni,ij,nj->n", apart, covariance, apart), rtol=1e-3)
    assert torch.allclose(margins, rewards.scalar[[0, 3]] - rewards.scalar[[1, 5]], atol=1e-5)


def test_rewards_are_those_of_before() -> None:
    """Fitting the covariance moves neither rewards nor weights, and in any batches it is the same."""
    model = Laplace(build(decoders()["llama"])).eval()
    encoded = encoded_set()
    batch = collate(encoded, range(len(encoded)))
    with torch.no_grad():
        before = model(batch)
        fit_laplace(model, encoded, token_budget=40)
        after, root = model(batch), model.root.clone()
        fit_laplace(model, encoded, token_budget=10_000)

    assert torch.equal(before.values, after.values)
    assert not torch.allclose(before.variance, after.variance)
    assert torch.allclose(root @ root.T, model.root @ model.root.T, rtol=1e-3, atol=1e-5)


def test_it_is_close_to_the_exact_posterior() -> None:
    """In two dimensions, where the posterior can be summed over a grid, margins' variances and evidence agree."""
    features, labels = compared(120, 2)
    weight = mode(features, labels, 1.5)
    curvature = Curvature()
    curvature.add(features, features @ weight, labels)
    found = curvature.posterior(weight, 1.5)
    axis = torch.linspace(-2, 2, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis) + weight
    logs = log_posterior(grid, features, labels, 1.5)
    mass = torch.softmax(logs, 0)
    mean = mass @ grid
    exact = (grid - mean).T @ (mass[:, None] * (grid - mean))

    assert torch.allclose(found.covariance, exact, rtol=0.1, atol=0.003)
    assert found.log_evidence == pytest.approx(float(torch.logsumexp(logs, 0)) + 2 * math.log(0.01), abs=0.1)


def test_the_prior_with_most_evidence_is_found() -> None:
    """Among precisions on a fine grid none has more evidence than the one that was chosen."""
    features, labels = compared(60, 5)
    weight = mode(features, labels, 1.0)
    curvature = Curvature()
    curvature.add(features[:50], features[:50] @ weight, _between(labels, 0, 25))
    curvature.add(features[50:], features[50:] @ weight, _between(labels, 25, 60))
    best = curvature.posterior(weight)
    grid = [curvature.posterior(weight, float(at)).log_evidence for at in np.geomspace(1e-4, 1e4, 400)]

    assert best.log_evidence >= max(grid)
    assert best.log_evidence == pytest.approx(max(grid), abs=0.01)
    assert best.precision * float(weight.square().sum()) == pytest.approx(best.effective, rel=1e-6)


def test_more_data_leaves_less_variance() -> None:
    """A direction that is compared often is known better than one that never is."""
    features, labels = compared(300, 3)
    features[:, 2] = 1.0
    curvature = Curvature()
    curvature.add(features, features[:, 0], labels)
    covariance = curvature.posterior(torch.tensor([1.0, 0.0, 0.0]), 1.0).covariance

    assert covariance[0, 0] < 0.2
    assert covariance[2, 2] == pytest.approx(1.0)


def test_nothing_to_fit_to_is_said() -> None:
    """Without comparisons, or with a head of zeros and no precision, there is no covariance."""
    features, labels = compared(5, 2)
    empty = Curvature()
    with pytest.raises(NoCurvature, match="needs comparisons"):
        empty.posterior(torch.ones(2))
    empty.add(features, features[:, 0], replace(labels, weight=torch.zeros(5)))
    with pytest.raises(NoCurvature, match="needs comparisons"):
        empty.posterior(torch.ones(2))
    with pytest.raises(NoCurvature, match="train it, or give a precision"):
        best_precision(torch.ones(2), 0.0)


@pytest.mark.parametrize("precision", [0.0, -1.0, math.inf, math.nan, "evidence"])
def test_wrong_precisions_are_refused(precision: float | str) -> None:
    """A precision that is no finite number above 0 is refused, with what may be said instead."""
    with pytest.raises(ValueError, match=r"prior_precision must be .* above 0, or 'marginal_likelihood'"):
        Laplace(build(decoders()["llama"]), prior_precision=precision)  # type: ignore[arg-type]


def _between(labels: Labels, begin: int, end: int) -> Labels:
    part = {name: getattr(labels, name)[begin:end] for name in ("tie", "weight", "strength")}
    places = {name: getattr(labels, name)[begin:end] - 2 * begin for name in ("chosen", "rejected")}
    return replace(labels, **part, **places)
