r"""Histogram binning: the share that was right in each of a few bins of margins.

Sizes :math:`u = |\Delta|` fall into bins of equal weight; each bin's probability is the share of its comparisons in
which the side with the higher reward was right, where counting starts from one tie of average weight, so that no bin
claims certainty. Negative margins have the mirrored bins, and a margin of 0 is a coin. Neighbouring bins whose shares
fall as the margin grows are merged, and none is below 1/2, so that order is kept: a larger margin never gets a
smaller probability.

Within a bin all margins are alike, which loses what the margin knows there; unlike the other families it cannot leave
the probabilities as they are. It is the easiest to explain, as each of its numbers is one that was counted.

Source: Zadrozny and Elkan, Obtaining calibrated probability estimates from decision trees and naive Bayesian
classifiers (2001), section 3; bins of equal weight and merging: own choice, see decision 0013.

>>> Bars(edges=[1.0], probabilities=[0.6, 0.9]).probability([0.5, 1.0, -3.0]).round(3).tolist()
[0.6, 0.9, 0.1]
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import logit

from plaudit.calibration.calibrators import Fitted, steps
from plaudit.calibration.observed import Observed, observe
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True, eq=False)
class Bars(Fitted):
    """One probability for each bin of sizes.

    Attributes:
        edges: float64 [K - 1], rising, above 0; an edge belongs to the bin above it.
        probabilities: float64 [K], never falling, from 1/2 to below 1.
    """

    edges: Floats
    probabilities: Floats

    kind: ClassVar[str] = "histogram"

    def __post_init__(self) -> None:
        edges = steps("edges", self.edges, 0.0, above=True) if len(self.edges) else np.zeros(0)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "probabilities", steps("probabilities", self.probabilities, 0.5))
        if len(self.edges) + 1 != len(self.probabilities) or self.probabilities[-1] >= 1:
            raise ValueError("there must be one probability more than edges, and each below 1")

    def of_sizes(self, sizes: Floats) -> Floats:
        """Return the log-odds of the bins that the sizes fall into."""
        bins = np.searchsorted(self.edges, sizes, side="right")
        return np.asarray(logit(self.probabilities)[bins], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Histogram:
    """The share that was right in each of a few bins of margins.

    Attributes:
        bins: how many to begin with; merging and equal margins leave fewer.
    """

    bins: int = 15

    fitted: ClassVar[type[Fitted]] = Bars
    holds_identity: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"bins must be 1 or more, not {self.bins}")

    def fit(self, predictions: Predictions) -> Bars:
        """Return the shares counted in bins."""
        observed = observe(predictions)
        edges = _edges(observed, self.bins)
        place = np.searchsorted(edges, observed.sizes, side="right")
        weight = np.bincount(place, observed.weight, len(edges) + 1)
        share = (np.bincount(place, observed.weight * observed.right, len(edges) + 1) + 0.5) / (weight + 1)
        heights = np.maximum(isotonic_regression(share, weights=weight + 1).x, 0.5)
        apart = np.diff(heights) != 0
        return Bars(edges[apart], heights[np.append(True, apart)])


def _edges(observed: Observed, bins: int) -> Floats:
    """Return the sizes at which bins of equal weight begin, without the first, float64 [at most bins - 1]."""
    sizes, place = np.unique(observed.sizes, return_inverse=True)
    weight = np.bincount(place, observed.weight)
    starts = np.searchsorted(np.cumsum(weight) - weight, weight.sum() * np.arange(1, bins) / bins * (1 - 1e-12))
    found = np.unique(sizes[np.minimum(starts, len(sizes) - 1)])
    return np.asarray(found[found > sizes[0]], dtype=np.float64)
