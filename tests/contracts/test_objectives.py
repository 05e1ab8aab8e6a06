"""What every objective keeps to; a new file in ``objectives/`` is tested by being there, once it has its settings here.

The checks are themselves checked: stand-ins that are wrong in one way each must fail the check that is meant for them.
"""

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from plaudit import members
from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, Terms, learning
from plaudit.testing import pair_labels
from plaudit.training.step import label_weight

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_objective.py"
PER_RECORD, RECORDS = 3, 4
_NUMBERS = ("chosen", "rejected", "strength", "weight", "record", "ratings", "lengths")

SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "adaptive_margin": ({}, {"scale": 2.0, "limit": 1.0}),
    "bradley_terry": ({}, {"use_strength": False}),
    "crowd_bt": ({}, {"start": 0.7, "prior": 0.0}),
    "davidson": ({}, {"nu": 0.3}),
    "focal": ({}, {"gamma": 0.0}, {"gamma": 5.0, "use_strength": False}),
    "hinge": ({}, {"margin": 0.3}, {"power": 2, "use_strength": False}),
    "rao_kupper": ({}, {"theta": 1.2}),
    "robust": ({}, {"flip_rate": 0.0}, {"flip_rate": "learn", "use_strength": False}, {"form": "unbiased"}),
    "thurstone": ({}, {"noise": 0.2}, {"use_strength": False}),
    "triplet": ({}, {"margin": 0.3, "use_strength": False}),
    "adjacent_ranking": ({},),
    "all_pairs": ({},),
    "contrastive": ({}, {"temperature": 0.3}),
    "ordinal": (
        {"levels": (0, 1, 2), "attributes": ("quality",)},
        {"levels": (-1, 0, 1.2, 2), "attributes": ("quality",)},
    ),
    "plackett_luce": ({},),
    "squared_error": (
        {"attributes": ("quality",)},
        {"attributes": ("quality",), "weights": (0.5,), "centre": 1.0, "scale": 3.0},
    ),
    "disentangled": ({}, {"length": 0.3, "quality": 0.1, "use_strength": False}),
}
"""The settings under which each objective is tested."""

# --- batches ----------------------------------------------------------------------------------------------------------


def labels_of(seed: int, ties: bool = True) -> Labels:
    """Labels of 4 records of 3 responses each: in order, with ties, all pairs compared, and rated accordingly.

    There are strengths, weights, and besides the rating ``quality`` one that has nothing to do with it and is often
    missing. Without ``ties``, the three responses of a record are on three levels.
    """
    rng = torch.Generator().manual_seed(seed)
    left, right = torch.triu_indices(PER_RECORD, PER_RECORD, 1)
    starts = PER_RECORD * torch.arange(RECORDS)[:, None]
    first, second = (left + starts).ravel(), (right + starts).ravel()
    responses, comparisons = PER_RECORD * RECORDS, first.numel()
    shuffled = torch.stack([torch.randperm(PER_RECORD, generator=rng) for _ in range(RECORDS)]).ravel()
    level = torch.randint(PER_RECORD, (responses,), generator=rng) if ties else shuffled
    upwards = level[first] > level[second]
    other = torch.rand(responses, generator=rng)
    return Labels(
        chosen=torch.where(upwards, second, first),
        rejected=torch.where(upwards, first, second),
        tie=level[first] == level[second],
        strength=torch.rand(comparisons, generator=rng),
        weight=0.5 + torch.rand(comparisons, generator=rng),
        record=torch.arange(RECORDS).repeat_interleave(PER_RECORD),
        ratings=torch.stack([2.0 - level, torch.where(other < 0.3, torch.nan, other)], 1),
        lengths=torch.randint(1, 9, (responses,), generator=rng),
        rating_names=("quality", "other"),
    )


def rewards_of(seed: int) -> torch.Tensor:
    """Standard normal rewards, float64 [12, 1]."""
    return torch.randn(
        PER_RECORD * RECORDS, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 100)
    )


def united(first: Labels, second: Labels) -> Labels:
    """The labels of two batches in one."""
    offsets = {"chosen": len(first.record), "rejected": len(first.record), "record": int(first.record.max()) + 1}
    pairs = {name: (getattr(first, name), getattr(second, name) + offsets.get(name, 0)) for name in _NUMBERS}
    columns = {name: torch.cat(pair) for name, pair in pairs.items()}
    if first.marks is not None and second.marks is not None:
        columns["marks"] = torch.cat([first.marks, second.marks])
    return Labels(tie=torch.cat([first.tie, second.tie]), rating_names=first.rating_names, **columns)


