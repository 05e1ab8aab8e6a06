"""Ordinal against the proportional-odds model of statsmodels, and against its formula."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from statsmodels.miscmodels.ordinal_model import OrderedModel

from plaudit.models.reward_model import Rewards
from plaudit.objectives import reduce
from plaudit.objectives.ordinal import Ordinal
from plaudit.testing import rating_labels
from tests.objectives.known import learned

NAN = float("nan")
THRESHOLDS = np.array([-1.0, 0.2, 1.5])


def simulated(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Features and levels 0 to 3 drawn from the model."""
    random = np.random.default_rng(0)
    features = random.normal(size=(count, 2))
    latent = features @ [1.0, -0.5] + random.logistic(size=count)
    return features, np.searchsorted(THRESHOLDS, latent)


def with_thresholds(objective: Ordinal, thresholds: np.ndarray) -> Ordinal:
    """The objective with given thresholds, the same for every attribute."""
    with torch.no_grad():
        objective.first.fill_(float(thresholds[0]))
        objective.steps.copy_(torch.log(torch.expm1(torch.from_numpy(np.diff(thresholds)))).float())
    return objective


def test_is_the_probability_of_the_level() -> None:
    """σ(θ_y − r) − σ(θ_{y−1} − r), for all levels; ratings in between are rounded, missing ones left out."""
    objective = with_thresholds(Ordinal(levels=(-2, 0, 1, 5)), THRESHOLDS)
    rewards = np.linspace(-4, 4, 9)
    bounds = np.concatenate([[-np.inf], THRESHOLDS, [np.inf]])
    for level, rating in enumerate([-2.9, 0.4, 1.1, 4.0]):
        labels = rating_labels(quality=[rating, *[NAN] * 2, *[rating] * 6])
        loss = objective(Rewards(torch.from_numpy(rewards)[:, None]), labels).loss.detach()
        expected = -np.log(expit(bounds[level + 1] - rewards) - expit(bounds[level] - rewards))
        np.testing.assert_allclose(loss, expected[[0, *range(3, 9)]], rtol=1e-5)


def test_the_probabilities_of_all_levels_add_up_to_one() -> None:
    """Whatever the thresholds and the reward."""
    objective = Ordinal(levels=(1, 2, 3, 4, 5, 6, 7))
    with torch.no_grad():
        objective.steps.normal_(generator=torch.Generator().manual_seed(0))
    for reward in (-3.0, 0.0, 8.0):
        terms = objective(Rewards(torch.full((7, 1), reward)), rating_labels(quality=[*range(1, 8)]))
        assert torch.exp(-terms.loss).sum().item() == pytest.approx(1, abs=1e-5)


def test_two_levels_are_logistic_regression() -> None:
    """One threshold, nothing between."""
    objective = Ordinal(levels=(0, 1))
    terms = objective(Rewards(torch.tensor([[2.0], [2.0]])), rating_labels(good=[1.0, 0.0]))
    assert torch.exp(-terms.loss).tolist() == pytest.approx([expit(2), expit(-2)])


def test_fits_what_statsmodels_fits() -> None:
    """Coefficients, thresholds and log-likelihood on simulated data, and near the truth they were drawn from."""
    features, level = simulated()
    theirs = OrderedModel(level, features, distr="logit")
    fitted = theirs.fit(method="bfgs", disp=False)
    objective, slope = Ordinal(levels=(0, 1, 2, 3)).double(), torch.zeros(2, 1, dtype=torch.float64, requires_grad=True)
    labels, inputs = rating_labels(quality=level.tolist()), torch.from_numpy(features)
    optimizer = torch.optim.LBFGS(
        [slope, *objective.parameters()], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = reduce(objective(Rewards(inputs @ slope), labels))
        loss.backward()
        return loss

    optimizer.step(closure)
    thresholds = objective.thresholds.detach()[0]
    assert slope.detach()[:, 0].tolist() == pytest.approx(fitted.params[:2].tolist(), abs=1e-3)
    assert thresholds.tolist() == pytest.approx(theirs.transform_threshold_params(fitted.params[2:])[1:-1], abs=1e-3)
    assert -closure().item() * len(level) == pytest.approx(fitted.llf, abs=1e-3)
    assert thresholds.tolist() == pytest.approx(THRESHOLDS.tolist(), abs=0.4)


def test_thresholds_stay_in_order_whatever_is_learned() -> None:
    """Gaps are above 0 even where their parameters are far below it, and the loss and gradients stay finite."""
    objective = Ordinal(levels=(1, 2, 3))
    with torch.no_grad():
        objective.steps.fill_(-200.0)
    terms = objective(Rewards(torch.tensor([[1e4], [-1e4], [0.0]])), rating_labels(quality=[2.0, 2.0, 2.0]))
    terms.total().backward()
    assert (objective.thresholds.diff(dim=1) >= 0).all()
    assert torch.isfinite(terms.loss).all()
    for parameter in objective.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


def test_each_attribute_has_its_own_thresholds() -> None:
    """In the order in which they are named, which is that of columns 1 and on."""
    objective = Ordinal(levels=(0, 1), attributes=("true", "brief"))
    with torch.no_grad():
        objective.first.copy_(torch.tensor([[1.0], [-1.0]]))
    labels = rating_labels(brief=[1.0], true=[1.0])
    terms = objective(Rewards(torch.zeros(1, 3)), labels)
    assert torch.exp(-terms.loss).tolist() == pytest.approx([expit(-1), expit(1)])


def test_begins_with_even_shares() -> None:
    """At reward 0 every level has the same probability."""
    assert Ordinal().thresholds.detach()[0].tolist() == pytest.approx(logit([0.2, 0.4, 0.6, 0.8]).tolist())


@pytest.mark.parametrize("levels", [(), (1.0,), (1.0, 1.0), (2.0, 1.0), (1.0, NAN), (0.0, float("inf"))])
def test_bad_levels_are_refused(levels: tuple[float, ...]) -> None:
    """The message says what they were and what they may be."""
    with pytest.raises(ValueError, match="levels must be at least two finite numbers, each above the one before, not"):
        Ordinal(levels=levels)
    with pytest.raises(ValueError, match="attributes must differ, not a, a"):
        Ordinal(attributes=("a", "a"))


def test_learns_from_ratings_alone() -> None:
    """Trained on ratings, it orders responses of other prompts, and its thresholds move."""
    objective = Ordinal(levels=(0, 1, 2, 3, 4, 5, 6), attributes=("quality",))
    before = objective.thresholds.detach().clone()
    assert learned(objective) > 0.85
    assert (objective.thresholds.detach() - before).abs().max() > 0.1
