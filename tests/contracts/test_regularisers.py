"""What every regulariser keeps to, alone and added to an objective; a new file is tested by being there.

The checks are themselves checked: stand-ins that are wrong in one way each must fail the check that is meant for them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from plaudit import members
from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards, SpanLogits
from plaudit.objectives import Objective
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised, Regulariser
from plaudit.testing import pair_labels
from plaudit.training.step import label_weight
from tests.contracts.test_objectives import SETTINGS as OBJECTIVES
from tests.contracts.test_objectives import labels_of as labels_without_marks
from tests.contracts.test_objectives import of_comparisons, rewards_of, same, united

SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "calibrated": ({}, {"form": "entropy", "weight": 0.3}),
    "centred": ({}, {"weight": 0.5}),
    "l2": ({}, {"weight": 0.5}),
    "label_smoothing": ({}, {"weight": 0.3}),
    "language_model": ({}, {"form": "sigmoid"}, {"form": "preference", "beta": 0.7, "weight": 0.4}),
    "span_supervision": ({}, {"weight": 0.5}),
}
"""The settings under which each regulariser is tested."""


def labels_of(seed: int) -> Labels:
    """Labels of 12 responses, some of whose tokens somebody judged."""
    labels = labels_without_marks(seed)
    marks = torch.randint(3, (int(labels.lengths.sum()),), generator=torch.Generator().manual_seed(seed))
    return replace(labels, marks=marks.to(torch.uint8))


def first_tokens(values: Tensor) -> SpanLogits:
    """A span of each response, its first token, whose logit follows the reward smoothly."""
    begin = torch.zeros(len(values), dtype=torch.int64)
    return SpanLogits(values[:, 0] * 0.7 + 0.1, torch.arange(len(values)), begin, begin + 1)


def offsets(count: int, seed: int) -> Tensor:
    """Where the log-likelihoods of ``count`` responses lie besides."""
    return torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def rewards_with_likelihoods(values: Tensor, seed: int = 0, moved: Tensor | None = None) -> Rewards:
    """Rewards whose log-likelihoods and span logits follow them smoothly, so that gradients run through all."""
    moved = offsets(len(values), seed) if moved is None else moved
    likelihood = -(values[:, 0] * 0.3 + moved.to(values.dtype)).square()
    return Rewards(values, log_likelihood=likelihood, spans=first_tokens(values))


def penalties(regulariser: Regulariser, values: Tensor, labels: Labels, seed: int = 0) -> Tensor:
    """The penalties of rewards [N, 1]."""
    return regulariser(rewards_with_likelihoods(values, seed), labels, BradleyTerry())


def added(regulariser: Regulariser, values: Tensor, labels: Labels, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """What it adds to Bradley-Terry: the penalty, the weight, the gradient of the total."""
    leaf = values.clone().requires_grad_()
    terms = Regularised(BradleyTerry(), [regulariser])(rewards_with_likelihoods(leaf, seed), labels)
    (gradient,) = torch.autograd.grad(terms.total(), leaf)
    return terms.penalty, terms.weight, gradient


# --- checks -----------------------------------------------------------------------------------------------------------


def one_penalty_a_comparison(regulariser: Regulariser) -> None:
    """Penalties are float32 [M], and none of all where there is no comparison."""
    found = penalties(regulariser, rewards_of(0).float(), labels_of(0))
    assert found.shape == labels_of(0).weight.shape
    assert found.dtype == torch.float32
    assert penalties(regulariser, torch.zeros(0, 1), pair_labels(0)).shape == (0,)


def finite_at_any_margin(regulariser: Regulariser) -> None:
    """Penalty and gradient are finite at margins and levels of 0 and ±10,000, for ties too."""
    margins = torch.tensor([0.0, 1e4, -1e4] * 2)
    for level in (0.0, 1e4, -1e4):
        values = torch.stack([margins / 2 + level, -margins / 2 + level], 1).reshape(-1, 1)
        labels = replace(pair_labels(6), tie=torch.arange(6) >= 3)
        penalty, _, gradient = added(regulariser, values, labels)
        assert torch.isfinite(penalty)
        assert torch.isfinite(gradient).all()


def gradient_is_that_of_the_penalty(regulariser: Regulariser) -> None:
    """Automatic gradients are those of finite differences in float64."""
    for seed in range(3):
        labels = labels_of(seed)
        leaf = rewards_of(seed).requires_grad_()
        total = lambda values, labels=labels: penalties(regulariser, values, labels).sum()  # noqa: E731
        assert torch.autograd.gradcheck(total, leaf, eps=1e-6, atol=1e-6, rtol=1e-5, raise_exception=False)


def union_of_batches_is_their_sum(regulariser: Regulariser) -> None:
    """Two batches in one are penalised exactly as apart, and pull on each reward as they do apart."""
    (one, two), (first, second), moved = (rewards_of(1), rewards_of(2)), (labels_of(1), labels_of(2)), offsets(24, 9)
    batches = (
        (torch.cat([one, two]), united(first, second), moved),
        (one, first, moved[:12]),
        (two, second, moved[12:]),
    )
    found = []
    for values, labels, own in batches:
        leaf = values.clone().requires_grad_()
        rewards = rewards_with_likelihoods(leaf, moved=own)
        penalty = Regularised(BradleyTerry(), [regulariser])(rewards, labels).penalty
        found.append((penalty.detach(), *torch.autograd.grad(penalty, leaf)))
    whole, left, right = found
    assert same(whole[0], left[0] + right[0])
    assert same(whole[1], torch.cat([left[1], right[1]]))


def divisor_is_the_objective_s(regulariser: Regulariser) -> None:
    """What a step divides by is what it is without the regulariser, for any rewards."""
    labels, rewards = labels_of(3), rewards_with_likelihoods(rewards_of(3))
    plain, regularised = BradleyTerry(), Regularised(BradleyTerry(), [regulariser])
    assert same(label_weight(regularised, labels, rewards), label_weight(plain, labels, rewards))
    assert same(regularised(rewards, labels).weight, plain(rewards, labels).weight)
    assert same(regularised(rewards, labels).loss, plain(rewards, labels).loss)


def weight_zero_is_no_comparison(regulariser: Regulariser) -> None:
    """A comparison of weight 0 is as good as left out."""
    labels, values = labels_of(4), rewards_of(4)
    kept = torch.arange(len(labels.weight)) % 3 != 0
    muted = added(regulariser, values, replace(labels, weight=labels.weight * kept))
    without = added(regulariser, values, of_comparisons(labels, kept))
    assert same(muted[0], without[0])
    assert same(muted[2], without[2])


def order_of_comparisons_does_not_matter(regulariser: Regulariser) -> None:
    """Comparisons in another order are penalised the same."""
    labels, values = labels_of(6), rewards_of(6)
    order = torch.randperm(len(labels.weight), generator=torch.Generator().manual_seed(0))
    plain, shuffled = added(regulariser, values, labels), added(regulariser, values, of_comparisons(labels, order))
    assert same(plain[0], shuffled[0])
    assert same(plain[2], shuffled[2])


def sides_of_a_tie_do_not_matter(regulariser: Regulariser) -> None:
    """A tie has no winner, so its sides can be exchanged."""
    labels, values = labels_of(7), rewards_of(7)
    labels = replace(labels, tie=torch.ones_like(labels.tie))
    turned = replace(labels, chosen=labels.rejected, rejected=labels.chosen)
    assert same(penalties(regulariser, values, labels), penalties(regulariser, values, turned))


CHECKS: tuple[Callable[[Regulariser], None], ...] = (
    one_penalty_a_comparison,
    finite_at_any_margin,
    gradient_is_that_of_the_penalty,
    union_of_batches_is_their_sum,
    divisor_is_the_objective_s,
    weight_zero_is_no_comparison,
    order_of_comparisons_does_not_matter,
    sides_of_a_tie_do_not_matter,
)
every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
every_name = pytest.mark.parametrize("name", members.names("regularisers"))


def test_every_regulariser_has_settings_to_be_tested_with() -> None:
    """Every file of the folder is in the table above, and nothing else is."""
    assert sorted(SETTINGS) == members.names("regularisers")


def test_the_set_is_no_objective() -> None:
    """The folder inside the objectives' folder is a set of its own, not a kind of theirs."""
    assert "regularisers" not in members.names("objectives")
    with pytest.raises(members.UnknownKind, match="'regularisers' is not one of the objectives"):
        members.load("objectives", "regularisers")


