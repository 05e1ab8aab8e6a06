"""Objectives: pure functions of rewards and labels. No model, no tokenizer, no reduction inside.

An objective returns `Terms`: one unreduced loss a comparison (or a list, or a rating) and its weight. `reduce` is the
only place where they are summed, so the union of two batches costs exactly the sum of the two.

An objective may learn parameters of its own (the chance of a tie, a flip rate). It is then also an ``nn.Module`` whose
settings are kept as attributes; `learning` finds it, and `learned` reads what it has come to.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from plaudit.encoding.annotators import agreement
from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
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
    """A loss. Constructor arguments are its settings; calling it is its behaviour.

    It may also have ``requires(facts: DataFacts) -> str``: what the data lack for it, or an empty string. Training asks
    before it begins. One that learns about annotators has ``meet(names, agreement)``, called before that: `introduce`.
    """

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return the unreduced, weighted terms of the batch."""
        ...


class Compared(Protocol):
    """Who preferred what to what: `Labels`, or a tokenised set. Each is an array [M]; see there."""

    @property
    def chosen(self) -> Any:
        """Numbers of the preferred responses."""

    @property
    def rejected(self) -> Any:
        """Numbers of the others."""

    @property
    def tie(self) -> Any:
        """Whether neither was preferred."""

    @property
    def annotator(self) -> Any:
        """Keys of who said so, or None."""


def reduce(terms: Terms, total_weight: torch.Tensor | float | None = None) -> torch.Tensor:
    """Return the weighted mean loss, dividing by ``total_weight`` (of a whole step) or by the terms' own weights.

    An empty batch gives 0, not NaN.
    """
    divisor = terms.weight.sum() if total_weight is None else torch.as_tensor(total_weight)
    return terms.total() / divisor.clamp(min=torch.finfo(torch.float32).tiny)


def margins(rewards: Rewards, labels: Labels, *, use_strength: bool = False) -> Tensor:
    """Return the margin of each comparison, chosen minus rejected, float32 [M].

    With ``use_strength`` the stated strength, which a tie has none of, is subtracted: the margin is to exceed it.
    """
    margin = rewards.scalar[labels.chosen] - rewards.scalar[labels.rejected]
    return margin - torch.where(labels.tie, 0.0, labels.strength) if use_strength else margin


def minus_log_sigmoid(margin: Tensor) -> Tensor:
    """Return the negative log-likelihood of winning by a margin under Bradley-Terry, in nats."""
    return softplus(-margin)


def half_each_way(loss: Callable[[Tensor], Tensor], margin: Tensor, tie: Tensor) -> Tensor:
    """Return ``loss(margin)`` where there is a winner and, for a tie, the mean of both outcomes' losses; [M]."""
    lost = torch.where(tie, 0.5, 0.0).to(margin.dtype)
    return (1 - lost) * loss(margin) + lost * loss(torch.where(tie, -margin, margin))


def lacking(asked: object, facts: DataFacts) -> str:
    """Return what an objective or a regulariser lacks in the data; an empty string for nothing."""
    ask = getattr(asked, "requires", None)
    return str(ask(facts)) if ask else ""


def introduce(objective: object, annotators: Sequence[str], labels: Compared | None = None) -> None:
    """Tell an objective that learns about annotators, and so has a method ``meet``, whose comparisons it is to see.

    It is told their names and, by `plaudit.encoding.annotators.agreement` of ``labels``, how far others who compared
    the same responses said the same.
    """
    meet = getattr(innermost(objective), "meet", None)
    if not meet:
        return
    if labels is None or labels.annotator is None:
        meet(annotators, {})
    else:
        meet(annotators, agreement(labels.chosen, labels.rejected, labels.tie, labels.annotator))


@runtime_checkable
class Learning(Protocol):
    """What a module offers that can say in the field's own terms what its parameters mean."""

    def learned(self) -> Mapping[str, Any]:
        """Return the values learned so far, by name, as plain data; empty where nothing is learned."""
        ...


def learning(objective: object) -> nn.ModuleList:
    """Return the modules in ``objective`` that have something to train: itself, or fields of a dataclass around it."""
    fields = dataclasses.fields(objective) if dataclasses.is_dataclass(objective) else ()
    held = [objective, *(getattr(objective, field.name) for field in fields)]
    return nn.ModuleList(
        part for part in held if isinstance(part, nn.Module) and any(p.requires_grad for p in part.parameters())
    )


def learned(objective: object) -> dict[str, Any]:
    """Return what ``objective`` has learned, by name, as plain data; empty where it learns nothing.

    A module without a ``learned`` method of its own gives its trained parameters.
    """
    found: dict[str, Any] = {}
    for part in learning(objective):
        speaking = [inner for inner in part.modules() if isinstance(inner, Learning)]
        for inner in speaking:
            found |= inner.learned()
        if not speaking:
            found |= {name: value.tolist() for name, value in part.named_parameters() if value.requires_grad}
    return found


def innermost(objective: object) -> object:
    """Return the objective inside wrappers that hold one as their ``objective``; itself where it is none."""
    held = getattr(objective, "objective", None)
    return innermost(held) if callable(held) else objective


def settings_of(objective: object) -> dict[str, Any]:
    """Return the settings of an objective: its constructor's arguments, which it keeps as attributes of those names."""
    names = inspect.signature(type(objective)).parameters
    return {name: getattr(objective, name) for name in names if hasattr(objective, name)}
