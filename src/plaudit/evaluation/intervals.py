r"""Intervals: how far a metric could be from the truth, by resampling groups.

Each `Estimate` has a 95 % interval from 2,000 resamples of the groups (prompts, or responses where there is no prompt;
see `plaudit.evaluation.resampling`), or says why it has none. Decision 0004 gives the measured coverage. The interval
is read off the resampled values as follows.

- **Quantiles, expanded.** The 2.5 % and 97.5 % quantiles are too narrow for few groups (a factor of about
  :math:`\sqrt{(G-1)/G}` and Student's t); levels :math:`\Phi(\pm\sqrt{G/(G-1)}\;t_{0.975,\,G-1})` repair both
  (Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69, 2015).
- **Responses drawn.** The product of two multiplicities of variance 1 has variance 3, so the noise of single pairs is
  counted three times and the noise of responses once (Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1,
  2007). With :math:`V_P` the variance under the product and :math:`V_E` that under resampled pairs, the right one is
  :math:`V_P - 2V_E`: the inclusion-exclusion of dyadic cluster-robust variance (Aronow, Samii and Assenova, Political
  Analysis 23, 2015). Deviations from the estimate are shrunk by :math:`\sqrt{\max(1 - 2V_E/V_P,\ 1/3)}`; one third, no
  dependence at all, is the least it can be for exchangeable responses. A comparison takes up two of few responses, so
  deviations grow by :math:`(G-1)/(G-2)`.
- **A metric with** `plaudit.evaluation.metrics.OwnEnds` (ECE, which is too high in small sets) reads its own ends off.
- **Always right, or always wrong.** Nothing varies in resamples then; the interval is the exact binomial one for as
  many trials as there are groups (Clopper and Pearson, Biometrika 26, 1934), squared for the AUC.
- The interval is widened, where needed, to contain the estimate.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from scipy.stats import norm, t

from plaudit.evaluation.metrics import Metric, OfTerms, OwnEnds, Reweighted, divide
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
    require_resamples(resamples)
    counted = _by_size(predictions)
    units = Units.of(counted)
    if units.count < FEWEST_GROUPS:
        return {name: Estimate(metric(counted), None, None, too_few(units.count)) for name, metric in metrics.items()}
    resampled = _resampled(metrics, counted, units, resamples, seed)
    return {name: _estimate(metric, counted, resampled[name], units) for name, metric in metrics.items()}


def interval(metric: Metric, predictions: Predictions, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Return one metric with its interval; see `intervals`."""
    return intervals({"metric": metric}, predictions, resamples, seed)["metric"]


class Table(Protocol):
    """Several numbers at once, float64 [K], with their values under other weights; see `intervals_of_table`."""

    def __call__(self, predictions: Predictions) -> Floats:
        """Return the numbers, float64 [K]."""
        ...

    def reweighted(self, predictions: Predictions) -> Reweighted:
        """Return the numbers as a function of the weights [B, M]: float64 [B, K]."""
        ...


def intervals_of_table(
    table: Table, predictions: Predictions, resamples: int = 2000, seed: int = 0
) -> tuple[Estimate, ...]:
    """Return each of the K numbers of a table with its interval; numbers, resamples and errors as in `intervals`."""
    require_resamples(resamples)
    counted = _by_size(predictions)
    units, points = Units.of(counted), table(counted)
    if units.count < FEWEST_GROUPS:
        return tuple(Estimate(float(point), None, None, too_few(units.count)) for point in points)
    known: Any = {"": table}
    resampled = _resampled(known, counted, units, resamples, seed)[""]
    edge = upper_level(units.count)
    ends = np.nanquantile(resampled, (1 - edge, edge), axis=0)
    return tuple(
        Estimate(float(point), float(min(low, point)), float(max(high, point)))
        for point, low, high in zip(points, *ends, strict=True)
    )


def _by_size(predictions: Predictions) -> Predictions:
    """Return the comparisons of positive weight, sorted by the size of their margin, so that no curve sorts again."""
    order = np.argsort(np.abs(predictions.margins), kind="stable")
    return predictions.select(order[predictions.weight[order] > 0])


def _resampled(
    metrics: Mapping[str, Metric], predictions: Predictions, units: Units, resamples: int, seed: int
) -> dict[str, Floats]:
    """Return every metric in each resample, spread as it would be in new samples."""
    found, noise = resampled(metrics, predictions, units, resamples, seed)
    if not units.crossed:
        return found
    return {name: shrunk(found[name], noise[name], centre(metrics[name], predictions), units) for name in metrics}


