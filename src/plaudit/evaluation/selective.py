r"""Selective accuracy: is a model that says how sure it is right more often where it is surer?

Comparisons are put in order of certainty, and the least certain are dropped until a share :math:`c` of the weight, the
*coverage*, is left. With :math:`a_i` the credit of a comparison (1, 0, or one half, as in accuracy),

.. math:: A(c) = \frac{1}{c W} \sum_{i\ \text{kept}} w_i\,a_i, \qquad W = \sum_i w_i.

The comparison on the border counts in part, and those of equal certainty are dropped in equal parts, so that nothing
depends on the order in which they came. Three orders are looked at:

``variance``   the margin's own variance (for an ensemble that of the members' differences, not the sum of two rewards')
``ratio``      the size of the margin over its standard deviation: how surely it has this sign
``margin``     the size of the margin alone. It needs no variance and is what a model with one has to be compared with.

**Area under the risk-coverage curve**: the mean over comparisons of the share of errors among all that are at least as
certain. Its *gain* is the share of errors among all, which an order that knows nothing has, less the area.

**The verdict** compares neighbouring coverages in the same resamples. ``falls``: at some step from one coverage to the
next, or from the first to the last, the 95 % interval of the difference in accuracy lies wholly below 0. ``rises``: at
none, and from the first to the last it lies wholly above 0. Else ``not distinguishable``. Each step is wrongly seen to
fall in at most 2.5 % of samples of a curve that does not, so a flat curve of five steps may be called falling in up to
one of eight.

Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks (2017); Geifman, Uziel and El-Yaniv,
Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers (2019), for the area.

>>> from plaudit.predictions import Predictions
>>> scored = Predictions.from_pairs([3.0, 2.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], margin_variance=[1, 2, 4, 3])
>>> Retained("variance", (1.0, 0.75, 0.5))(scored).round(3).tolist()[:3]
[0.75, 1.0, 1.0]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluation.intervals import Estimate, interval, intervals_of_table
from plaudit.evaluation.metrics import Reweighted, divide
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats, Integers, Predictions

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Shares of the comparisons that are kept, where none are asked for."""

Verdict = Literal["rises", "not distinguishable", "falls", "no interval"]


def _ratio(predictions: Predictions) -> Floats:
    sizes, spread = np.abs(predictions.margins), np.sqrt(predictions.margin_variance)
    return np.divide(sizes, spread, out=np.where(sizes > 0, np.inf, 0.0), where=spread > 0)


ORDERS: Mapping[str, Callable[[Predictions], Floats]] = {
    "variance": lambda predictions: -predictions.margin_variance,
    "ratio": _ratio,
    "margin": lambda predictions: np.abs(predictions.margins),
}
"""For each order, how certain a comparison is, float64 [M]; only which is larger counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Accuracy as the least certain are dropped, by one order.

    Attributes:
        accuracies: at each coverage.
        steps: what each coverage gains over the one before it, one fewer than coverages.
        rise: what the last coverage gains over the first.
        area: under the risk-coverage curve, 0 to 1, smaller is better.
        gain: the share of errors among all, less the area; above 0 where the order knows something.
    """

    accuracies: tuple[Estimate, ...]
    steps: tuple[Estimate, ...]
    rise: Estimate
    area: Estimate
    gain: Estimate

    @property
    def verdict(self) -> Verdict:
        """Whether accuracy rises as the least certain are dropped, see the module."""
        compared = (*self.steps, self.rise)
        if any(one.high is None for one in compared):
            return "no interval"
        if any(one.high is not None and one.high < 0 for one in compared):
            return "falls"
        return "rises" if self.rise.low is not None and self.rise.low > 0 else "not distinguishable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selective:
    """What dropping the least certain comparisons does, by several orders.

    Attributes:
        comparisons: how many have a variance of their margin; only those are looked at.
        without: how many have none.
        coverages: shares that are kept, falling.
        curves: order to its curve.
    """

    comparisons: int
    without: int
    coverages: tuple[float, ...]
    curves: Mapping[str, Curve]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict, each curve with its verdict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        for name, curve in self.curves.items():
            found["curves"][name]["verdict"] = curve.verdict
        return found


