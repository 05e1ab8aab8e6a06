"""An objective applied to each member of an ensemble as if it were alone."""

from dataclasses import dataclass, replace

import torch

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, Terms, lacking


@dataclass(frozen=True, slots=True)
class EachMember:
    """The objective of every member, added up: all members learn in one pass, none sees the others' rewards.

    Weights are divided by the number of members, so a step divides by what it would divide by for one model, and the
    loss is the mean of the members' losses.

    Attributes:
        objective: what each member learns.
        columns: of ``Rewards.values`` that are members.
    """

    objective: Objective
    columns: tuple[int, ...]

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return the terms of the first member, then those of the second, and so on."""
        without = replace(rewards, variance=None, deviations=None)
        alone = [replace(without, values=rewards.values[:, [column]]) for column in self.columns]
        terms = [self.objective(member, labels) for member in alone]
        penalties = [part.penalty for part in terms if part.penalty is not None]
        return Terms(
            torch.cat([part.loss for part in terms]),
            torch.cat([part.weight for part in terms]) / len(terms),
            torch.stack(penalties).sum() / len(terms) if penalties else None,
        )

    def requires(self, facts: DataFacts) -> str:
        """Return what the members' objective lacks in the data, or an empty string."""
        return lacking(self.objective, facts)
