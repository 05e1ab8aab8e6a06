"""Rewards and labels of pairs, and what maximum likelihood makes of them, for the tests of pairwise objectives."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, learned, learning, reduce
from plaudit.testing import pair_labels

Floats = NDArray[np.float64]
WIDE = torch.linspace(-30, 30, 61, dtype=torch.float64)


def of_margins(margins: Sequence[float] | torch.Tensor | Floats) -> Rewards:
    """Rewards of pairs whose margins are these, around level 0."""
    margins = torch.as_tensor(margins)
    return Rewards(torch.stack([margins / 2, -margins / 2], 1).reshape(-1, 1))


def losses(
    objective: Objective, margins: torch.Tensor | Sequence[float] = WIDE, *, tie: bool = False, strength: float = 0.0
) -> torch.Tensor:
    """The losses of pairs of these margins, all won, or all tied."""
    count = len(margins)
    labels = replace(pair_labels(count), tie=torch.full((count,), tie), strength=torch.full((count,), strength))
    return objective(of_margins(margins), labels).loss


def outcomes(margin: Floats, win: Floats, loss: Floats, seed: int) -> tuple[Floats, Labels]:
    """Draw win, loss or tie of each pair; returns the margin of the winner of each and the labels."""
    draw = np.random.default_rng(seed).random(len(margin))
    lost, tied = (draw >= win) & (draw < win + loss), draw >= win + loss
    return np.where(lost, -margin, margin), replace(pair_labels(len(margin)), tie=torch.from_numpy(tied))


def most_likely(objective: Objective, margin: Floats, labels: Labels) -> tuple[float, dict[str, float]]:
    """Minimise the loss over a scale of the margins and what the objective learns, in fp64; returns both."""
    module = learning(objective).double()
    scale = nn.Parameter(torch.ones((), dtype=torch.float64))
    found = torch.optim.LBFGS(
        [scale, *module.parameters()],
        max_iter=200,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        found.zero_grad()
        loss = reduce(objective(of_margins(torch.from_numpy(margin) * scale), labels))
        loss.backward()
        return loss

    found.step(closure)
    return scale.item(), learned(objective)