def of_comparisons(labels: Labels, which: torch.Tensor) -> Labels:
    """The same responses with some of the comparisons, in the order given."""
    names = ("chosen", "rejected", "tie", "strength", "weight")
    return replace(labels, **{name: getattr(labels, name)[which] for name in names})


def turned_round(labels: Labels) -> Labels:
    """The opposite of everything that the labels say is better."""
    return replace(labels, chosen=labels.rejected, rejected=labels.chosen, ratings=2 - labels.ratings)


def value_and_gradient(objective: Objective, values: torch.Tensor, labels: Labels) -> tuple[Terms, torch.Tensor]:
    """The terms and the gradient of their weighted sum with respect to the rewards."""
    leaf = values.clone().requires_grad_()
    terms = objective(Rewards(leaf), labels)
    (gradient,) = torch.autograd.grad(terms.total(), leaf)
    return terms, gradient


def same(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether two tensors agree but for rounding."""
    return torch.allclose(first.double(), second.double(), rtol=1e-6, atol=1e-9)


def margins_after_descent(objective: Objective, labels: Labels) -> torch.Tensor:
    """The margins of the comparisons after 50 steps down the gradient from equal rewards.

    There are no strengths, and all responses are equally long: what an objective says of length leaves the order alone.
    """
    labels = replace(labels, strength=torch.zeros_like(labels.strength), lengths=torch.ones_like(labels.lengths))
    values = torch.zeros(PER_RECORD * RECORDS, 1, requires_grad=True)
    descent = torch.optim.SGD([values], lr=0.1)
    for _ in range(50):
        descent.zero_grad()
        objective(Rewards(values), labels).total().backward()
        descent.step()
    rewards = values.detach()[:, 0]
    return rewards[labels.chosen] - rewards[labels.rejected]


# --- checks -----------------------------------------------------------------------------------------------------------


def one_term_a_loss(objective: Objective) -> None:
    """Losses and weights are vectors of one length, and no weight is negative."""
    terms = objective(Rewards(rewards_of(0).float()), labels_of(0))
    assert terms.loss.ndim == 1
    assert terms.loss.shape == terms.weight.shape
    assert (terms.weight >= 0).all()
    assert terms.loss.dtype == terms.weight.dtype == torch.float32


def finite_at_any_margin(objective: Objective) -> None:
    """Loss and gradient are finite at margins 0 and ±10,000, for ties too."""
    margins = torch.tensor([0.0, 1e4, -1e4] * 2)
    values = torch.stack([margins / 2, -margins / 2], 1).reshape(-1, 1)
    ratings = torch.stack([values[:, 0].clamp(0, 2), torch.full((12,), torch.nan)], 1)
    labels = replace(pair_labels(6), tie=torch.arange(6) >= 3, ratings=ratings, rating_names=("quality", "other"))
    terms, gradient = value_and_gradient(objective, values, labels)
    assert torch.isfinite(terms.loss).all()
    assert torch.isfinite(gradient).all()


def gradient_is_that_of_the_loss(objective: Objective) -> None:
    """Automatic gradients are those of finite differences in float64."""
    for seed in range(3):
        labels = labels_of(seed)
        leaf = rewards_of(seed).requires_grad_()
        total = lambda values, labels=labels: objective(Rewards(values), labels).total()  # noqa: E731
        assert torch.autograd.gradcheck(total, leaf, eps=1e-6, atol=1e-6, rtol=1e-5, raise_exception=False)


def gradient_reaches_what_it_learns(objective: Objective) -> None:
    """What an objective learns has the gradient of finite differences, and is changed by wins and ties both."""
    parameters = [p for p in learning(objective).double().parameters() if p.requires_grad]
    values = rewards_of(0)
    total = lambda *_: objective(Rewards(values), labels_of(0)).total()  # noqa: E731
    if parameters:
        assert torch.autograd.gradcheck(total, parameters, eps=1e-6, atol=1e-6, rtol=1e-5, raise_exception=False)
        assert all(bool(pull.abs().sum() > 0) for pull in torch.autograd.grad(total(), parameters))


def union_of_batches_is_their_sum(objective: Objective) -> None:
    """Two batches in one cost and weigh exactly what they do apart, and pull on each reward as they do apart."""
    (one, two), (first, second) = (rewards_of(1), rewards_of(2)), (labels_of(1), labels_of(2))
    whole, gradient = value_and_gradient(objective, torch.cat([one, two]), united(first, second))
    left, pull_left = value_and_gradient(objective, one, first)
    right, pull_right = value_and_gradient(objective, two, second)
    assert same(whole.total(), left.total() + right.total())
    assert same(whole.weight.sum(), left.weight.sum() + right.weight.sum())
    assert same(gradient, torch.cat([pull_left, pull_right]))


def weight_is_of_the_labels_alone(objective: Objective) -> None:
    """Training divides by the weight computed for rewards of zero; it is that of any rewards, without a gradient."""
    labels, values = labels_of(3), rewards_of(3).requires_grad_()
    terms = objective(Rewards(values), labels)
    assert not terms.weight.requires_grad
    for scale in (1.0, 50.0):
        weight = objective(Rewards(values * scale), labels).weight
        assert same(weight.sum(), label_weight(objective, labels, Rewards(values)))
        assert same(weight, terms.weight)


def weight_zero_is_no_comparison(objective: Objective) -> None:
    """A comparison of weight 0 is as good as left out."""
    labels, values = labels_of(4), rewards_of(4)
    kept = torch.arange(len(labels.weight)) % 3 != 0
    silent = replace(labels, weight=labels.weight * kept)
    muted, pull = value_and_gradient(objective, values, silent)
    without, pull_without = value_and_gradient(objective, values, of_comparisons(labels, kept))
    assert same(muted.total(), without.total())
    assert same(muted.weight.sum(), without.weight.sum())
    assert same(pull, pull_without)


def descent_orders_the_responses(objective: Objective) -> None:
    """Walking down the gradient from equal rewards puts every record's responses in the order of the labels."""
    labels = labels_of(5, ties=False)
    assert (margins_after_descent(objective, labels) > 0.01).all()


def turned_labels_turn_the_order(objective: Objective) -> None:
    """The opposite labels lead to the opposite order, not to the same."""
    assert (margins_after_descent(objective, turned_round(labels_of(5, ties=False))) > 0.01).all()


def order_of_comparisons_does_not_matter(objective: Objective) -> None:
    """Comparisons in another order cost, weigh and pull the same."""
    labels, values = labels_of(6), rewards_of(6)
    order = torch.randperm(len(labels.weight), generator=torch.Generator().manual_seed(0))
    terms, gradient = value_and_gradient(objective, values, labels)
    shuffled, pull = value_and_gradient(objective, values, of_comparisons(labels, order))
    assert same(terms.total(), shuffled.total())
    assert same(terms.weight.sum(), shuffled.weight.sum())
    assert same(gradient, pull)


CHECKS: tuple[Callable[[Objective], None], ...] = (
    one_term_a_loss,
    finite_at_any_margin,
    gradient_is_that_of_the_loss,
    gradient_reaches_what_it_learns,
    union_of_batches_is_their_sum,
    weight_is_of_the_labels_alone,
    weight_zero_is_no_comparison,
    descent_orders_the_responses,
    turned_labels_turn_the_order,
    order_of_comparisons_does_not_matter,
)
every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)

