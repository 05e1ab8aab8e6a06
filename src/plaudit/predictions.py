"""Predictions: the rewards of a scored set, and the comparisons they are judged by. NumPy from here on.

Left of this module are tensors. Everything from here on (evaluation, calibration, monitoring) works on anybody's
scores, from any model, and never imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Rewards of N distinct responses and the M comparisons between them.

    Attributes:
        rewards: float64 [N], in full precision; never rounded, never NaN.
        chosen: int64 [M], index of the preferred response of each comparison (of either, in a tie).
        rejected: int64 [M], index of the other.
        outcome: float64 [M], 1 where ``chosen`` won, 0.5 in a tie.
        weight: float64 [M], how much each comparison counts.
        strength: float64 [M], stated margin, NaN where none was stated.
        response_group: int64 [N], resampling unit of each response: its group's number.
        by_response: whether the unit is the response, not the prompt: then a comparison's bootstrap weight is the
            product of the multiplicities of its two sides' groups; otherwise both sides share one group.
        lengths: int64 [N], length of each response in characters.
        slices: name to one label a comparison, object [M] (``source``, ``subset``, …).
        ids: str [N], identity of each response, for reading examples; may be empty.
    """

    rewards: Floats
    chosen: Integers
    rejected: Integers
    outcome: Floats
    weight: Floats
    strength: Floats
    response_group: Integers
    by_response: bool = False
    lengths: Integers
    slices: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    ids: tuple[str, ...] = ()

    @property
    def margins(self) -> Floats:
        """Reward of the chosen minus reward of the rejected response, float64 [M]."""
        return self.rewards[self.chosen] - self.rewards[self.rejected]