@every_check
@every_name
def test_keeps_the_contract(name: str, check: Callable[[Regulariser], None]) -> None:
    """Every regulariser passes every check, under all settings listed."""
    assert name in SETTINGS, f"{name} has no settings: add those it should be tested with to SETTINGS"
    for settings in SETTINGS[name]:
        check(members.load("regularisers", name)(**settings))


@every_name
def test_a_weight_of_zero_changes_nothing(name: str) -> None:
    """Total, weight and gradient are the objective's own to the last bit, and nothing more is asked of the rewards."""
    silent, labels, values = members.load("regularisers", name)(weight=0.0), labels_of(8), rewards_of(8)
    leaves = [values.clone().requires_grad_() for _ in range(2)]
    plain = BradleyTerry()(Rewards(leaves[0]), labels)
    regularised = Regularised(BradleyTerry(), [silent])(Rewards(leaves[1]), labels)
    pulls = [torch.autograd.grad(t.total(), leaf)[0] for t, leaf in zip((plain, regularised), leaves, strict=True)]

    assert torch.equal(plain.total(), regularised.total())
    assert torch.equal(plain.weight, regularised.weight)
    assert torch.equal(*pulls)


@every_name
def test_the_penalty_grows_with_the_weight(name: str) -> None:
    """Twice the weight is twice the penalty, and some weight is some penalty."""
    kind, labels, values = members.load("regularisers", name), labels_of(9), rewards_of(9)
    one, two = (added(kind(weight=weight), values, labels)[0] for weight in (0.2, 0.4))

    assert one.abs() > 1e-3
    assert same(two, 2 * one)


