"""Regularisers: what can be added to any objective. Each is one penalty a comparison; `Regularised` adds them up.

A regulariser keeps the rule of objectives: it depends on its own comparison and on nothing else in the batch, so a step
cut into micro-batches has one gradient. Its setting ``weight`` says how much it counts; 0 leaves it out.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, Terms, lacking


class Unsuited(ValueError):
    """A regulariser cannot be added to this objective or read from these rewards; the message says what it needs."""


class Regulariser(Protocol):
    """A penalty. Constructor arguments are its settings; calling it is its behaviour."""

    @property
    def weight(self) -> float:
        """By what the penalties are multiplied."""
        ...

    def __call__(self, rewards: Rewards, labels: Labels, objective: Objective, /) -> Tensor:
        """Return float32 [M], one penalty a comparison, not yet multiplied by any weight.

        ``objective`` is the one it is added to, for regularisers that look at its losses.
        """
        ...


class Regularised(nn.Module):
    r"""An objective with regularisers: itself an objective.

    .. math:: L = \frac{\sum_k w_k\,\ell_k + \sum_j c_j \sum_i v_i\,p_{ji}}{\sum_k w_k}

    with the objective's losses :math:`\ell_k` and weights :math:`w_k`, and the penalties :math:`p_{ji}` of regulariser
    :math:`j` and weight :math:`c_j`. A comparison's penalties weigh :math:`v_i`: what its loss weighs where the
    objective has one term a comparison; else what the comparison weighs, divided by the number of comparisons in its
    record, so that the penalties of a record weigh as one list does.

    An objective whose terms are not its comparisons says so in an attribute ``per`` (``"record"``, ``"winner"``,
    ``"rating"``).
    What the objective learns is among the parameters of this module.

    Args:
        objective: what is regularised.
        regularisers: what is added to it.
    """

    def __init__(self, objective: Objective, regularisers: Sequence[Regulariser]) -> None:
        super().__init__()
        self.objective: Objective = objective
        self.regularisers = tuple(regularisers)

    @property
    def per(self) -> str:
        """What the objective has one term of: ``comparison``, unless it says something else."""
        return str(getattr(self.objective, "per", "comparison"))

    def requires(self, facts: DataFacts) -> str:
        """Return what the objective, else the first regulariser that does, lacks in the data; or an empty string."""
        asked = (self.objective, *filter(lambda one: one.weight, self.regularisers))
        return next(filter(None, (lacking(one, facts) for one in asked)), "")

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return the objective's terms with the weighted sum of all penalties.

        Raises:
            Unsuited: a regulariser cannot be added to the objective, or needs what the rewards do not have.
        """
        terms = self.objective(rewards, labels)
        penalty = terms.loss.new_zeros(()) if terms.penalty is None else terms.penalty
        for regulariser in filter(lambda one: one.weight, self.regularisers):
            each = regulariser(rewards, labels, self.objective)
            penalty = penalty + regulariser.weight * (each * self._weights(terms, labels)).sum()
        return replace(terms, penalty=penalty)

    def _weights(self, terms: Terms, labels: Labels) -> Tensor:
        """Return what each comparison's penalty weighs, float32 [M]."""
        if self.per == "comparison":
            require_comparisons(terms, labels, self.objective)
            return terms.weight
        record = labels.record_of_comparisons()
        return labels.weight / torch.bincount(record)[record]


def require_comparisons(terms: Terms, labels: Labels, objective: object) -> None:
    """Require that ``terms`` are one a comparison.

    Raises:
        Unsuited: they are not, and the objective does not say so.
    """
    if terms.weight.shape != labels.weight.shape:
        raise Unsuited(
            f"{type(objective).__name__} has {len(terms.weight)} terms for {len(labels.weight)} comparisons; an "
            "objective whose terms are not its comparisons says so in its class: per = 'record', 'winner' or 'rating'"
        )


def check_weight(weight: float, below: float = math.inf) -> None:
    """Require that a regulariser's ``weight`` is 0 or more and less than ``below``.

    Raises:
        ValueError: it is not.
    """
    if not 0 <= weight < below:
        allowed = "a finite number, 0 or more" if math.isinf(below) else f"in [0, {below:g})"
        raise ValueError(f"weight must be {allowed}, not {weight}")
