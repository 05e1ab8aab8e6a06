r"""Resampling: thousands of weightings of the comparisons that stand for other samples of the same kind.

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

Large sets would cost minutes, so two things are done with them that leave the interval what it is:

- Of more than `MOST` groups (or pairs), as many *bundles* are drawn, each of groups thrown together by chance. The
  variance of a sum over bundles is on average that over groups, and so is its skewness; with :math:`H` bundles the
  width has a relative error of about :math:`1/\sqrt{2H}`, half a percent, a third of what 2,000 resamples leave.
- Of more than `MANY` comparisons in more than `ENOUGH` groups, a metric that knows its own derivative
  (`plaudit.evaluation.metrics.Smooth`) is replaced by its tangent, which is a mean. What is left out is of the order
  of the squared standard error.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluation.metrics import Metric, OfTerms, OwnEnds, Smooth, Tangent, divide, reweighted
from plaudit.predictions import Floats, Integers, Predictions
from plaudit.predictions.codes import coded

BLOCK = 1_000_000
"""About how many weights are held at a time."""

MOST = 20_000
"""Groups, or pairs of groups, that are drawn one by one; where there are more, this many bundles of them."""

KEPT = 64_000_000
"""Bytes of multiplicities of `MOST` bundles that are kept at most; where there are more, they are drawn anew."""

MANY, ENOUGH = 20_000, 500
"""More comparisons, in more groups, than which a metric with a derivative is replaced by its tangent."""

Places = tuple[int, Integers]
"""A number of things, and for each comparison which of them it belongs to, int64 [M]."""


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
        chosen, rejected = predictions.comparison_groups
        if not predictions.by_response:
            groups, both = coded(chosen)
            return cls(groups.size, both, both, predictions.weight)
        groups, positions = coded(np.concatenate([chosen, rejected]))
        left, right = positions.reshape(2, -1)
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
    def bundles(self) -> Places:
        """What groups are drawn in: themselves, or where they are many and none is compared with another, bundles."""
        return (self.count, self.left) if self.crossed else _bundled(self.count, self.left)

    @cached_property
    def pairs(self) -> Places:
        """The pairs of groups that are compared, or where they are many, bundles of them."""
        codes = np.minimum(self.left, self.right) * self.count + np.maximum(self.left, self.right)
        found, positions = coded(codes)
        return _bundled(found.size, positions)

    def sums(self, columns: Floats, places: Places) -> Floats:
        """Return the weighted sums of columns [M, K] within each of P places, float64 [P, K]."""
        count, positions = places
        return np.stack([np.bincount(positions, column * self.weight, count) for column in columns.T], axis=1)

    def products(self, counts: Floats, column: Floats) -> Floats:
        """Return the sums of one column [M] under the weights that multiplicities [B, G] make, float64 [B]."""
        weighted = column * self.weight
        alone = np.bincount(self.left[self.inside], weighted[self.inside], self.count)
        weighted[self.inside] = 0.0
        table = np.bincount(self.left * self.count + self.right, weighted, self.count**2)
        crossed = np.einsum("bg,bg->b", counts @ table.reshape(self.count, self.count), counts)
        return np.asarray(crossed + counts @ alone, dtype=np.float64)


def _bundled(count: int, positions: Integers) -> Places:
    """Return the places as they are, or thrown together by chance into `MOST` bundles of about the same size."""
    if count <= MOST:
        return count, positions
    bundle = np.random.default_rng(0).permutation(count) % MOST
    return MOST, bundle[positions]


@dataclass
class _Block:
    """Some resamples.

    Attributes:
        units: what was drawn.
        counts: float64 [b, P], how often each group (or pair, or bundle of them) counts.
    """

    units: Units
    counts: Floats

    def parts(self) -> Iterator[Self]:
        """Yield the same resamples in blocks of about `BLOCK` weights of comparisons."""
        step = max(1, BLOCK // self.units.left.size)
        for start in range(0, len(self.counts), step):
            yield replace(self, counts=self.counts[start : start + step])


class Draw(_Block):
    """Resamples of groups: ``counts`` are multiplicities."""

    @cached_property
    def weights(self) -> Floats:
        """Weights of the comparisons, float64 [b, M]."""
        units = self.units
        weights = np.take(self.counts, units.bundles[1], axis=1)
        if units.crossed:
            weights *= np.take(self.counts, units.right, axis=1)
            weights[:, units.inside] = self.counts[:, units.left[units.inside]]
        weights *= units.weight
        return weights


class PairDraw(_Block):
    """Resamples of pairs of groups: ``counts`` are 0 or 2."""

    @cached_property
    def weights(self) -> Floats:
        """Weights of the comparisons, float64 [b, M]."""
        units = self.units
        weights = np.take(self.counts, units.pairs[1], axis=1)
        weights[:, units.inside] = 1.0
        weights *= units.weight
        return weights


def draws(units: Units, resamples: int, seed: np.random.SeedSequence) -> Iterator[Draw]:
    """Yield blocks of resamples of groups, drawn with replacement.

    The same seed draws the same multiplicities of as many groups. Those of `MOST` bundles, which all large sets and
    their slices share, are kept for the next set.
    """
    count = units.bundles[0]
    if count == MOST and count * resamples <= KEPT:
        kept = _kept(count, resamples, seed.entropy, seed.spawn_key)
        step = max(1, BLOCK // count)
        counts: Iterator[NDArray[Any]] = (kept[start : start + step] for start in range(0, resamples, step))
    else:
        counts = _multiplicities(count, resamples, seed)
    for block in counts:
        yield Draw(units, block.astype(np.float64))


def _multiplicities(count: int, resamples: int, seed: np.random.SeedSequence) -> Iterator[Integers]:
    """Yield how often each of ``count`` groups is drawn in each resample, int64 [b, count]."""
    rng = np.random.default_rng(seed)
    for block in _blocks(resamples, count):
        drawn = rng.integers(count, size=(block, count))
        drawn += np.arange(block)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=block * count).reshape(block, count)


@lru_cache(maxsize=1)
def _kept(count: int, resamples: int, entropy: Any, spawn_key: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return all multiplicities, uint8 [resamples, count]: of so many groups none is drawn more than 255 times."""
    kept = np.empty((resamples, count), np.uint8)
    start = 0
    for block in _multiplicities(count, resamples, np.random.SeedSequence(entropy, spawn_key=spawn_key)):
        kept[start : start + len(block)] = block
        start += len(block)
    return kept


