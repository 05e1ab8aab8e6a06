"""The adjustment for length as it is shipped: what a reward owes to length, at a few lengths; `lengths` fits it.

>>> adjustment = LengthAdjustment(lengths=[10.0, 100.0], rewards=[0.0, 1.0], mean=0.5)
>>> adjustment.adjusted([2.0, 2.0], [10, 5000]).tolist()
[2.5, 1.5]
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from plaudit.calibration.calibrators import steps
from plaudit.predictions import Floats, Predictions

ADJUSTED = ", adjusted for length"
"""What is added to `Predictions.model` where the rewards are adjusted already."""


@dataclass(frozen=True, slots=True, eq=False)
class LengthAdjustment:
    """What a reward owes to length.

    Attributes:
        lengths: float64 [K], rising, from 0: lengths in characters.
        rewards: float64 [K], what is expected at each.
        mean: of what is expected, over the responses it was fitted to.
    """

    lengths: Floats
    rewards: Floats
    mean: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", steps("lengths", self.lengths, -1.0, above=True))
        rewards = np.asarray(self.rewards, dtype=np.float64)
        if rewards.shape != self.lengths.shape or not np.isfinite([*rewards.ravel(), self.mean]).all():
            raise ValueError("a length adjustment needs one finite reward for each length, and a finite mean")
        object.__setattr__(self, "rewards", rewards)

    def expected(self, lengths: ArrayLike) -> Floats:
        """Return the reward that is expected at each length, float64 [N], for lengths [N] in characters.

        Raises:
            ValueError: a length is NaN or below 0.
        """
        given = np.asarray(lengths, dtype=np.float64)
        if not (given >= 0).all():
            raise ValueError(
                f"length {int(np.argmin(given >= 0))} is {given[np.argmin(given >= 0)]}; it must be from 0"
            )
        return np.interp(np.log1p(given), np.log1p(self.lengths), self.rewards)

    def adjusted(self, rewards: ArrayLike, lengths: ArrayLike) -> Floats:
        """Return the rewards [N] without what they owe to the lengths [N], float64 [N]; errors as in `expected`."""
        return np.asarray(rewards, dtype=np.float64) - self.expected(lengths) + self.mean

    def apply(self, predictions: Predictions) -> Predictions:
        """Return the predictions with adjusted rewards; variances, parts and ratings stay as they are."""
        rewards = self.adjusted(predictions.rewards, predictions.lengths)
        return replace(predictions, rewards=rewards, model=predictions.model + ADJUSTED)

    def record(self) -> dict[str, Any]:
        """Return the fields as plain data; `of_record` reads them."""
        return {"lengths": self.lengths.tolist(), "rewards": self.rewards.tolist(), "mean": float(self.mean)}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "LengthAdjustment":
        """Return what `record` wrote; ValueError where it is something else."""
        wanted = {"lengths", "rewards", "mean"}
        if set(record) != wanted:
            raise ValueError(f"a record of a length adjustment holds {sorted(wanted)}, not {sorted(record)}")
        return cls(**record)
