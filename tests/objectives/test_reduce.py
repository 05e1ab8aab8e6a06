"""The one place where terms are summed."""

import pytest
import torch

from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, reduce
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.testing import pair_labels


def terms(losses: list[float], weights: list[float]) -> Terms:
    return Terms(torch.tensor(losses), torch.tensor(weights))


def test_total_is_the_weighted_sum() -> None:
    """2 · 1 + 5 · 3 = 17."""
    assert float(terms([2, 5], [1, 3]).total()) == 17


def test_a_penalty_adds_to_the_loss_and_not_to_the_divisor() -> None:
    """(17 + 3) / 4, and none is as good as zero; the sums say the same in float64."""
    plain = terms([2, 5], [1, 3])
    penalised = Terms(plain.loss, plain.weight, torch.tensor(3.0))
    assert float(penalised.total()) == 20
    assert float(reduce(penalised)) == 5
    assert penalised.sums().tolist() == [20, 4] and penalised.sums().dtype == torch.float64
    assert plain.sums().tolist() == Terms(plain.loss, plain.weight, torch.tensor(0.0)).sums().tolist() == [17, 4]


def test_without_a_total_weight_it_is_the_weighted_mean() -> None:
    """17 over a weight of 4."""
    assert float(reduce(terms([2, 5], [1, 3]))) == 17 / 4


@pytest.mark.parametrize("total", [8, 8.0, torch.tensor(8.0), torch.tensor(8.0, dtype=torch.float64)])
def test_a_total_weight_takes_the_place_of_the_terms_own(total: torch.Tensor | float) -> None:
    """The divisor is that of the whole step, as a number or a tensor."""
    assert float(reduce(terms([2, 5], [1, 3]), total)) == 17 / 8


@pytest.mark.parametrize("total", [None, 0.0, 5.0])
def test_an_empty_batch_is_zero(total: float | None) -> None:
    """No comparison costs 0, not NaN."""
    assert float(reduce(terms([], []), total)) == 0


def test_weights_of_zero_are_zero_and_pull_on_nothing() -> None:
    """A batch in which nothing counts has loss 0 and gradient 0."""
    losses = torch.tensor([2.0, 5.0], requires_grad=True)
    loss = reduce(Terms(losses, torch.zeros(2)))
    loss.backward()
    assert loss.item() == 0
    assert losses.grad is not None
    assert losses.grad.tolist() == [0, 0]


@pytest.mark.parametrize("micros", [1, 2, 3, 6])
def test_micro_batches_with_the_total_weight_are_one_batch(micros: int) -> None:
    """Loss and gradient of k micro-batches sum to those of the whole, however uneven the weights."""
    rng = torch.Generator().manual_seed(micros)
    losses, weights = torch.rand(6, generator=rng, dtype=torch.float64), torch.rand(6, generator=rng) * 5
    whole, parts = losses.clone().requires_grad_(), losses.clone().requires_grad_()
    reduce(Terms(whole, weights)).backward()
    pieces = zip(parts.chunk(micros), weights.chunk(micros), strict=True)
    summed = torch.stack([reduce(Terms(loss, weight), weights.sum()) for loss, weight in pieces]).sum()
    summed.backward()
    assert summed.item() == pytest.approx(reduce(Terms(losses, weights)).item(), rel=1e-6)
    torch.testing.assert_close(parts.grad, whole.grad)


def test_a_mean_of_means_would_be_something_else() -> None:
    """Two micro-batches of unequal weight: the mean of their means is not the mean, so the total weight is needed."""
    first, second = terms([1.0], [1.0]), terms([3.0, 3.0, 3.0], [1.0, 1.0, 1.0])
    assert float(reduce(first, 4.0) + reduce(second, 4.0)) == 2.5
    assert float(reduce(first) + reduce(second)) / 2 == 2.0


def test_no_responses_at_all() -> None:
    """An objective of an empty batch reduces to 0."""
    assert float(reduce(BradleyTerry()(Rewards(torch.zeros(0, 1)), pair_labels(0)))) == 0
