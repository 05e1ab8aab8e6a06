"""Resampling: thousands of weightings of the comparisons that stand for other samples of the same kind.

Three designs, all seen as weights a comparison is multiplied by; each weight is 1 on average:

groups       Prompts are drawn with replacement. A comparison's weight is how often its group was drawn, so everything
             said about one prompt stays together.
responses    Without prompts, responses are drawn with replacement and a comparison's weight is the product of its two
             sides' multiplicities (once, where both sides are of one group). A response's comparisons stay together.
pairs        Each pair of responses is dropped or counted twice, as a coin falls; a comparison inside one group keeps
             weight 1. It measures the noise of single pairs, which the product of the second design counts three times;
             `plaudit.evaluation.intervals` takes the excess out.

Memory is bounded: weights are made and used in blocks of about a million. The numbers do not depend on the size of a
block, nor on the order of the comparisons.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from plaudit.evaluation.metrics import Metric, OfTerms, OwnEnds, divide, reweighted
from plaudit.predictions import Floats, Integers, Predictions

BLOCK = 1_000_000
"""About how many weights are held at a time."""


@dataclass(frozen=True)
class Units:
    """What is drawn: the groups that take part in comparisons of positive weight.

    Attributes:
        count: number of groups, G.
        left: int64 [M], position of the chosen side's group, 0 to G - 1.
        right: int64 [M], position of the rejected side's group.
        weight: float64 [M], the comparisons' own weights.
    """

    count: int
    left: Integers
    right: Integers
    weight: Floats

    @classmethod
    def of(cls, predictions: Predictions) -> "Units":
        """Return the units of predictions whose comparisons all have positive weight."""
        sides = np.stack(predictions.comparison_groups)
        groups, positions = np.unique(sides, return_inverse=True)
        left, right = positions.reshape(sides.shape)
        return cls(groups.size, left, right, predictions.weight)

    @cached_property
    def inside(self) -> Integers:
        """Comparisons whose two sides are of one group, int64, ascending."""
        return np.flatnonzero(self.left == self.right)

    @cached_property
    def crossed(self) -> bool:
        """Whether some comparison is between two groups."""
        return self.inside.size < self.left.size

    @cached_property
    def pairs(self) -> tuple[int, Integers]:
        """Number of pairs of groups that are compared, and the pair of each comparison, int64 [M]."""
        codes = np.minimum(self.left, self.right) * self.count + np.maximum(self.left, self.right)
        found, positions = np.unique(codes, return_inverse=True)
        return found.size, positions

    def by_group(self, columns: Floats) -> Floats:
        """Return the weighted sums of columns [M, K] within the groups of their chosen side, float64 [G, K]."""
        weighted = columns * self.weight[:, None]
        return np.stack([np.bincount(self.left, column, self.count) for column in weighted.T], axis=1)


@dataclass
class Draw:
    """A block of b resamples.

    Attributes:
        units: what was drawn.
        counts: float64 [b, G], multiplicity of every group.
    """

    units: Units
    counts: Floats

    @cached_property
    def weights(self) -> Floats:
        """Weights of the comparisons, float64 [b, M]."""
        units = self.units
        weights = np.take(self.counts, units.left, axis=1)
        if units.crossed:
            weights *= np.take(self.counts, units.right, axis=1)
            weights[:, units.inside] = self.counts[:, units.left[units.inside]]
        weights *= units.weight
        return weights


@dataclass
class PairDraw:
    """A block of b resamples of pairs of groups.

    Attributes:
        units: the groups.
        counts: float64 [b, P], 0 or 2 for every pair.
    """

    units: Units
    counts: Floats

    @cached_property
    def weights(self) -> Floats:
        """Weights of the comparisons, float64 [b, M]."""
        units = self.units
        weights = np.take(self.counts, units.pairs[1], axis=1)
        weights[:, units.inside] = 1.0
        weights *= units.weight
        return weights


def draws(units: Units, resamples: int, rng: np.random.Generator) -> Iterator[Draw]:
    """Yield blocks of resamples of groups, drawn with replacement."""
    for block in _blocks(resamples, max(units.count, units.left.size)):
        drawn = rng.integers(units.count, size=(block, units.count))
        drawn += np.arange(block)[:, None] * units.count
        counts = np.bincount(drawn.ravel(), minlength=block * units.count)
        yield Draw(units, counts.reshape(block, units.count).astype(np.float64))


def pair_draws(units: Units, resamples: int, rng: np.random.Generator) -> Iterator[PairDraw]:
    """Yield blocks of resamples of pairs, each dropped or doubled."""
    for block in _blocks(resamples, units.left.size):
        coins = rng.random((block, units.pairs[0]), dtype=np.float32) < 0.5
        yield PairDraw(units, np.where(coins, 2.0, 0.0))


def _blocks(resamples: int, width: int) -> Iterator[int]:
    block = max(1, BLOCK // width)
    for start in range(0, resamples, block):
        yield min(block, resamples - start)


def values(
    metrics: Mapping[str, Metric], predictions: Predictions, units: Units, blocks: Iterator[Draw] | Iterator[PairDraw]
) -> dict[str, Floats]:
    """Return every metric's value in each resample, float64 [B] a metric; all see the same resamples.

    For a metric with `plaudit.evaluation.metrics.OwnEnds` they are the means of its terms, float64 [B, K].
    """
    functions = {name: _of_draw(metric, predictions, units) for name, metric in metrics.items()}
    parts: dict[str, list[Floats]] = {name: [] for name in metrics}
    for block in blocks:
        for name, function in functions.items():
            parts[name].append(function(block))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _of_draw(metric: Metric, predictions: Predictions, units: Units) -> Callable[[Draw | PairDraw], Floats]:
    if isinstance(metric, OfTerms):
        means = _means(metric, predictions, units)
        return means if isinstance(metric, OwnEnds) else lambda draw: metric.combine(means(draw))
    function = reweighted(metric, predictions)
    return lambda draw: function(draw.weights)


def _means(metric: OfTerms, predictions: Predictions, units: Units) -> Callable[[Draw | PairDraw], Floats]:
    if units.crossed:
        means = metric.means(predictions)
        return lambda draw: means(draw.weights)
    # The terms of a group are summed beforehand, so that a resample is one row of a matrix product.
    columns = metric.terms(predictions).reshape(len(predictions), -1)
    sums, total = units.by_group(columns), units.by_group(np.ones((len(predictions), 1)))
    return lambda draw: divide(draw.counts @ sums, draw.counts @ total)
