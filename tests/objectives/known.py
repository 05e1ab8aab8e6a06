"""Records with a known truth, and a tiny model that learns it with any objective."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.training.step import comparison_sums, train_step
from tests.training.tiny import TinyModel, preferences

RESPONSES = 4


def ranked(records: int = 60, *, seed: int = 0) -> EncodedSet:
    """Records of four responses in full order: the higher its mean token, the better; close ones are tied.

    Each is rated ``quality``, its mean token to the nearest 4, and some are rated ``length``.
    """
    encoded = preferences(records, seed=seed, comparisons=0, responses=RESPONSES)
    bodies = [encoded.ids(place)[encoded.response_starts[place] :] for place in range(encoded.sequences)]
    quality = np.array([round(body.mean() / 4) for body in bodies], np.float32)
    length = np.array([len(body) if place % 3 else np.nan for place, body in enumerate(bodies)], np.float32)
    edges = [
        (first, second) if quality[first] >= quality[second] else (second, first)
        for start in range(0, len(bodies), RESPONSES)
        for first in range(start, start + RESPONSES)
        for second in range(first + 1, start + RESPONSES)
    ]
    chosen, rejected = np.array(edges, np.int64).T
    return replace(
        encoded,
        comparison_offsets=np.arange(records + 1) * (RESPONSES * (RESPONSES - 1) // 2),
        chosen=chosen,
        rejected=rejected,
        tie=quality[chosen] == quality[rejected],
        strength=np.full(len(edges), np.nan, np.float32),
        weight=np.ones(len(edges), np.float32),
        ratings=np.stack([length, quality], 1),
        rating_names=("length", "quality"),
    )


def learned(objective: Objective, *, columns: int = 1, steps: int = 80) -> float:
    """Train a tiny model on ranked records; return its accuracy on others."""
    model, train, test = TinyModel(), collate(ranked(), range(60)), collate(ranked(40, seed=1), range(40))
    if columns > 1:
        model.score = nn.Linear(model.score.in_features, columns)
    own: Sequence[Tensor] = [*objective.parameters()] if isinstance(objective, nn.Module) else []
    optimizer = torch.optim.Adam([*model.parameters(), *own], lr=0.05)
    for _ in range(steps):
        train_step(model, train, objective=objective, optimizer=optimizer)
    with torch.no_grad():
        correct, _, ordered, _ = comparison_sums(Rewards(model(test).values[:, -1:]), test.labels).tolist()
    return correct / ordered
