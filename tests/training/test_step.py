"""The gradient of a step: one, whatever the micro-batches and ranks it is computed on."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.encoding.batch import Labels
from plaudit.encoding.packing import collate
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, Terms, reduce
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.regularisers import Regularised
from plaudit.objectives.regularisers.calibrated import Calibrated
from plaudit.objectives.regularisers.centred import Centred
from plaudit.objectives.regularisers.l2 import L2
from plaudit.objectives.regularisers.label_smoothing import LabelSmoothing
from plaudit.objectives.regularisers.language_model import LanguageModel
from plaudit.training.step import (
    MicroBatch,
    NonFinite,
    StepStatistics,
    accumulate,
    comparison_sums,
    label_weight,
    train_step,
)
from tests.training.tiny import TinyModel, preferences

SET = preferences(11, comparisons=2, responses=3)
OBJECTIVES = [
    BradleyTerry(),
    Regularised(BradleyTerry(), [LabelSmoothing(0.1), Centred(0.01), L2(0.02), Calibrated(0.5)]),
]


def micro(records: Sequence[int], counted: bool = True) -> MicroBatch:
    """Pack records."""
    return MicroBatch(collate(SET, records), tuple(records), counted)


def gradient(
    parts: Sequence[Sequence[int] | MicroBatch], objective: Objective = OBJECTIVES[0], **how: Any
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the gradient and the statistics of a step cut into ``parts``."""
    model = TinyModel()
    sums, _ = accumulate(
        model,
        [part if isinstance(part, MicroBatch) else micro(part) for part in parts],
        objective,
        torch.Tensor.backward,
        **how,
    )
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None], sums


def whole_batch_gradient(objective: Objective = OBJECTIVES[0]) -> list[torch.Tensor]:
    """Return the gradient of one batch's weighted mean loss by the plain definition."""
    model, batch = TinyModel(), collate(SET, range(11))
    reduce(objective(model(batch), batch.labels)).backward()
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_micro_batches_of_one_three_and_seven_have_one_batch_s_gradient(objective: Objective) -> None:
    """Micro-batches of 1, 3 and 7 records, of unequal weight, give the whole batch's gradient to 1e-6."""
    found, sums = gradient([[0], [1, 2, 3], range(4, 11)], objective)
    for ours, whole in zip(found, whole_batch_gradient(objective), strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-6, atol=1e-7)
    assert math.isclose(float(sums[1]), float(SET.weight.sum()), rel_tol=1e-6)


def test_the_loss_of_a_step_counts_penalties_once() -> None:
    """Over any cut, the loss that is reported is the one that is minimised, divided by the terms' weight alone."""
    batch = collate(SET, range(11))
    terms = OBJECTIVES[1](TinyModel()(batch), batch.labels)
    _, sums = gradient([[0], [1, 2, 3], range(4, 11)], OBJECTIVES[1])
    assert terms.penalty is not None and terms.penalty.detach().abs() > 0.1
    total = (terms.loss * terms.weight).sum() + terms.penalty
    assert float(sums[0]) == pytest.approx(total.item(), rel=1e-5)
    assert StepStatistics.of(sums.tolist()).loss == pytest.approx(reduce(terms).item(), rel=1e-5)


def test_a_penalty_that_is_not_finite_is_noticed() -> None:
    """An infinite penalty over finite losses marks its micro-batch."""

    def broken(rewards: Rewards, labels: Labels) -> Terms:
        return Terms(rewards.scalar, torch.ones_like(rewards.scalar), rewards.scalar.sum() / 0)

    _, bad = accumulate(TinyModel(), [micro([2])], broken, torch.Tensor.backward)
    assert [found.records for found in bad] == [(2,)]


def test_weights_are_found_where_likelihoods_are_needed() -> None:
    """The weight of a step does not depend on log-likelihoods, and an objective that reads them can tell it."""
    objective = Regularised(BradleyTerry(), [LanguageModel()])
    like = Rewards(torch.zeros(1, 1), log_likelihood=torch.zeros(1))
    labels = micro([2]).batch.labels
    assert float(label_weight(objective, labels, like)) == pytest.approx(float(labels.weight.sum()))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=11, max_size=11))
