"""Intervals: how far a metric could be from the truth, by resampling groups.

Each `Estimate` has a 95 % interval from 2,000 resamples of the groups (prompts, or responses where there is no prompt;
see `plaudit.evaluation.resampling`), or says why it has none. Decision 0004 gives the measured coverage. The interval is
read off the resampled values as follows.

- **Quantiles, expanded.** The 2.5 % and 97.5 % quantiles are too narrow for few groups (a factor of about
  :math:`\\sqrt{(G-1)/G}` and Student's t); levels :math:`\\Phi(\\pm\\sqrt{G/(G-1)}\\;t_{0.975,\\,G-1})` repair both
  (Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015), section 3.2).
- **Responses drawn.** The product of two multiplicities of variance 1 has variance 3, so the noise of single pairs is
  counted three times and the noise of responses once (Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1
  (2007), theorem 3). With :math:`V_P` the variance under the product and :math:`V_E` that under resampled pairs, the
  right one is :math:`V_P - 2V_E`: the inclusion-exclusion of dyadic cluster-robust variance (Aronow, Samii and Assenova,
  Political Analysis 23 (2015)). Deviations from the estimate are shrunk by :math:`\\sqrt{\\max(1 - 2V_E/V_P,\\ 1/3)}`;
  one third, no dependence at all, is the least it can be for exchangeable responses.
- **A biased metric** (ECE) is as far too high in a resample as it is in the sample, so its interval is turned around the
  estimate: :math:`[2\\hat\\theta - q_{hi},\\ 2\\hat\\theta - q_{lo}]`.
- **Always right, or always wrong.** A proportion of exactly 0 or 1 does not vary in resamples; its interval is the exact
  binomial one for as many trials as there are groups (Clopper and Pearson, Biometrika 26 (1934)).
- The interval is widened, where needed, to contain the estimate.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, t

from plaudit.evaluation.metrics import Metric
from plaudit.evaluation.resampling import Units, draws, pair_draws, values
from plaudit.predictions import Floats, Predictions

FEWEST_GROUPS = 20
"""Below this many groups there is no interval."""

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: the metric on all comparisons.
        low: lower end of the 95 % interval, None if there is no interval.
        high: upper end.
        reason: why there is no interval, else ``""``.
    """

    value: float
    low: float | None
    high: float | None
    reason: str = ""

    def __str__(self) -> str:
        """Return it as people write it: ``0.703 [0.651, 0.752]``."""
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (no interval: {self.reason})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        return asdict(self)


def intervals(
    metrics: Mapping[str, Metric], predictions: Predictions, resamples: int = 2000, seed: int = 0
) -> dict[str, Estimate]:
    """Return every metric with its interval; all metrics see the same resamples.

    Args:
        metrics: name to metric; see `plaudit.evaluation.metrics.choose`.
        predictions: at least one comparison of positive weight.
        resamples: number of resamples, at least 100.
        seed: seed of the resamples; the same seed gives the same interval.

    Raises:
        ValueError: too few resamples, or nothing to measure.
    """
    if resamples < 100:
        raise ValueError(f"an interval needs at least 100 resamples, not {resamples}")
    counted = predictions.select(predictions.weight > 0)
    points = {name: metric(counted) for name, metric in metrics.items()}
    units = Units.of(counted)
    if units.count < FEWEST_GROUPS:
        reason = f"{units.count} groups; an interval needs at least {FEWEST_GROUPS}"
        return {name: Estimate(point, None, None, reason) for name, point in points.items()}
    resampled = _resampled(metrics, counted, units, resamples, seed)
    return {name: _estimate(metrics[name], points[name], resampled[name], units) for name in metrics}


def interval(metric: Metric, predictions: Predictions, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Return one metric with its interval; see `intervals`."""
    return intervals({"metric": metric}, predictions, resamples, seed)["metric"]


def _resampled(
    metrics: Mapping[str, Metric], predictions: Predictions, units: Units, resamples: int, seed: int
) -> dict[str, Floats]:
    """Return every metric's deviations from its centre in each resample, with the right variance, plus its value."""
    by_group, by_pair = np.random.default_rng(seed).spawn(2)
    found = values(metrics, predictions, units, draws(units, resamples, by_group))
    if not units.crossed:
        return found
    noise = values(metrics, predictions, units, pair_draws(units, resamples, by_pair))
    return {name: _shrunk(found[name], noise[name], metrics[name](predictions)) for name in metrics}


def _shrunk(found: Floats, noise: Floats, point: float) -> Floats:
    total = np.nanvar(found)
    share = np.nanvar(noise) / total if total > 0 else 0.0
    return point + np.sqrt(max(1 - 2 * share, 1 / 3)) * (found - point)


def _estimate(metric: Metric, point: float, resampled: Floats, units: Units) -> Estimate:
    if getattr(metric, "bound", False) and point in (0.0, 1.0):
        return _at_the_bound(point, units)
    if not np.isfinite(resampled).any():
        return Estimate(point, None, None, "its value is not finite")
    low, high = np.nanquantile(resampled, _levels(units.count))
    if getattr(metric, "biased", False):
        low, high = 2 * point - high, 2 * point - low
    lowest, highest = getattr(metric, "range", (-np.inf, np.inf))
    return Estimate(point, float(max(min(low, point), lowest)), float(min(max(high, point), highest)))


def _levels(groups: int) -> tuple[float, float]:
    edge = t.ppf((1 + LEVEL) / 2, groups - 1) * np.sqrt(groups / (groups - 1))
    return float(norm.cdf(-edge)), float(norm.cdf(edge))


def _at_the_bound(point: float, units: Units) -> Estimate:
    trials = units.count // 2 if units.crossed else units.count  # two responses to an independent comparison
    reach = ((1 - LEVEL) / 2) ** (1 / trials)
    return Estimate(point, *((reach, 1.0) if point else (0.0, 1 - reach)))
