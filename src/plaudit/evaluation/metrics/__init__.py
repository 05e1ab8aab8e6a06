"""Metrics: one number each, from predictions. A new file here is a new metric, evaluated and tested by being there.

A metric is called with `Predictions` and returns a float. It declares what is true of it as data, which the contract
test checks, both ways round:

``label``               how tables call it
``higher_is_better``    True, False, or None where neither is
``range``               lowest and highest value it can take
``perfect``             its value when every margin is huge and right, None if it depends on more
``tied``                its value when all rewards are equal
``random``              its value, on average, when rewards are independent standard normal numbers
``moves_with_shift``    whether adding a constant to all rewards changes it
``moves_with_scale``    whether multiplying all rewards by a constant changes it
``bound``               the power of the accuracy it cannot fall below, for an interval at exactly 0 or 1; or 0

Intervals ask for the value under thousands of other weights, so a metric here is one of two kinds: `OfTerms`, a
function of weighted means over comparisons, or `OfWeights`, anything else that can take many weights at once. From
elsewhere (``package.module:Thing``) any function of predictions will do; it is only slower. A function of means for
which the usual interval is wrong brings its own, by a method ``ends`` (see `OwnEnds`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import numpy as np

from plaudit import members
from plaudit.predictions import Floats, Predictions

Metric = Callable[[Predictions], float]
Reweighted = Callable[[Floats], Floats]
"""Weights of the comparisons, float64 [B, M], to the metric's value under each, float64 [B]; NaN where all are 0."""


class Declared(Protocol):
    """What every metric of this folder says of itself."""

    label: ClassVar[str]
    higher_is_better: ClassVar[bool | None]
    range: ClassVar[tuple[float, float]]
    perfect: ClassVar[float | None]
    tied: ClassVar[float | None]
    random: ClassVar[float | None]
    moves_with_shift: ClassVar[bool]
    moves_with_scale: ClassVar[bool]
    bound: ClassVar[int]

    def __call__(self, predictions: Predictions) -> float:
        """Return the metric's value."""
        ...


class OfTerms(ABC):
    """A metric that is a function of the weighted means of K terms a comparison.

    Means under many weights are one matrix product, and terms of one group can be summed beforehand.
    """

    bound: ClassVar[int] = 0

    @abstractmethod
    def terms(self, predictions: Predictions) -> Floats:
        """Return the terms, float64 [M] or [M, K], not yet weighted."""

    def combine(self, means: Floats) -> Floats:
        """Return the values, float64 [...], given the weighted means of the terms, float64 [..., K]."""
        return means[..., 0]

    def __call__(self, predictions: Predictions) -> float:
        """Return the value.

        Raises:
            ValueError: there is no comparison of positive weight.
        """
        return _at_own_weight(self.reweighted, predictions)

    def reweighted(self, predictions: Predictions) -> Reweighted:
        """Return the value as a function of the weights."""
        means = self.means(predictions)
        return lambda weights: self.combine(means(weights))

    def means(self, predictions: Predictions) -> Reweighted:
        """Return the weighted means of the terms, [B, K], as a function of the weights [B, M]."""
        columns = self.terms(predictions).reshape(len(predictions), -1)
        return lambda weights: divide(weights @ columns, weights.sum(axis=-1, keepdims=True))


@runtime_checkable
class OwnEnds(Protocol):
    """A function of means that says itself how its interval follows from the resampled means."""

    def ends(self, means: Floats, resampled: Floats, level: float) -> tuple[float, float]:
        """Return the ends of the interval.

        Args:
            means: float64 [K], the weighted means of the terms in all comparisons.
            resampled: float64 [B, K], the same in each resample.
            level: quantile at which to read off the upper end, 0.975 or a little more in small sets.
        """
        ...


@runtime_checkable
class OwnErrors(Protocol):
    """A metric with `OwnEnds` that says how far off it may be, resample by resample: what a difference of two needs."""

    def errors(self, means: Floats, resampled: Floats) -> tuple[Floats, Floats]:
        """Return by how much the value may be too high, and by how much too low, float64 [B] each.

        Args:
            means: float64 [K], the weighted means of the terms in all comparisons.
            resampled: float64 [B, K], the same in each resample.
        """
        ...


@runtime_checkable
class Smooth(Protocol):
    """A metric that knows its derivative, so that in large sets its resamples are those of a mean."""

    def influence(self, predictions: Predictions) -> Floats:
        """Return how fast the value grows with the share of the weight that each comparison has, float64 [M].

        The weighted mean of these is 0. Under other weights the value is about the old one plus their new mean.
        """
        ...


class OfWeights(ABC):
    """A metric that is not a function of means, but can take many weights at once."""

    bound: ClassVar[int] = 0

    @abstractmethod
    def reweighted(self, predictions: Predictions) -> Reweighted:
        """Return the value as a function of the weights."""

    def __call__(self, predictions: Predictions) -> float:
        """Return the value.

        Raises:
            ValueError: there is no comparison of positive weight.
        """
        return _at_own_weight(self.reweighted, predictions)


@dataclass(frozen=True, slots=True, eq=False)
class Tangent(OfTerms):
    """What a `Smooth` metric is near the weights it was taken at: a mean.

    Attributes:
        point: the metric's value there.
        slope: its influence there, float64 [M], one for each comparison of the same predictions.
    """

    point: float
    slope: Floats

    def terms(self, predictions: Predictions) -> Floats:  # noqa: ARG002 - they were taken from the same ones
        """Return the slope."""
        return self.slope

    def combine(self, means: Floats) -> Floats:
        """Return the values on the tangent."""
        return self.point + means[..., 0]


def divide(sums: Floats, total: Floats) -> Floats:
    """Return ``sums / total``, NaN where ``total`` is 0."""
    quotient = np.full(np.broadcast_shapes(sums.shape, total.shape), np.nan)
    np.divide(sums, total, out=quotient, where=total > 0)
    return quotient


def _at_own_weight(reweighted: Callable[[Predictions], Reweighted], predictions: Predictions) -> float:
    if not (predictions.weight > 0).any():
        raise ValueError(f"no metric without a comparison of positive weight; there are {len(predictions)} comparisons")
    return float(reweighted(predictions)(predictions.weight[None] / predictions.weight.max())[0])


def reweighted(metric: Metric, predictions: Predictions) -> Reweighted:
    """Return the value of any metric as a function of the weights; one with a method `reweighted` does it fast."""
    own = getattr(metric, "reweighted", None)
    if own is not None:
        return cast(Reweighted, own(predictions))
    return lambda weights: np.array([_once(metric, predictions, row) for row in weights])


def _once(metric: Metric, predictions: Predictions, weight: Floats) -> float:
    return metric(replace(predictions, weight=weight)) if weight.any() else np.nan


def choose(names: Iterable[str] | None = None) -> dict[str, Metric]:
    """Return the metrics of the given names (all of this folder by default), ready to call.

    Raises:
        plaudit.members.UnknownKind: there is no such metric; the message lists those there are.
    """
    chosen = members.names("metrics") if names is None else names
    return {name: _made(members.load("metrics", name)) for name in chosen}


def _made(kind: Any) -> Metric:
    return cast(Metric, kind() if isinstance(kind, type) else kind)
