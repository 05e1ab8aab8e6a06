"""Objectives: pure functions of rewards and labels. No model, no tokenizer, no reduction inside.

An objective returns `Terms`: one unreduced loss a comparison (or a list, or a rating) and its weight. `reduce` is the
only place where they are summed, so the union of two batches costs exactly the sum of the two.
"""

from dataclasses import dataclass
from typing import Protocol

import torch

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards


@dataclass(frozen=True, slots=True)
class Terms:
    """Unreduced losses.

    Attributes:
        loss: float32 [K], one a term, unweighted, in nats where the objective is a likelihood.
        weight: float32 [K], how much each counts. A step divides by the sum of these over all micro-batches and ranks.
        penalty: float32 scalar, what regularisers add, already weighted and summed; None for nothing. It is divided
            by the same sum, to which it adds nothing.
    """

    loss: torch.Tensor
    weight: torch.Tensor
    penalty: torch.Tensor | None = None

    def total(self) -> torch.Tensor:
        """The weighted sum of the losses and the penalty, a scalar."""
        total = (self.loss * self.weight).sum()
        return total if self.penalty is None else total + self.penalty

    def sums(self) -> torch.Tensor:
        """The total and the summed weight, float64 [2], without a gradient: what is added up over batches."""
        loss, weight = self.loss.detach().double(), self.weight.detach().double()
        exact = Terms(loss, weight, None if self.penalty is None else self.penalty.detach().double())
        return torch.stack([exact.total(), weight.sum()])


class Objective(Protocol):
    """A loss. Constructor arguments are its settings; calling it is its behaviour."""

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return the unreduced, weighted terms of the batch."""
        ...


def reduce(terms: Terms, total_weight: torch.Tensor | float | None = None) -> torch.Tensor:
    """Return the weighted mean loss, dividing by ``total_weight`` (of a whole step) or by the terms' own weights.

    An empty batch gives 0, not NaN.
    """
    divisor = terms.weight.sum() if total_weight is None else torch.as_tensor(total_weight)
    return terms.total() / divisor.clamp(min=torch.finfo(torch.float32).tiny)
