r"""Unbiased: the share of votes that would be for a response if no side, and at will no length, were favoured.

One logistic model of all votes (`plaudit.labels.logistic`) has terms for the side and for length, of all annotators and
of each; an item's probability is what is left when they are taken off, an expected share over what the item may be
worth. The share of ties is that of `majority`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from plaudit.labels.aggregation import Aggregated, require_positive, smoothed
from plaudit.labels.logistic import Logistic
from plaudit.labels.votes import Votes


@dataclass(frozen=True)
class Unbiased:
    """Shares without the worth of a side.

    Attributes:
        prior: votes put on either side beforehand, for the share of ties, above 0.
        length: take off what length is worth to people on average as well, though it may be worth it.
    """

    prior: float = 1.0
    length: bool = False

    def __post_init__(self) -> None:
        require_positive(prior=self.prior)

    def __call__(self, votes: Votes) -> Aggregated:
        """Return probabilities, and as bias the probability of the left between equals."""
        model = Logistic.fit(votes)
        first, tied = model.shares(keep_length=not self.length), smoothed(votes.counts(), self.prior)[:, 1]
        known = np.bincount(votes.annotator[votes.swapped >= 0], minlength=len(votes.annotators)) > 0
        rows = np.stack([(1 - tied) * first, tied, (1 - tied) * (1 - first)], axis=1)
        return Aggregated(probabilities=rows, bias=np.where(known, expit(model.sides()[1:]), np.nan))
