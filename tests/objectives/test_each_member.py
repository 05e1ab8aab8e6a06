"""An ensemble's objective: each member learns what it would learn alone, and a step divides by what it did before."""

import pytest
import torch

from plaudit.encoding.packing import collate
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, reduce
from plaudit.objectives._members import EachMember
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.l2 import L2
from plaudit.objectives.regularisers.label_smoothing import LabelSmoothing
from plaudit.training.step import label_weight
from tests.training.tiny import preferences

LABELS = collate(preferences(8, comparisons=2, responses=3), range(8)).labels
COUNT = len(LABELS.record)


def rewards(columns: int = 4) -> Rewards:
    """Return random rewards: a first column that is no member, and members after it."""
    values = torch.randn(COUNT, columns, generator=torch.Generator().manual_seed(1))
    return Rewards(values, torch.ones(COUNT))


def test_the_loss_is_the_mean_of_the_members_losses() -> None:
    """Over all members the reduced loss, penalties included, is the mean of what each costs alone."""
    found, objective = rewards(), Regularised(BradleyTerry(), [LabelSmoothing(weight=0.1), L2(weight=0.2)])
    alone = [reduce(objective(Rewards(found.values[:, [column]]), LABELS)) for column in (1, 2, 3)]

    torch.testing.assert_close(reduce(EachMember(objective, (1, 2, 3))(found, LABELS)), torch.stack(alone).mean())


def test_a_members_gradient_is_its_own() -> None:
    """A member's column gets a third of the gradient it would get alone; the column that is no member gets none."""
    objective, values = BradleyTerry(), rewards().values.requires_grad_()
    reduce(EachMember(objective, (1, 2, 3))(Rewards(values), LABELS)).backward()
    alone = rewards().values.requires_grad_()
    sum(reduce(objective(Rewards(alone[:, [column]]), LABELS)) for column in (1, 2, 3)).backward()  # type: ignore[union-attr]
    assert values.grad is not None
    assert alone.grad is not None

    torch.testing.assert_close(values.grad, alone.grad / 3)
    assert not values.grad[:, 0].any()
    assert values.grad[:, 1:].any(0).all()


def test_the_divisor_of_a_step_is_unchanged() -> None:
    """The labels weigh as much for an ensemble as for one model."""
    whole, one = label_weight(EachMember(BradleyTerry(), (1, 2, 3)), LABELS, rewards()), LABELS.weight.double().sum()

    assert float(whole) == pytest.approx(float(one))


def test_penalties_are_averaged_over_members() -> None:
    """A regulariser's penalty counts as often as the loss: its mean over the members."""

    def penalised(found: Rewards, _labels: object) -> Terms:
        assert found.values.shape == (COUNT, 1)
        assert found.variance is None
        return Terms(found.scalar, torch.ones(COUNT), found.scalar.square().sum())

    found = rewards()
    terms = EachMember(penalised, (1, 3))(found, LABELS)

    assert terms.penalty is not None
    torch.testing.assert_close(terms.penalty, found.values[:, [1, 3]].square().sum() / 2)