# --- the folder and an objective from outside -------------------------------------------------------------------------


def test_every_objective_has_settings_to_be_tested_with() -> None:
    """Every file of the folder is in the table above, and nothing else is."""
    assert sorted(SETTINGS) == members.names("objectives")


@every_check
@pytest.mark.parametrize("name", members.names("objectives"))
def test_keeps_the_contract(name: str, check: Callable[[Objective], None]) -> None:
    """Every objective passes every check, under all settings listed."""
    assert name in SETTINGS, f"{name} has no settings: add those it should be tested with to SETTINGS"
    for settings in SETTINGS[name]:
        check(members.load("objectives", name)(**settings))


@pytest.fixture
def hinge(monkeypatch: pytest.MonkeyPatch) -> Objective:
    """The objective of the example, loaded by name from a module of its own, without the run below it."""
    tree = ast.parse(EXAMPLE.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef)]
    module = ModuleType("own_objective")
    monkeypatch.setitem(sys.modules, "own_objective", module)
    exec(compile(tree, str(EXAMPLE), "exec"), module.__dict__)
    made: Objective = members.load("objectives", "own_objective:Hinge")()
    return made


@every_check
def test_an_objective_from_outside_keeps_the_contract(hinge: Objective, check: Callable[[Objective], None]) -> None:
    """The example shows people an objective that is right."""
    check(hinge)


# --- stand-ins that are wrong in one way each -------------------------------------------------------------------------


