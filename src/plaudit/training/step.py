"""One optimiser step: the loss over its micro-batches, divided by the weight of all of them on all ranks.

The objective says how much each term weighs from the labels alone, so the divisor of a step is known before its first
gradient. A step of one micro-batch, of five, or of two on each of three ranks therefore has the same gradient.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from plaudit.encoding.batch import Batch, Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, Terms


class NonFinite(ArithmeticError):
    """A reward, loss or gradient is NaN or infinite; the message names the step and the records."""


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What a rank computes at once.

    Attributes:
        batch: the packed records.
        records: their numbers in the encoded set.
        counted: False for a stand-in that only keeps a rank in step with the others; it weighs nothing.
    """

    batch: Batch
    records: tuple[int, ...]
    counted: bool = True

    def to(self, device: torch.device | str) -> "MicroBatch":
        """Return the micro-batch with its tensors on ``device``."""
        return MicroBatch(self.batch.to(device), self.records, self.counted)


@dataclass(frozen=True, slots=True)
class StepStatistics:
    """What one step saw, over all its micro-batches and ranks.

    Attributes:
        loss: weighted mean loss, penalties included.
        weight: summed weight of the terms.
        accuracy: share of comparisons ordered as labelled, equal rewards ½; stated ties left out; None without any.
        margin: mean reward of chosen minus rejected over the same comparisons, or None.
        comparisons: number of comparisons, stated ties among them.
        ordered: number of comparisons that are not ties.
        tokens: packed tokens.
    """

    loss: float
    weight: float
    accuracy: float | None
    margin: float | None
    comparisons: int
    ordered: int
    tokens: int

    @classmethod
    def of(cls, sums: Sequence[float]) -> "StepStatistics":
        """Make statistics of the sums that `accumulate` returns."""
        total, weight, correct, margin, ordered, comparisons, tokens = sums
        return cls(
            loss=total / weight if weight else 0.0,
            weight=weight,
            accuracy=correct / ordered if ordered else None,
            margin=margin / ordered if ordered else None,
            comparisons=int(comparisons),
            ordered=int(ordered),
            tokens=int(tokens),
        )


def accumulate(
    forward: Callable[[Batch], Rewards],
    micros: Sequence[MicroBatch],
    objective: Objective,
    backward: Callable[[Tensor], object],
    *,
    over_ranks: Callable[[Tensor], Tensor] = lambda local: local,
    ranks: int = 1,
    unsynced: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> tuple[Tensor, list[MicroBatch]]:
    """Run every micro-batch forwards and backwards.

    Args:
        forward: the reward model.
        micros: the micro-batches of this rank, at least one.
        objective: the loss.
        backward: accumulates the gradient of a scalar.
        over_ranks: sums a tensor over all ranks.
        ranks: by how many the gradients are averaged afterwards (data-parallel wrappers do), which is undone here.
        unsynced: context in which gradients are not exchanged between ranks, entered for all but the last micro-batch.

    Returns:
        float64 [7]: loss, weight, correct, margin, ordered comparisons, comparisons and tokens, summed over this rank's
        counted micro-batches; and the micro-batches in which a reward or loss was not finite.
    """
    sums: list[Tensor] = []
    bad: list[Tensor] = []
    divisor = torch.ones(())
    for number, micro in enumerate(micros):
        with nullcontext() if number == len(micros) - 1 else unsynced():
            rewards = forward(micro.batch)
            terms = objective(rewards, micro.batch.labels)
            if not number:
                divisor = over_ranks(_weight(micros, objective, rewards)).clamp(min=torch.finfo(torch.float32).tiny)
            backward(terms.total() * (ranks * float(micro.counted)) / divisor.to(terms.loss.dtype))
        sums.append(_sums(rewards, terms, micro.batch) * float(micro.counted))
        finite = torch.isfinite(rewards.values).all() & torch.isfinite(terms.loss).all()
        bad.append(~(finite & torch.isfinite(terms.total())))
    flags = torch.stack(bad).tolist()
    return torch.stack(sums).sum(0), [micro for micro, flag in zip(micros, flags, strict=True) if flag]


def label_weight(objective: Objective, labels: Labels, like: Rewards) -> Tensor:
    """Return the summed weight of the terms that ``objective`` makes of ``labels``, a float64 scalar.

    An objective weighs its terms by the labels alone, so rewards of zero, shaped ``like`` the model's, give the same.
    """
    count = len(labels.record)
    values = like.values.new_zeros(count, like.values.shape[1])
    variance = None if like.variance is None else like.values.new_ones(count)
    likelihood = None if like.log_likelihood is None else like.values.new_zeros(count)
    spans = None if like.spans is None else like.spans.none()
    return objective(Rewards(values, variance, likelihood, spans), labels).weight.detach().double().sum()


def train_step(
    model: nn.Module,
    batch: Batch,
    *,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    clipping: float = 1.0,
) -> StepStatistics:
    """Do one whole optimiser step on one batch: the loop of your own, where `fit` is too much.

    Args:
        model: a reward model; it is put in training mode.
        batch: from `plaudit.encoding.packing.collate`.
        objective: the loss; hand parameters of its own to ``optimizer`` with the model's.
        optimizer: stepped once and cleared.
        scheduler: stepped once after it, if given.
        clipping: largest norm of the gradient; 0 leaves it as it is.

    Raises:
        NonFinite: a reward, the loss or the gradient is not finite; the weights are left as they were.
    """
    model.train()
    micro = MicroBatch(batch, tuple(range(int(batch.labels.record.max()) + 1)))
    sums, bad = accumulate(model, [micro], objective, torch.Tensor.backward)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clipping or float("inf"))
    if bad or not torch.isfinite(norm):
        optimizer.zero_grad()
        raise NonFinite("a reward, the loss or the gradient of this batch is not finite; the step was not taken")
    optimizer.step()
    optimizer.zero_grad()
    if scheduler is not None:
        scheduler.step()
    return StepStatistics.of(sums.tolist())


def comparison_sums(rewards: Rewards, labels: Labels) -> Tensor:
    """Return float64 [4]: correct (½ for equal rewards), margin, comparisons that are not ties, comparisons."""
    margin = (rewards.scalar.detach()[labels.chosen] - rewards.scalar.detach()[labels.rejected]).double()
    ordered = (~labels.tie).double()
    correct = (margin > 0).double() + (margin == 0).double() / 2
    counts = (ordered.sum(), ordered.new_tensor(float(len(ordered))))
    return torch.stack([(correct * ordered).sum(), (margin * ordered).sum(), *counts])


def _weight(micros: Sequence[MicroBatch], objective: Objective, like: Rewards) -> Tensor:
    counted = [label_weight(objective, micro.batch.labels, like) for micro in micros if micro.counted]
    return torch.stack(counted).sum() if counted else like.values.new_zeros((), dtype=torch.float64)


def _sums(rewards: Rewards, terms: Terms, batch: Batch) -> Tensor:
    tokens = terms.weight.new_tensor([float(batch.layout.length)], dtype=torch.float64)
    return torch.cat([terms.sums(), comparison_sums(rewards, batch.labels), tokens])
