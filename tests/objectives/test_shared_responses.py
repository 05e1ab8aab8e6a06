"""Responses that are in several records of a batch: every objective takes each record for itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.objectives.adjacent_ranking import AdjacentRanking
from plaudit.objectives.all_pairs import AllPairs
from plaudit.objectives.contrastive import Contrastive
from plaudit.objectives.ordinal import Ordinal
from plaudit.objectives.plackett_luce import PlackettLuce
from plaudit.objectives.squared_error import SquaredError
from tests.objectives.known import ranked

OBJECTIVES = (
    AdjacentRanking(),
    AllPairs(),
    Contrastive(),
    PlackettLuce(),
    SquaredError(attributes=("length",)),
    Ordinal(attributes=("length",)),
)


def overlapping() -> EncodedSet:
    """Three records of four responses; the second has those of the first, in the opposite order."""
    encoded = ranked(3)
    chosen, rejected, tie = encoded.chosen.copy(), encoded.rejected.copy(), encoded.tie.copy()
    chosen[6:12], rejected[6:12], tie[6:12] = rejected[:6], chosen[:6], tie[:6]
    members = np.concatenate([np.arange(4), np.arange(4), np.arange(8, 12)])
    return replace(encoded, record_sequences=members, chosen=chosen, rejected=rejected, tie=tie)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_one_micro_batch_costs_what_two_do(objective: Objective) -> None:
    """Loss and weight of records that share responses do not depend on whether they are packed together."""
    encoded = overlapping()
    values = torch.randn(12, 1, generator=torch.Generator().manual_seed(0))

    def cost(*parts: list[int]) -> tuple[float, float]:
        batches = [collate(encoded, part) for part in parts]
        terms = [objective(Rewards(values[list(batch.sequences)]), batch.labels) for batch in batches]
        return sum(one.total().item() for one in terms), sum(float(one.weight.sum()) for one in terms)

    together = cost([0, 1, 2])
    assert together[1] > 2.9
    assert together == pytest.approx(cost([0], [1, 2]))
    assert together == pytest.approx(cost([0], [1], [2]))
