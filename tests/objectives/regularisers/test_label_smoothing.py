"""Label smoothing against SciPy, and for any objective of comparisons."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import logistic

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, Terms
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised, Unsuited
from plaudit.objectives.regularisers.label_smoothing import LabelSmoothing
from plaudit.testing import pair_labels

WIDE = torch.linspace(-30, 30, 61, dtype=torch.float64)


def total(margins: torch.Tensor, objective: Objective, labels: Labels | None = None) -> torch.Tensor:
    """The summed loss of comparisons with these margins, each of weight 1."""
    values = torch.stack([margins, torch.zeros_like(margins)], 1).reshape(-1, 1)
    return objective(Rewards(values), labels or pair_labels(len(margins))).total()


def smoothed(share: float) -> Regularised:
    return Regularised(BradleyTerry(), [LabelSmoothing(share)])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.49])
def test_it_is_a_label_flipped_now_and_then(share: float) -> None:
    """(1 − α)·L(Δ) + α·L(−Δ), which is least where σ(Δ) = 1 − α."""
    expected = -(1 - share) * logistic.logcdf(WIDE.numpy()) - share * logistic.logcdf(-WIDE.numpy())
    for margin, loss in zip(WIDE, expected, strict=True):
        assert total(margin[None], smoothed(share)).item() == pytest.approx(loss, rel=1e-9)
    if share:
        best = torch.tensor([np.log((1 - share) / share)], requires_grad=True)
        (pull,) = torch.autograd.grad(total(best, smoothed(share)), best)
        assert pull.item() == pytest.approx(0, abs=1e-6)


def test_a_stated_strength_is_turned_round_with_the_rest() -> None:
    """The flipped label is that the margin stays below the strength: smoothing of margins that it was taken from."""
    margins, strength = torch.tensor([6.0, 0.5, 0.0, -4.0]), torch.tensor([1.0, 0.5, 3.0, 0.0])
    labels = replace(pair_labels(4), strength=strength)

    torch.testing.assert_close(total(margins, smoothed(0.2), labels), total(margins - strength, smoothed(0.2)))


def test_ties_are_left_alone() -> None:
    """A tie turned round is the same tie, whatever its strength says."""
    labels = replace(pair_labels(61), tie=torch.ones(61, dtype=torch.bool), strength=torch.full((61,), 3.0))

    torch.testing.assert_close(total(WIDE, smoothed(0.2), labels), total(WIDE, BradleyTerry(), labels))


def test_another_objective_is_smoothed_by_its_own_loss() -> None:
    """For a hinge the two losses are max(0, 1 − Δ) and max(0, 1 + Δ)."""

    def hinge(rewards: Rewards, labels: Labels) -> Terms:
        margin = rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected]
        return Terms((1 - margin).clamp(min=0), labels.weight)

    found = total(WIDE, Regularised(hinge, [LabelSmoothing(0.3)]))
    margins = WIDE.numpy()
    assert found.item() == pytest.approx(
        (0.7 * np.maximum(0, 1 - margins) + 0.3 * np.maximum(0, 1 + margins)).sum(), rel=1e-9
    )


@dataclass(frozen=True)
class Listwise:
    per: ClassVar[str] = "record"

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        return Terms(rewards.scalar, torch.ones_like(rewards.scalar))


def test_a_listwise_objective_is_refused() -> None:
    """What has no comparisons to turn round is refused with what would fit, even where the numbers match by chance."""
    with pytest.raises(Unsuited, match="Listwise has one term a record; use it with a pairwise objective"):
        LabelSmoothing()(Rewards(torch.zeros(2, 1)), pair_labels(1), Listwise())


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_half_and_more_is_no_label(share: float) -> None:
    """A label that is flipped as often as not says nothing."""
    with pytest.raises(ValueError, match=rf"weight must be in \[0, 0.5\), not {share}"):
        LabelSmoothing(share)