def selective(
    predictions: Predictions, coverages: Sequence[float] = COVERAGES, resamples: int = 2000, seed: int = 0
) -> Selective | None:
    """Return the curves of `ORDERS`, or None where no comparison has a variance.

    Args:
        predictions: the scored comparisons; those of weight 0 are left out.
        coverages: two or more shares above 0 and at most 1, falling.
        resamples: number of resamples behind each interval.
        seed: of the resamples.

    Raises:
        ValueError: the coverages are not as they should be.
    """
    wanted = _checked(coverages)
    weighed = predictions.weight > 0
    known = weighed & np.isfinite(predictions.margin_variance)
    if not known.any():
        return None
    certain = predictions.select(known)
    return Selective(
        comparisons=len(certain),
        without=int(weighed.sum()) - len(certain),
        coverages=wanted,
        curves=_curves(certain, tuple(ORDERS), wanted, resamples, seed),
    )


def curve(
    predictions: Predictions,
    order: str = "variance",
    coverages: Sequence[float] = COVERAGES,
    resamples: int = 2000,
    seed: int = 0,
) -> Curve:
    """Return the curve by one order of `ORDERS`, all of its numbers from the same resamples.

    Raises:
        ValueError: an unknown order, or one that needs a variance which a comparison does not have; wrong coverages.
    """
    return _curves(predictions, (order,), _checked(coverages), resamples, seed)[order]


def _curves(
    predictions: Predictions, orders: tuple[str, ...], coverages: tuple[float, ...], resamples: int, seed: int
) -> dict[str, Curve]:
    """Return the curve of each order, all from the same resamples."""
    tables = tuple(Retained(order, coverages) for order in orders)
    for table in tables:
        table.certainty(predictions)
    found = intervals_of_table(Together(tables), predictions, resamples, seed)
    width = len(found) // len(tables)
    parts = [found[place * width : (place + 1) * width] for place in range(len(tables))]
    settle = partial(_settled, predictions=predictions, resamples=resamples, seed=seed)
    return {table.order: _curve(table, part, settle) for table, part in zip(tables, parts, strict=True)}


def _curve(table: "Retained", found: tuple[Estimate, ...], settle: Callable[..., Estimate]) -> Curve:
    count = len(table.coverages)
    kept = zip(table.coverages, found[:count], strict=True)
    return Curve(
        accuracies=tuple(settle(table, coverage, one) for coverage, one in kept),
        steps=found[count : 2 * count - 1],
        rise=found[-3],
        area=found[-2],
        gain=found[-1],
    )


def _settled(
    table: "Retained", coverage: float, found: Estimate, predictions: Predictions, resamples: int, seed: int
) -> Estimate:
    """Return an accuracy with an interval that is not of width 0 where everything kept is right, or wrong."""
    if found.low is None or 1e-9 < found.value < 1 - 1e-9:
        return found
    return interval(Accuracy(), predictions.select(table.kept(predictions, coverage)), resamples, seed)


def _checked(coverages: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(one) for one in coverages)
    falling = all(later < earlier for earlier, later in pairwise(found))
    if len(found) < 2 or not falling or not all(0 < one <= 1 for one in found):
        raise ValueError(f"coverages must be two or more falling shares above 0 and at most 1, not {list(found)}")
    return found


@dataclass(frozen=True, slots=True)
class Together:
    """Several tables as one, so that they see the same resamples and each is drawn once."""

    tables: tuple["Retained", ...]

    def __call__(self, predictions: Predictions) -> Floats:
        """Return the tables, one after the other."""
        return np.concatenate([table(predictions) for table in self.tables])

    def reweighted(self, predictions: Predictions) -> Reweighted:
        """Return them as a function of the weights."""
        functions = [table.reweighted(predictions) for table in self.tables]
        return lambda weights: np.concatenate([function(weights) for function in functions], axis=1)


