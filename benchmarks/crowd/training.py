r"""A reward model fitted to its end: a linear head on frozen features, by the product's own objective.

The loss is :math:`\bar L(w) + \tfrac{\lambda}{2P} |w|^2`, with :math:`\bar L` the weighted mean of the objective's
terms over all comparisons, P the number of pairs and :math:`\lambda` the ridge. Nothing in it is random, neither order
nor batches nor where it stops: it is brought to its least by L-BFGS, together with what the objective itself learns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.crowd.voting import Crowd
from benchmarks.rated import Floats
from plaudit.encoding.annotators import annotator_columns
from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import introduce, learning, reduce
from plaudit.preferences.dataset import Preferences
from plaudit.testing import pair_labels
from plaudit.workflows.objective import build_objective

STEPS = 300


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What is learned from.

    Attributes:
        features: float64 [N, d] of the texts that are compared.
        labels: who was preferred to whom, places in ``features``.
        annotators: names in the labels.
        pairs: their number.
    """

    features: Tensor
    labels: Labels
    annotators: tuple[str, ...]
    pairs: int


def comparisons(preferences: Preferences, crowd: Crowd, features: Floats) -> Comparisons:
    """Return the comparisons of records, which are those of the crowd's pairs in order."""
    edges = [edge for record in preferences for edge in record.comparisons]
    record = np.repeat(np.arange(len(crowd.pairs)), [len(one.comparisons) for one in preferences])
    chosen, rejected = (2 * record + [getattr(edge, side) for edge in edges] for side in ("chosen", "rejected"))
    keys, names = annotator_columns(edge.annotator for edge in edges)
    labels = replace(
        pair_labels(0),
        chosen=torch.from_numpy(chosen),
        rejected=torch.from_numpy(rejected),
        tie=torch.tensor([edge.tie for edge in edges]),
        strength=torch.tensor([edge.strength or 0.0 for edge in edges], dtype=torch.float64),
        weight=torch.tensor([edge.weight for edge in edges], dtype=torch.float64),
        annotator=None if keys is None else torch.from_numpy(keys),
    )
    return Comparisons(torch.from_numpy(features[crowd.pairs.ravel()]), labels, names, len(crowd.pairs))


def fit(held: Comparisons, objective: Mapping[str, Any], ridge: float) -> tuple[Floats, dict[str, float]]:
    """Return the weights, float64 [d], and what the objective learned of the annotators."""
    loss: Any = build_objective(objective)
    introduce(loss, held.annotators, held.labels)
    own = list(learning(loss).double().parameters())
    weights = torch.zeros(held.features.shape[1], dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS(
        [weights, *own], max_iter=STEPS, tolerance_grad=1e-7, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def total() -> Tensor:
        descent.zero_grad()
        rewards = Rewards((held.features @ weights)[:, None])
        found = reduce(loss(rewards, held.labels)) + ridge / (2 * held.pairs) * weights.square().sum()
        found.backward()
        return found

    descent.step(total)
    told = loss.learned()["reliability"] if own else {}
    return weights.detach().numpy(), told