def resampled(
    metrics: Mapping[str, Metric], predictions: Predictions, units: Units, resamples: int, seed: int
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return every metric in each resample of groups, and where groups are compared with each other, of pairs.

    Two sets of the same comparisons in the same order see the same resamples.

    Args:
        metrics: name to metric.
        predictions: comparisons of positive weight.
        units: of them.
        resamples: their number, at least 100.
        seed: theirs.

    Returns:
        name to float64 [B], or [B, K] as in `plaudit.evaluation.resampling.values`; the second is empty where no
        groups are compared with each other.

    Raises:
        ValueError: too few resamples.
    """
    require_resamples(resamples)
    by_group, by_pair = np.random.SeedSequence(seed).spawn(2)
    found = values(metrics, predictions, units, draws(units, resamples, by_group))
    if not units.crossed:
        return found, {}
    return found, values(metrics, predictions, units, pair_draws(units, resamples, by_pair))


def require_resamples(resamples: int) -> None:
    """Refuse too few.

    Raises:
        ValueError: fewer than 100.
    """
    if resamples < 100:
        raise ValueError(f"an interval needs at least 100 resamples, not {resamples}")


def shrunk(found: Floats, noise: Floats, point: Floats, units: Units) -> Floats:
    """Return resamples of responses, [B] or [B, K], without the excess of the noise of pairs; see the module.

    Args:
        found: in resamples of the responses.
        noise: in resamples of the pairs.
        point: in all comparisons, [] or [K].
        units: more than two.
    """
    total = np.nanvar(found, axis=0)
    share = divide(np.nanvar(noise, axis=0), total)
    kept = np.sqrt(np.fmax(1 - 2 * share, 1 / 3)) * (units.count - 1) / (units.count - 2)
    return np.asarray(point + kept * (found - point), dtype=np.float64)


def centre(metric: Metric, predictions: Predictions) -> Floats:
    """Return what resamples of a metric spread around: its value, or the means of its terms (`OwnEnds`)."""
    if isinstance(metric, OfTerms) and isinstance(metric, OwnEnds):
        return np.asarray(metric.means(predictions)(predictions.weight[None])[0])
    return np.asarray(metric(predictions))


def _estimate(metric: Metric, predictions: Predictions, resampled: Floats, units: Units) -> Estimate:
    point = float(metric(predictions))
    if getattr(metric, "bound", 0) and min(point, 1 - point) < 1e-9:  # rounding of weighted sums
        return _at_the_bound(point, getattr(metric, "bound", 0), units)
    if not np.isfinite(point):
        return Estimate(point, None, None, f"its value is {point}")
    edge = upper_level(units.count)
    own: object = metric
    if isinstance(own, OwnEnds):
        low, high = own.ends(centre(metric, predictions), resampled, edge)
    else:
        low, high = np.nanquantile(resampled, (1 - edge, edge))
    lowest, highest = getattr(metric, "range", (-np.inf, np.inf))
    return Estimate(point, float(max(min(low, point), lowest)), float(min(max(high, point), highest)))


def too_few(groups: int) -> str:
    """Return why so few groups have no interval."""
    return f"{groups} groups; an interval needs at least {FEWEST_GROUPS}"


def unvarying(point: float, lowest: float, highest: float, groups: int) -> tuple[float, float]:
    """Return the ends of the interval of a mean over groups which is the same in every resample.

    A group unlike all that were seen is still possible: as many groups would have shown one with a probability of
    97.5 % if its share were ``1 - 0.025 ** (1 / groups)``. It could have the lowest or the highest value there is.
    """
    unseen = 1 - ((1 - LEVEL) / 2) ** (1 / groups)
    return point - unseen * (point - lowest), point + unseen * (highest - point)


def upper_level(groups: int) -> float:
    """Return the level of the quantile at which the upper end of an interval over ``groups`` is read off."""
    return float(norm.cdf(t.ppf((1 + LEVEL) / 2, groups - 1) * np.sqrt(groups / (groups - 1))))


def _at_the_bound(point: float, power: int, units: Units) -> Estimate:
    trials = units.count // 2 if units.crossed else units.count  # two responses to an independent comparison
    reach = ((1 - LEVEL) / 2) ** (power / trials)
    return Estimate(1.0, reach, 1.0) if point > 0.5 else Estimate(0.0, 0.0, 1 - reach)