def _margin(rewards: Rewards, labels: Labels) -> torch.Tensor:
    return rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected]


def right(rewards: Rewards, labels: Labels) -> Terms:
    """The plain logistic loss, which the wrong ones are variations of."""
    return Terms(softplus(-_margin(rewards, labels)), labels.weight)


def flipped(rewards: Rewards, labels: Labels) -> Terms:
    return Terms(softplus(_margin(rewards, labels)), labels.weight)


def mean_inside(rewards: Rewards, labels: Labels) -> Terms:
    loss = softplus(-_margin(rewards, labels))
    return Terms(loss / len(loss), labels.weight)


def batch_summed(rewards: Rewards, labels: Labels) -> Terms:
    return Terms(softplus(-_margin(rewards, labels).sum())[None], labels.weight.sum()[None])


def already_reduced(rewards: Rewards, labels: Labels) -> Terms:
    return Terms(softplus(-_margin(rewards, labels)).sum(), labels.weight.sum())


def weighed_by_rewards(rewards: Rewards, labels: Labels) -> Terms:
    margin = _margin(rewards, labels)
    return Terms(softplus(-margin), labels.weight * torch.sigmoid(-margin).detach())


def weight_with_gradient(rewards: Rewards, labels: Labels) -> Terms:
    margin = _margin(rewards, labels)
    return Terms(softplus(-margin), labels.weight + 0 * margin)


def weights_forgotten(rewards: Rewards, labels: Labels) -> Terms:
    return Terms(softplus(-_margin(rewards, labels)), torch.ones_like(labels.weight))


def log_of_sigmoid(rewards: Rewards, labels: Labels) -> Terms:
    return Terms(-torch.log(torch.sigmoid(_margin(rewards, labels))), labels.weight)


def log_of_one_plus_exp(rewards: Rewards, labels: Labels) -> Terms:
    return Terms(torch.log(1 + torch.exp(-_margin(rewards, labels))), labels.weight)


def half_detached(rewards: Rewards, labels: Labels) -> Terms:
    margin = rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected].detach()
    return Terms(softplus(-margin), labels.weight)


class Unreached(nn.Module):
    """Learns a scale of the margin, or so it seems."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        return Terms(softplus(-_margin(rewards, labels) * self.scale.item()) + 0 * self.scale, labels.weight)


def by_index(rewards: Rewards, labels: Labels) -> Terms:
    first, last = torch.minimum(labels.chosen, labels.rejected), torch.maximum(labels.chosen, labels.rejected)
    return Terms(softplus(rewards.scalar[last] - rewards.scalar[first]), labels.weight)


def by_position(rewards: Rewards, labels: Labels) -> Terms:
    return Terms(softplus(-_margin(rewards, labels)), labels.weight * (1 + torch.arange(len(labels.weight))))


@dataclass
class Wrong:
    objective: Objective
    caught_by: Callable[[Objective], None]


WRONG = (
    Wrong(flipped, descent_orders_the_responses),
    Wrong(mean_inside, union_of_batches_is_their_sum),
    Wrong(batch_summed, union_of_batches_is_their_sum),
    Wrong(already_reduced, one_term_a_loss),
    Wrong(weighed_by_rewards, weight_is_of_the_labels_alone),
    Wrong(weight_with_gradient, weight_is_of_the_labels_alone),
    Wrong(weights_forgotten, weight_zero_is_no_comparison),
    Wrong(log_of_sigmoid, finite_at_any_margin),
    Wrong(log_of_one_plus_exp, finite_at_any_margin),
    Wrong(half_detached, gradient_is_that_of_the_loss),
    Wrong(Unreached(), gradient_reaches_what_it_learns),
    Wrong(by_index, turned_labels_turn_the_order),
    Wrong(by_position, order_of_comparisons_does_not_matter),
)


@every_check
def test_the_right_stand_in_passes(check: Callable[[Objective], None]) -> None:
    """What the wrong ones are made from is right."""
    check(right)


@pytest.mark.parametrize(
    "wrong", WRONG, ids=lambda wrong: getattr(wrong.objective, "__name__", type(wrong.objective).__name__)
)
def test_the_contract_fails_on_a_wrong_objective(wrong: Wrong) -> None:
    """Every mistake is caught by the check that is meant for it."""
    with pytest.raises(AssertionError):
        wrong.caught_by(wrong.objective)


def test_every_check_catches_something() -> None:
    """No check is without a mistake it is known to catch."""
    assert {wrong.caught_by for wrong in WRONG} == set(CHECKS)
