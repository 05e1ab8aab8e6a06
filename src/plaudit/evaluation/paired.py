r"""Two models on the same comparisons: how far apart they are, and what one of them is worth at its best scale.

A difference is one model's metric less the other's. Both see the same resamples of groups, so what makes the prompts
hard for both does not widen the interval; it is read off the differences as in `plaudit.evaluation.intervals`.

- **Metrics with** `plaudit.evaluation.metrics.OwnErrors` (ECE, which is too high in small sets): what one model's may
  be too high by and the other's too low by are added resample by resample, and the interval reaches to their
  quantiles. It is cautious.
- **Nothing varies**: where an accuracy differs by the same in every group (two models that are right on the same
  comparisons), a group unlike them is still possible, and the interval allows for it
  (`plaudit.evaluation.intervals.unvarying`). A model compared with itself differs by exactly 0.
- **Little varies**: where two accuracies differ in fewer than 30 groups, no resample may turn the sign, though four
  groups of four are no evidence. Then the interval is widened to 0 unless the sign test (mid-p, see
  `plaudit.evaluation.mcnemar`) agrees that there is a difference.
- **p** is two-sided, of the difference over its standard error from the resamples, by Student's t with one degree of
  freedom fewer than groups. Nothing here uses it but Holm's correction where several pairs of models are compared.
- **The verdict** is what the 95 % interval says: ``better`` or ``worse`` if it lies on one side of 0 (``higher`` or
  ``lower`` for a metric of which neither is good), else ``not distinguishable``.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 16; for models compared on the same
texts, Berg-Kirkpatrick, Burkett and Klein, An Empirical Investigation of Statistical Significance in NLP (2012).

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> good = rng.normal(1.0, 1.0, 400)
>>> bad = good + rng.normal(0.0, 2.0, 400)
>>> pairs = [Predictions.from_pairs(margins, np.zeros(400)) for margins in (good, bad)]
>>> found = differences(choose(["accuracy"]), *pairs)["accuracy"]
>>> found.verdict
'better'
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t

from plaudit.evaluation.intervals import (
    FEWEST_GROUPS,
    LEVEL,
    Estimate,
    centre,
    require_resamples,
    resampled,
    shrunk,
    too_few,
    unvarying,
    upper_level,
)
from plaudit.evaluation.mcnemar import sign_test
from plaudit.evaluation.metrics import Metric, OfTerms, OwnEnds, OwnErrors, choose
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.pairing import NotPaired, pair
from plaudit.evaluation.power import detectable
from plaudit.evaluation.resampling import Units
from plaudit.predictions import Floats, Predictions

__all__ = ["Difference", "NotPaired", "Resamples", "Verdict", "best_scale", "differences", "nll_difference"]

FEW = 30
"""Groups with an unequal accuracy from which on the resamples alone are trusted with its sign."""

LARGEST = 10.0
"""Natural logarithm of the largest scale that is looked at, and minus that of the smallest."""

Verdict = Literal["better", "worse", "higher", "lower", "not distinguishable", "no interval"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher a metric is for one model than for another.

    Attributes:
        estimate: the difference with its interval.
        standard_error: of the difference, from the resamples; NaN where there is no interval.
        groups: number of groups that were resampled.
        higher_is_better: what is true of the metric.
    """

    estimate: Estimate
    standard_error: float
    groups: int
    higher_is_better: bool | None

    @property
    def p(self) -> float:
        """Two-sided p-value of no difference; 1 or 0 where nothing varies, NaN where there is no interval."""
        if self.standard_error == 0:
            return float(self.estimate.value == 0)
        return float(2 * t.sf(abs(self.estimate.value) / self.standard_error, self.groups - 1))

    @property
    def detectable(self) -> float:
        """Smallest difference found four times in five between two models as alike as these; NaN where not known."""
        if math.isnan(self.standard_error):
            return math.nan
        return detectable(self.standard_error, self.groups)

    @property
    def verdict(self) -> Verdict:
        """What the interval says of the first model."""
        if self.estimate.low is None or self.estimate.high is None:
            return "no interval"
        if self.estimate.low <= 0 <= self.estimate.high:
            return "not distinguishable"
        above = self.estimate.low > 0
        if self.higher_is_better is None:
            return "higher" if above else "lower"
        return "better" if above == self.higher_is_better else "worse"