def pair_draws(units: Units, resamples: int, seed: np.random.SeedSequence) -> Iterator[PairDraw]:
    """Yield blocks of resamples of pairs, each dropped or doubled."""
    count, rng = units.pairs[0], np.random.default_rng(seed)
    for block in _blocks(resamples, count):
        coins = rng.random((block, count), dtype=np.float32) < 0.5
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
    affordable = {name: _affordable(metric, predictions, units) for name, metric in metrics.items()}
    of_terms = {name: metric for name, metric in affordable.items() if isinstance(metric, OfTerms)}
    others = {name: reweighted(metric, predictions) for name, metric in metrics.items() if name not in of_terms}
    terms = {name: metric.terms(predictions).reshape(len(predictions), -1) for name, metric in of_terms.items()}
    sums = Sums(units, [*terms.values(), np.ones((len(predictions), 1))])
    found: dict[str, list[Floats]] = {name: [] for name in others}
    for block in blocks:
        if terms:
            sums.add(block)
        for part in block.parts() if others else ():
            for name, function in others.items():
                found[name].append(function(part.weights))
    whole = {name: np.concatenate(part) for name, part in found.items()}
    if terms:
        whole |= _combined(of_terms, sums.total())
    return {name: whole[name] for name in metrics}


def _affordable(metric: Metric, predictions: Predictions, units: Units) -> Metric:
    own: object = metric
    large = len(predictions) > MANY and units.count > ENOUGH
    return Tangent(metric(predictions), own.influence(predictions)) if large and isinstance(own, Smooth) else metric


def _combined(of_terms: Mapping[str, OfTerms], sums: Sequence[Floats]) -> dict[str, Floats]:
    """Return values given the sums of every metric's terms and, last, of the weights."""
    means = {name: divide(own, sums[-1]) for name, own in zip(of_terms, sums, strict=False)}
    return {name: means[name] if isinstance(of, OwnEnds) else of.combine(means[name]) for name, of in of_terms.items()}


class Sums:
    """Weighted sums of terms in every resample, by the cheapest of three ways.

    Without crossed comparisons the terms of a group are summed beforehand, and so are those of a pair where pairs are
    drawn. Where responses are drawn and there are about as many comparisons as pairs of groups, a sum is a quadratic
    form in the multiplicities, and all resamples are one matrix product. Else weights are multiplied with terms,
    comparison by comparison. Each metric's terms are summed by themselves, so a metric has the same digits alone as
    among others.
    """

    def __init__(self, units: Units, terms: Sequence[Floats]) -> None:
        """Prepare for the terms of several metrics, each float64 [M, K]."""
        self._units, self._terms = units, terms
        self._quadratic = units.count**2 <= 4 * units.left.size
        self._counts: list[Floats] = []
        self._sums: list[list[Floats]] = []

    def add(self, block: Draw | PairDraw) -> None:
        """Take in a block of resamples; all blocks are of one design."""
        if isinstance(block, PairDraw):
            self._sums.append([alone + block.counts @ own for alone, own in self._paired])
        elif not self._units.crossed:
            self._sums.append([block.counts @ own for own in self._grouped])
        elif self._quadratic:
            self._counts.append(block.counts)
        else:
            self._sums += [[part.weights @ own for own in self._terms] for part in block.parts()]

    def total(self) -> list[Floats]:
        """Return every metric's sums in the order in which the resamples came, each float64 [B, K]."""
        if self._counts:
            counts = np.concatenate(self._counts)
            return [np.stack([self._units.products(counts, term) for term in own.T], axis=1) for own in self._terms]
        return [np.concatenate(own) for own in zip(*self._sums, strict=True)]

    @cached_property
    def _grouped(self) -> list[Floats]:
        """The terms of each metric summed within what is drawn, [P, K]."""
        return [self._units.sums(own, self._units.bundles) for own in self._terms]

    @cached_property
    def _paired(self) -> list[tuple[Floats, Floats]]:
        """The terms of each metric summed over all comparisons inside a group, [K], and within pairs, [P, K]."""
        units, found = self._units, []
        for own in self._terms:
            between = own.copy()
            between[units.inside] = 0.0
            found.append((units.weight[units.inside] @ own[units.inside], units.sums(between, units.pairs)))
        return found
