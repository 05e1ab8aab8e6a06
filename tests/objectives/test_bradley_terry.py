"""Bradley-Terry against the numbers of the mission, its equal forms and its closed-form gradient."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import logistic
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import log_loss  # type: ignore[import-untyped]
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import reduce
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.testing import pair_labels

MARGINS = [6.0, 0.5, 0.0, -4.0]
PROBABILITIES = [0.9975, 0.6225, 0.5, 0.0180]
LOSSES = [0.0025, 0.4741, 0.6931, 4.0181]
WIDE = torch.linspace(-30, 30, 61, dtype=torch.float64)


def of_pairs(chosen: Sequence[float] | torch.Tensor, rejected: Sequence[float] | torch.Tensor) -> Rewards:
    sides = torch.stack([torch.as_tensor(chosen), torch.as_tensor(rejected)], dim=1)
    return Rewards(sides.reshape(-1, 1))


def of_margins(margins: Sequence[float] | torch.Tensor, level: float = 0.0) -> Rewards:
    margins = torch.as_tensor(margins)
    return of_pairs(margins + level, torch.full_like(margins, level))


def losses(
    margins: Sequence[float] | torch.Tensor, objective: BradleyTerry | None = None, labels: Labels | None = None
) -> torch.Tensor:
    return (objective or BradleyTerry())(of_margins(margins), labels or pair_labels(len(margins))).loss


# --- the loss ---------------------------------------------------------------------------------------------------------


def test_the_four_margins() -> None:
    """Margins 6, 0.5, 0 and −4 have the stated losses, and exp(−loss) the stated probabilities."""
    loss = losses(MARGINS)
    assert loss.tolist() == pytest.approx(LOSSES, abs=5e-5)
    assert torch.exp(-loss).tolist() == pytest.approx(PROBABILITIES, abs=5e-5)


@pytest.mark.parametrize("level", [-3.0, 40.0])
def test_only_the_margin_matters(level: float) -> None:
    """A constant added to both rewards changes nothing."""
    labels = pair_labels(4)
    assert BradleyTerry()(of_margins(MARGINS, level), labels).loss.tolist() == pytest.approx(LOSSES, abs=5e-5)


def test_equal_to_binary_cross_entropy_with_logits() -> None:
    """The margin is the logit of the label 1."""
    expected = binary_cross_entropy_with_logits(WIDE, torch.ones_like(WIDE), reduction="none")
    torch.testing.assert_close(losses(WIDE), expected)


def test_equal_to_two_way_softmax_cross_entropy() -> None:
    """The two rewards are the logits of a choice between two; the first is right."""
    chosen = torch.linspace(-5, 9, 61, dtype=torch.float64)
    terms = BradleyTerry()(of_pairs(chosen, chosen - WIDE), pair_labels(61))
    choice = cross_entropy(
        torch.stack([chosen, chosen - WIDE], 1), torch.zeros(61, dtype=torch.int64), reduction="none"
    )
    torch.testing.assert_close(terms.loss, choice)


def test_equal_to_the_likelihood_of_the_logistic_distribution() -> None:
    """−log σ(Δ) by SciPy, and softplus(−Δ)."""
    torch.testing.assert_close(losses(WIDE), torch.from_numpy(-logistic.logcdf(WIDE.numpy())))
    torch.testing.assert_close(losses(WIDE), softplus(-WIDE))


def test_equal_to_the_log_loss_of_a_classifier() -> None:
    """The mean is scikit-learn's log loss of the two orders of every comparison."""
    margins = WIDE[20:41]
    both = np.concatenate([margins.numpy(), -margins.numpy()])
    expected = log_loss([1] * 21 + [0] * 21, expit(both))
    assert float(reduce(BradleyTerry()(of_margins(margins), pair_labels(21)))) == pytest.approx(expected)


