"""Comparisons where people only rated: which of two responses has the higher rating, and by enough.

Responses to one prompt are compared with each other. Responses without a prompt are dealt into blocks, as training
does (each source by itself), and compared inside a block; nothing else depends on the block, so it is the unit of
resampling.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plaudit.preferences.preference import Preference

Integers = NDArray[np.int64]

BLOCK = 8


@dataclass(frozen=True, slots=True, eq=False)
class RatedPairs:
    """M comparisons made of ratings; responses are numbered over all records.

    Attributes:
        chosen: int64 [M], the response rated higher.
        rejected: int64 [M], the other.
        block: int64 [M], the block that both are in, -1 where they answer one prompt.
    """

    chosen: Integers
    rejected: Integers
    block: Integers


def rated_pairs(records: Sequence[Preference], attribute: str, gap: float, seed: int) -> RatedPairs:
    """Return the pairs of responses whose ratings are at least ``gap`` apart.

    Args:
        records: with ratings.
        attribute: the rating.
        gap: least difference, above 0, in its units.
        seed: of the blocks.
    """
    together: list[Integers] = []
    alone: dict[str, list[int]] = {}
    at = 0
    for record in records:
        places = np.arange(at, at + len(record.responses))
        at += len(record.responses)
        if not record.prompt and len(places) == 1:
            alone.setdefault(record.source, []).append(int(places[0]))
        elif len(places) > 1:
            together.append(places)
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.array(own, np.int64)) for own in alone.values()]
    blocks = [own[start : start + BLOCK] for own in shuffled for start in range(0, len(own), BLOCK)]
    ratings = [response.ratings.get(attribute, np.nan) for record in records for response in record.responses]
    numbers = [-1] * len(together) + list(range(len(blocks)))
    return _pairs([*together, *blocks], numbers, np.array(ratings, np.float64), gap)


def _pairs(sets: Sequence[Integers], numbers: Sequence[int], ratings: NDArray[np.float64], gap: float) -> RatedPairs:
    chosen, rejected, block = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for places, number in zip(sets, numbers, strict=True):
        first, second = (places[side] for side in np.triu_indices(len(places), 1))
        lead = ratings[first] - ratings[second]
        far = np.abs(lead) >= gap - 1e-9
        chosen.append(np.where(lead > 0, first, second)[far])
        rejected.append(np.where(lead > 0, second, first)[far])
        block.append(np.full(int(far.sum()), number))
    return RatedPairs(*(np.concatenate(side) for side in (chosen, rejected, block)))