@every_name
@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf"), float("-inf")])
def test_a_bad_weight_is_named_with_its_range(name: str, weight: float) -> None:
    """The message says what the weight was and what it may be."""
    with pytest.raises(ValueError, match=rf"weight must be .*, not {weight}"):
        members.load("regularisers", name)(weight=weight)


# --- stand-ins that are wrong in one way each -------------------------------------------------------------------------


@dataclass(frozen=True)
class Of:
    """A regulariser made of a function of the chosen and rejected rewards and the labels."""

    penalty: Callable[[Tensor, Tensor, Labels], Tensor]
    weight: float = 0.1

    def __call__(self, rewards: Rewards, labels: Labels, objective: Objective) -> Tensor:
        return self.penalty(rewards.scalar[labels.chosen], rewards.scalar[labels.rejected], labels)


RIGHT = Of(lambda won, lost, labels: (won + lost).square())
WRONG: dict[str, tuple[Of, Callable[[Regulariser], None]]] = {
    "reduced": (Of(lambda won, lost, labels: (won + lost).square().sum()), one_penalty_a_comparison),
    "overflowing": (Of(lambda won, lost, labels: (won + lost).exp()), finite_at_any_margin),
    "half detached": (Of(lambda won, lost, labels: (won + lost.detach()).square()), gradient_is_that_of_the_penalty),
    "of the batch": (Of(lambda won, lost, labels: (won + lost).square() / len(won)), union_of_batches_is_their_sum),
    "weighed by position": (
        Of(lambda won, lost, labels: won.square() * torch.arange(len(won))),
        order_of_comparisons_does_not_matter,
    ),
    "unweighted": (Of(lambda won, lost, labels: won.square() / labels.weight), weight_zero_is_no_comparison),
    "tie has a winner": (Of(lambda won, lost, labels: won), sides_of_a_tie_do_not_matter),
}


@every_check
def test_the_right_stand_in_passes(check: Callable[[Regulariser], None]) -> None:
    """What the wrong ones are variations of is right."""
    check(RIGHT)


@pytest.mark.parametrize("name", WRONG)
def test_the_contract_fails_on_a_wrong_regulariser(name: str) -> None:
    """Every mistake is caught by the check that is meant for it."""
    wrong, caught_by = WRONG[name]
    with pytest.raises((AssertionError, RuntimeError)):
        caught_by(wrong)


@pytest.mark.parametrize("name", members.names("objectives"))
def test_every_objective_says_what_its_terms_are(name: str) -> None:
    """An objective that does not say ``per`` has one term a comparison, which only its two rewards move."""
    objective, labels = members.load("objectives", name)(**OBJECTIVES[name][0]), labels_of(0)
    leaf = rewards_of(0).float().requires_grad_()
    loss = objective(Rewards(leaf), labels).loss
    if getattr(objective, "per", "comparison") == "comparison":
        assert loss.shape == labels.weight.shape
    for place in range(0, len(loss), 4) if loss.shape == labels.weight.shape else ():
        (pull,) = torch.autograd.grad(loss[place], leaf, retain_graph=True)
        moved = set(pull[:, 0].nonzero()[:, 0].tolist())
        theirs = {int(labels.chosen[place]), int(labels.rejected[place])}
        assert moved <= theirs or getattr(objective, "per", "comparison") != "comparison"