def test_a_linear_model_learns_what_logistic_regression_does() -> None:
    """Minimised over a linear reward, it is logistic regression without intercept on the difference of features."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 2, 3))
    won = rng.random(200) < expit((features[:, 0] - features[:, 1]) @ [1.0, -0.5, 0.2])
    features[~won] = features[~won, ::-1]
    difference = features[:, 0] - features[:, 1]
    both, label = np.concatenate([difference, -difference]), [1] * 200 + [0] * 200
    theirs = LogisticRegression(fit_intercept=False, C=np.inf, tol=1e-10).fit(both, label).coef_[0]

    ours = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([ours], max_iter=100, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = reduce(BradleyTerry()(Rewards(torch.from_numpy(features).reshape(-1, 3) @ ours), pair_labels(200)))
        loss.backward()
        return loss

    optimizer.step(closure)
    assert ours.detach()[:, 0].tolist() == pytest.approx(theirs.tolist(), abs=1e-5)


def test_the_gradient_is_minus_the_probability_of_the_loser() -> None:
    """∂L/∂r_c = −σ(−Δ), ∂L/∂r_r = +σ(−Δ)."""
    rewards = of_margins(WIDE).values.clone().requires_grad_()
    BradleyTerry()(Rewards(rewards), pair_labels(61)).total().backward()
    assert rewards.grad is not None
    chosen, rejected = rewards.grad.reshape(61, 2).T
    expected = torch.from_numpy(expit(-WIDE.numpy()))
    torch.testing.assert_close(chosen, -expected)
    torch.testing.assert_close(rejected, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_stable_where_the_written_formulas_are_not(dtype: torch.dtype) -> None:
    """At margins of ∓120 log σ(Δ) is −inf and log(1 + exp(−Δ)) inf; the loss is 120 and its gradient −1."""
    margins = torch.tensor([-120.0, -1e4, 120.0, 1e4], dtype=dtype)
    assert torch.isinf(torch.log(torch.sigmoid(margins[:2]))).all()
    assert torch.isinf(torch.log(1 + torch.exp(-margins[:2]))).all()

    rewards = of_margins(margins).values.clone().requires_grad_()
    terms = BradleyTerry()(Rewards(rewards), pair_labels(4))
    terms.total().backward()
    assert rewards.grad is not None
    assert terms.loss.tolist() == pytest.approx([*(-margins[:2].float()).tolist(), 0, 0], abs=1e-6)
    assert rewards.grad[::2, 0].tolist() == pytest.approx([-1, -1, 0, 0], abs=1e-6)


def test_the_loss_of_a_wrong_comparison_has_no_ceiling() -> None:
    """log(p + 1e-10) would stop at 23.03 and pull no more; this does neither."""
    assert losses([-50.0]).item() == pytest.approx(50)
    assert -np.log(expit(-50.0) + 1e-10) == pytest.approx(23.03, abs=0.01)


def test_terms_are_float32_for_float32_rewards() -> None:
    """Nothing is computed in fewer digits: margins of 0.01 at rewards near 20 are not ties."""
    terms = BradleyTerry()(of_margins([0.01, -0.01], level=20.0), pair_labels(2))
    assert terms.loss.dtype == terms.weight.dtype == torch.float32
    assert terms.loss[0] < np.log(2) < terms.loss[1]
    rounded = torch.tensor([20.01, 20.0]).bfloat16()
    assert rounded[0] == rounded[1]


def test_the_first_head_is_the_reward() -> None:
    """Other heads have no say."""
    rewards = of_margins(MARGINS).values
    with_more = Rewards(torch.cat([rewards, torch.full((8, 2), 99.0)], dim=1))
    assert BradleyTerry()(with_more, pair_labels(4)).loss.tolist() == pytest.approx(LOSSES, abs=5e-5)


# --- labels -----------------------------------------------------------------------------------------------------------


def test_weights_are_those_of_the_comparisons() -> None:
    """The loss is not weighted; the weight travels beside it."""
    weight = torch.tensor([2.0, 0.0, 1.0, 0.5])
    terms = BradleyTerry()(of_margins(MARGINS), replace(pair_labels(4), weight=weight))
    assert terms.loss.tolist() == pytest.approx(LOSSES, abs=5e-5)
    assert torch.equal(terms.weight, weight)
    assert reduce(terms).item() == pytest.approx(np.average(LOSSES, weights=weight), abs=5e-5)


def test_one_response_in_many_comparisons() -> None:
    """Comparisons name responses by index, in any order."""
    labels = replace(pair_labels(2), chosen=torch.tensor([2, 2]), rejected=torch.tensor([0, 3]))
    rewards = Rewards(torch.tensor([[1.0], [77.0], [1.5], [5.5]]))
    assert BradleyTerry()(rewards, labels).loss.tolist() == pytest.approx([0.4741, 4.0181], abs=5e-5)


def test_a_tie_is_half_a_win_each_way() -> None:
    """The mean of the losses of both outcomes; least, and without a pull, at margin 0; its strength says nothing."""
    labels = replace(pair_labels(61), tie=torch.ones(61, dtype=torch.bool), strength=torch.full((61,), 3.0))
    tied = losses(WIDE, BradleyTerry(), labels)
    torch.testing.assert_close(tied, (losses(WIDE) + losses(-WIDE)) / 2)
    assert int(tied.argmin()) == 30
    assert tied[30].item() == pytest.approx(np.log(2))


def test_a_stated_strength_is_a_margin_to_reach() -> None:
    """It is subtracted from the margin; it can be left out of account."""
    strength = torch.tensor([1.0, 0.5, 3.0, 0.0])
    labels = replace(pair_labels(4), strength=strength)
    shifted = torch.tensor(MARGINS) - strength
    torch.testing.assert_close(losses(MARGINS, labels=labels), losses(shifted))
    ignored = losses(MARGINS, BradleyTerry(use_strength=False), labels)
    assert ignored.tolist() == pytest.approx(LOSSES, abs=5e-5)
