r"""Majority: the share of votes, with a few put on every answer beforehand; everybody counts the same.

With :math:`n_1` votes for the first, :math:`n_0` ties, :math:`n_2` for the second and a prior of :math:`a` votes,

.. math:: p = \frac{(n_1 + \tfrac23 a,\; n_0 + \tfrac23 a,\; n_2 + \tfrac23 a)}{n + 2a},

which puts a votes on either side, as half of a tie counts for each.

``balance = "order"`` gives the votes that saw the first on the left and those that saw it on the right half of an
item's weight each, where there are both: what a side alone is worth then cancels.

Source: Laplace's rule of succession.

>>> votes = Votes.from_arrays([0, 0, 0], ["a", "b", "c"], [1, 1, -1])
>>> Majority()(votes).probabilities.round(3).tolist()
[[0.533, 0.133, 0.333]]
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from plaudit.labels.aggregation import Aggregated, require_positive, smoothed
from plaudit.labels.balance import order_weights
from plaudit.labels.votes import Floats, Votes


@dataclass(frozen=True)
class Majority:
    """Shares of votes.

    Attributes:
        prior: votes put on either side beforehand, above 0.
        balance: ``none``, or ``order``: both orders of an item's responses count the same.
    """

    prior: float = 1.0
    balance: Literal["none", "order"] = "none"

    def __post_init__(self) -> None:
        require_positive(prior=self.prior)
        if self.balance not in ("none", "order"):
            raise ValueError(f"balance must be 'none' or 'order', not {self.balance!r}")

    def __call__(self, votes: Votes) -> Aggregated:
        """Return the shares; there are no skills."""
        if self.balance == "none":
            return Aggregated(probabilities=smoothed(votes.counts(), self.prior))
        flat = votes.item * 3 + (1 - votes.label.astype(np.int64))
        weights = np.asarray(order_weights(votes), np.float64)
        counts: Floats = np.bincount(flat, weights, 3 * len(votes.items)).astype(np.float64).reshape(-1, 3)
        return Aggregated(probabilities=smoothed(counts, self.prior))