@dataclass(frozen=True, slots=True)
class Retained:
    """The numbers of a `Curve` as one table: K accuracies, K - 1 steps, rise, area, gain.

    Attributes:
        order: name of one of `ORDERS`.
        coverages: K falling shares.
    """

    order: str
    coverages: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"no order is called {self.order!r}; there are: {', '.join(ORDERS)}")

    def __call__(self, predictions: Predictions) -> Floats:
        """Return the table, float64 [2 K + 2]."""
        return np.asarray(self.reweighted(predictions)(predictions.weight[None])[0])

    def reweighted(self, predictions: Predictions) -> Reweighted:
        """Return the table as a function of the weights [B, M]: float64 [B, 2 K + 2]; NaN where all weights are 0."""
        certainty = self.certainty(predictions)
        order = np.argsort(-certainty, kind="stable")
        sorted_ = certainty[order]
        starts = np.flatnonzero(np.append(True, sorted_[1:] != sorted_[:-1]))
        credit = Accuracy().terms(predictions)[order]

        def table(weights: Floats) -> Floats:
            weights = np.take(weights, order, axis=1)
            sizes, right = _by_block(weights, starts), _by_block(weights * credit, starts)
            return _numbers(sizes, right, self.coverages)

        return table

    def kept(self, predictions: Predictions, coverage: float) -> NDArray[np.bool_]:
        """Return which comparisons are kept at ``coverage``, those on the border among them, boolean [M]."""
        certainty = self.certainty(predictions)
        order = np.argsort(-certainty, kind="stable")
        reached = np.cumsum(predictions.weight[order])
        last = np.searchsorted(reached, coverage * reached[-1] * (1 - 1e-12))
        return np.asarray(certainty >= certainty[order][last])

    def certainty(self, predictions: Predictions) -> Floats:
        """Return how certain each comparison is, float64 [M].

        Raises:
            ValueError: one has no variance, and the order needs it.
        """
        certainty = ORDERS[self.order](predictions)
        if np.isnan(certainty).any():
            place = int(np.argmax(np.isnan(certainty)))
            raise ValueError(
                f"comparison {place} has no variance of its margin, and the order {self.order!r} needs one"
            )
        return certainty


def _by_block(columns: Floats, starts: Integers) -> Floats:
    """Return the sums [B, S] of columns [B, M] within blocks of equal certainty."""
    return columns if starts.size == columns.shape[1] else np.add.reduceat(columns, starts, axis=1)


def _numbers(sizes: Floats, right: Floats, coverages: tuple[float, ...]) -> Floats:
    """Return the table [B, 2 K + 2], given the weight of each block, and the right part of it, [B, S]."""
    kept, right = np.cumsum(sizes, axis=1), np.cumsum(right, axis=1, out=right)
    accuracies = _at(kept, right, np.array(coverages) * kept[:, -1:])
    overall = divide(right[:, -1:], kept[:, -1:])
    np.divide(right, kept, out=right, where=kept > 0)  # from here on the accuracy among those at least as certain
    mean = divide(np.einsum("bs,bs->b", sizes, right)[:, None], kept[:, -1:])
    rise = accuracies[:, -1:] - accuracies[:, :1]
    return np.concatenate([accuracies, np.diff(accuracies, axis=1), rise, 1 - mean, mean - overall], axis=1)


def _at(kept: Floats, right: Floats, targets: Floats) -> Floats:
    """Return the accuracies [B, K] where the weights ``targets`` [B, K] are kept; the block on the border in part."""
    last = np.stack([np.searchsorted(row, wanted) for row, wanted in zip(kept, targets, strict=True)])
    until, won = (np.take_along_axis(table, last, axis=1) for table in (kept, right))
    before, own = (
        np.where(last > 0, np.take_along_axis(table, np.maximum(last - 1, 0), axis=1), 0.0) for table in (kept, right)
    )
    share = divide(won - own, until - before)
    return divide(own + np.nan_to_num(share) * (targets - before), targets)
