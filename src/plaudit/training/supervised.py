"""A reward model together with what its objective learns, in one optimiser, checkpoint and resume."""

import torch
from torch import nn

from plaudit.encoding.batch import Batch
from plaudit.models.reward_model import Rewards


class Supervised(nn.Module):
    """What is trained where the objective has parameters of its own.

    Args:
        model: the reward model, or its head on cached features.
        objective: the objective's modules, from `plaudit.objectives.learning`.
    """

    def __init__(self, model: nn.Module, objective: nn.ModuleList) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Batch) -> Rewards:
        """Score every response of ``batch``, as the model alone does."""
        rewards: Rewards = self.model(batch)
        return rewards


def separate(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], learning_rate: float) -> None:
    """Move ``parameters`` into a group of their own, which is never decayed and has its own learning rate."""
    moved = {id(parameter) for parameter in parameters}
    for group in optimizer.param_groups:
        group["params"] = [parameter for parameter in group["params"] if id(parameter) not in moved]
    optimizer.add_param_group({"params": parameters, "weight_decay": 0.0, "lr": learning_rate})