def test_any_cut_of_a_step_has_the_same_gradient(places: list[int]) -> None:
    """However records are dealt to micro-batches, the gradient and the statistics are the whole batch's."""
    parts = [[record for record in range(11) if places[record] == place] for place in sorted(set(places))]
    found, sums = gradient(parts)
    for ours, whole in zip(found, whole_batch_gradient(), strict=True):
        torch.testing.assert_close(ours, whole, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(sums[:6], gradient([range(11)])[1][:6])


def test_averaging_over_ranks_is_undone() -> None:
    """Two ranks that share out the weights and average their gradients have one process's gradient."""
    parts = ([[0], [1, 2, 3]], [range(4, 11)])
    weights = [
        sum(label_weight(OBJECTIVES[0], micro(r).batch.labels, Rewards(torch.zeros(1, 1))) for r in part)
        for part in parts
    ]
    each = [gradient(part, over_ranks=lambda local: local * 0 + sum(weights), ranks=2)[0] for part in parts]
    for first, second, whole in zip(*each, whole_batch_gradient(), strict=True):
        torch.testing.assert_close((first + second) / 2, whole, rtol=1e-6, atol=1e-7)


def test_a_stand_in_weighs_nothing() -> None:
    """A micro-batch that only keeps a rank company changes neither gradient nor statistics, and alone gives zeros."""
    found, sums = gradient([range(11), micro([3], counted=False)])
    for ours, whole in zip(found, whole_batch_gradient(), strict=True):
        torch.testing.assert_close(ours, whole)
    torch.testing.assert_close(sums, gradient([range(11)])[1])
    alone, nothing = gradient([micro([3], counted=False)])
    assert all(not part.any() for part in alone) and not nothing.any()


def test_only_the_last_micro_batch_exchanges_gradients() -> None:
    """The context for unsynchronised work is entered once for every micro-batch but the last."""
    entered = []

    class Unsynced:
        def __enter__(self) -> None:
            entered.append(True)

        def __exit__(self, *error: object) -> None:
            entered.append(False)

    gradient([[0], [1], [2]], unsynced=Unsynced)
    assert entered == [True, False, True, False]


def test_statistics_match_their_definitions() -> None:
    """Accuracy counts a tie of rewards one half and leaves stated ties out; the margin is their mean."""
    labels = collate(SET, range(11)).labels
    rewards = Rewards(torch.randn(33, 1).round())
    correct, margin, ordered, comparisons = comparison_sums(rewards, labels).tolist()
    by_hand = []
    for chosen, rejected, tie in zip(labels.chosen, labels.rejected, labels.tie, strict=True):
        if not tie:
            by_hand.append(float(rewards.values[chosen, 0] - rewards.values[rejected, 0]))
    assert correct == sum(1.0 if m > 0 else 0.5 if m == 0 else 0.0 for m in by_hand)
    assert math.isclose(margin, sum(by_hand), abs_tol=1e-9)
    assert (ordered, comparisons) == (len(by_hand), len(labels.chosen)) and ordered < comparisons


def test_weights_are_found_for_any_shape_of_rewards() -> None:
    """The weight of a step comes from the labels, for several heads and a predicted variance too."""

    def graded(rewards: Rewards, labels: Labels) -> Terms:
        assert rewards.values.shape == (3, 4) and rewards.variance is not None
        return Terms(rewards.values.mean(1), labels.lengths.float())

    like = Rewards(torch.zeros(1, 4), torch.ones(1))
    labels = micro([2]).batch.labels
    assert float(label_weight(graded, labels, like)) == float(labels.lengths.sum())


def test_train_step_learns_and_steps_everything_once() -> None:
    """Repeated steps on one batch lower its loss, step the schedule and leave no gradient behind."""
    model, batch = TinyModel(), collate(SET, range(11))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=20)
    seen = [
        train_step(model, batch, objective=BradleyTerry(), optimizer=optimizer, scheduler=scheduler) for _ in range(20)
    ]
    assert seen[-1].loss < seen[0].loss - 0.05 and (seen[-1].accuracy or 0) > (seen[0].accuracy or 1)
    assert scheduler.get_last_lr() == [0.0] and all(p.grad is None for p in model.parameters())
    assert seen[0].comparisons == 22 and seen[0].tokens == batch.layout.length


def test_train_step_refuses_what_is_not_finite() -> None:
    """A NaN weight: the error says so, and no weight moves."""
    model = TinyModel()
    with torch.no_grad():
        model.score.weight[0, 0] = float("nan")
    before = model.embedding.weight.clone()
    with pytest.raises(NonFinite, match="not finite"):
        train_step(
            model, collate(SET, [0]), objective=BradleyTerry(), optimizer=torch.optim.SGD(model.parameters(), lr=1.0)
        )
    assert torch.equal(model.embedding.weight, before)