@dataclass(frozen=True, slots=True)
class Resamples:
    """Every metric of one model in each resample; those of several models on the same comparisons can be subtracted.

    Attributes:
        metrics: name to metric.
        predictions: comparisons of positive weight.
        units: what was drawn.
        found: name to values in resamples of groups; empty where there are too few groups.
        noise: name to values in resamples of pairs of groups; empty where no groups are compared with each other.
    """

    metrics: Mapping[str, Metric]
    predictions: Predictions
    units: Units
    found: Mapping[str, Floats]
    noise: Mapping[str, Floats]

    @classmethod
    def of(cls, metrics: Mapping[str, Metric], predictions: Predictions, resamples: int, seed: int) -> Self:
        """Resample one model.

        Raises:
            ValueError: too few resamples, or nothing to measure.
        """
        require_resamples(resamples)
        counted = predictions.select(np.flatnonzero(predictions.weight > 0))
        units = Units.of(counted)
        few = units.count < FEWEST_GROUPS
        both = ({}, {}) if few else resampled(metrics, counted, units, resamples, seed)
        return cls(metrics, counted, units, *both)

    def less(self, other: Self) -> dict[str, Difference]:
        """Return how much higher each metric is here than for ``other``, which has the same comparisons and seed."""
        return {name: self._difference(name, other) for name in self.metrics}

    def standard_errors(self) -> dict[str, float]:
        """Return the standard error of each metric of this model; empty where there are too few groups."""
        return {name: float(np.nanstd(_values(self.metrics[name], self._means(name)[1]))) for name in self.found}

    def _difference(self, name: str, other: Self) -> Difference:
        metric = self.metrics[name]
        point = float(metric(self.predictions)) - float(metric(other.predictions))
        better, groups = getattr(metric, "higher_is_better", None), self.units.count
        if name not in self.found or not np.isfinite(point):
            reason = too_few(groups) if name not in self.found else f"its value is {point}"
            return Difference(Estimate(point, None, None, reason), float("nan"), groups, better)
        (low, high), error = self._by_errors(name, other) if _has_errors(metric) else self._plain(name, other, point)
        return Difference(Estimate(point, min(low, point), max(high, point)), error, groups, better)

    def _plain(self, name: str, other: Self, point: float) -> tuple[tuple[float, float], float]:
        """Return the ends of the interval and the standard error, from the differences in each resample."""
        metric, units = self.metrics[name], self.units
        found = _values(metric, self.found[name]) - _values(metric, other.found[name])
        if units.crossed:
            noise = _values(metric, self.noise[name]) - _values(metric, other.noise[name])
            found = shrunk(found, noise, np.asarray(point), units)
        spread, edge = float(np.nanstd(found)), upper_level(units.count)
        low, high = (float(end) for end in np.nanquantile(found, (1 - edge, edge)))
        if not isinstance(metric, Accuracy) or np.array_equal(self.predictions.margins, other.predictions.margins):
            return (low, high), spread
        if spread < 1e-12:
            return unvarying(point, -1.0, 1.0, units.count // 2 if units.crossed else units.count), 0.0
        return (low, high) if self._tells(metric, other) else (min(low, 0.0), max(high, 0.0)), spread

    def _tells(self, metric: Accuracy, other: Self) -> bool:
        """Return whether there are enough groups with an unequal accuracy, or too many on one side for chance."""
        surplus: Floats = metric.terms(self.predictions) - metric.terms(other.predictions)
        if not self.units.crossed:
            surplus = np.bincount(self.units.left, surplus * self.units.weight, self.units.count).astype(np.float64)
        sides = np.array([(surplus > 1e-12).sum(), (surplus < -1e-12).sum()])
        return bool(sides.sum() >= FEW or sign_test(np.array([1, -1]), sides)[1] <= 1 - LEVEL)

    def _by_errors(self, name: str, other: Self) -> tuple[tuple[float, float], float]:
        """Return the same where each metric says how far off it may be; the value counts from the two points."""
        own, theirs = self._means(name), other._means(name)
        metric: object = self.metrics[name]
        assert isinstance(metric, OwnErrors)
        assert isinstance(metric, OfTerms)
        high, low = metric.errors(*own)
        others_high, others_low = metric.errors(*theirs)
        point = float(metric.combine(own[0]) - metric.combine(theirs[0]))
        if np.array_equal(own[1], theirs[1]):
            return (point, point), 0.0
        edge = upper_level(self.units.count)
        reach = np.nanquantile(high + others_low, edge), np.nanquantile(low + others_high, edge)
        spread = np.nanstd(metric.combine(own[1]) - metric.combine(theirs[1]))
        return (point - float(reach[0]), point + float(reach[1])), float(spread)

    def _means(self, name: str) -> tuple[Floats, Floats]:
        """Return the means of a metric's terms, [K], and those of each resample, [B, K]."""
        point = centre(self.metrics[name], self.predictions)
        if not self.units.crossed:
            return point, self.found[name]
        return point, shrunk(self.found[name], self.noise[name], point, self.units)


def _has_errors(metric: object) -> bool:
    return isinstance(metric, OwnErrors) and isinstance(metric, OfTerms) and isinstance(metric, OwnEnds)


def _values(metric: Metric, resamples: Floats) -> Floats:
    """Return values where resamples are means of terms, see `plaudit.evaluation.resampling.values`."""
    return metric.combine(resamples) if isinstance(metric, OfTerms) and isinstance(metric, OwnEnds) else resamples


def differences(
    metrics: Mapping[str, Metric], ours: Predictions, theirs: Predictions, resamples: int = 2000, seed: int = 0
) -> dict[str, Difference]:
    """Return how much higher each metric is for ``ours`` than for ``theirs``, with its interval.

    Args:
        metrics: name to metric.
        ours: predictions of one model.
        theirs: of another, on the same comparisons; in another order if both have ids.
        resamples: number of resamples, at least 100.
        seed: of the resamples.

    Raises:
        NotPaired: the comparisons are not the same.
        ValueError: too few resamples, or nothing to measure.
    """
    both = pair({"the one": ours, "the other": theirs}).models.values()
    own, other = (Resamples.of(metrics, one, resamples, seed) for one in both)
    return own.less(other)


def nll_difference(ours: Predictions, theirs: Predictions, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Return how much higher the nll of ``ours`` is than that of ``theirs``, in nats a comparison, with its interval.

    Arguments and errors are those of `differences`.
    """
    metrics = choose(["log_likelihood"])
    return differences(metrics, theirs, ours, resamples, seed)["log_likelihood"].estimate


def best_scale(predictions: Predictions) -> tuple[float, float]:
    r"""Return the factor on all rewards that makes the nll least, and that nll, in nats a comparison.

    The factor is from :math:`e^{-10}` to :math:`e^{10}`; 1 where none is better, as for rewards that are all equal.
    """
    margins, outcome, weight = predictions.margins, predictions.outcome, predictions.weight

    def at(log_scale: float) -> float:
        return float(np.average(_nll(np.exp(log_scale) * margins, outcome), weights=weight))

    found = minimize_scalar(at, bounds=(-LARGEST, LARGEST), method="bounded", options={"xatol": 1e-6})
    return (float(np.exp(found.x)), float(found.fun)) if found.fun < at(0.0) else (1.0, at(0.0))


def _nll(margins: Floats, outcome: Floats) -> Floats:
    lost = np.logaddexp(0.0, -margins), np.logaddexp(0.0, margins)
    return np.asarray(outcome * lost[0] + (1 - outcome) * lost[1], dtype=np.float64)
