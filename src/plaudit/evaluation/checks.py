r"""Checks: tests of predictions for weaknesses that need no new scores.

- **Overconfidence**: the factor on all margins that makes the nll least; 1 is calibrated, below 1 is too sure. The
  test is a score test at the tolerated factor :math:`a`: with outcomes :math:`y` and margins :math:`m`, the mean of
  :math:`(\sigma(am) - y)\,m` is above 0 where the best factor is below :math:`a`. It is a mean, so its standard error
  comes from the same resamples of groups as any other. The interval is that of a sandwich: the standard error of the
  same mean at the best factor, over the mean of :math:`\sigma'(am)\,m^2`.
- **Length correlation**: the partial correlation of margin and difference in length at equal verdict
  (`plaudit.evaluation.length_bias`), in either direction. Good answers may well be longer; up to 0.3, where length
  explains a tenth of what the margins differ by, is tolerated.
- **Worse than length**: accuracy less that of preferring the longer response, or the shorter one, whichever is right
  more often here; on the same comparisons. Below 0 is worth a worry. Both were looked at, so p is doubled.

Source: for score tests with clustered errors, Cameron and Miller, A Practitioner's Guide to Cluster-Robust Inference,
Journal of Human Resources 50 (2015).

>>> import numpy as np
>>> from plaudit.predictions import Predictions
>>> rng = np.random.default_rng(0)
>>> size = rng.normal(0, 1.5, 400)
>>> won = np.where(rng.random(400) < 1 / (1 + np.exp(-size)), size, -size)
>>> [one.p < 0.05 for one in (overconfidence(Predictions.from_pairs(k * won, 0 * won)) for k in (1, 3))]
[False, True]
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import t

from plaudit.evaluation.baselines import BASELINES, AccuracyOf, Scorer
from plaudit.evaluation.experiment import p_above
from plaudit.evaluation.intervals import FEWEST_GROUPS, LEVEL, Estimate, intervals, too_few
from plaudit.evaluation.length_bias import AtEqualVerdict
from plaudit.evaluation.metrics import Metric, OfTerms
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.paired import LARGEST, Resamples, best_scale
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats, Predictions

OVERCONFIDENCE, LENGTH, WORSE = "overconfidence", "length_correlation", "worse_than_length"

LEAST_SCALE = 0.8
"""A best factor of this or more is nobody's worry."""

MOST_CORRELATION = 0.3
"""Nor is a correlation of margin and length at equal verdict of this or less, in either direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One test of predictions.

    Attributes:
        name: what it looks for.
        title: the weakness, in plain words.
        tolerated: the value from which on it would be worth a worry.
        estimate: the value, or None where it cannot be had.
        p: probability of a value so far beyond the tolerated one, were it not beyond it; None where there is none.
        reason: why there is no p, else ``""``.
    """

    name: str
    title: str
    tolerated: float
    estimate: Estimate | None = None
    p: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def checks(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> tuple[Check, ...]:
    """Return every check of the predictions.

    Args:
        predictions: the scored comparisons.
        resamples: behind each standard error, at least 100.
        seed: of the resamples.

    Raises:
        ValueError: there is no comparison of positive weight, or there are too few resamples.
    """
    every = (overconfidence, length_correlation, worse_than_length)
    return tuple(check(predictions, resamples, seed) for check in every)


def overconfidence(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> Check:
    """Return whether margins claim more than they keep; arguments and errors as in `checks`."""
    blank = Check(name=OVERCONFIDENCE, title="margins claim more certainty than they keep", tolerated=LEAST_SCALE)
    if not predictions.margins[predictions.weight > 0].any():
        return _without(blank, "all rewards are equal")
    scale = best_scale(predictions)[0]
    metrics: dict[str, Metric] = {"tolerated": _Overshoot(LEAST_SCALE), "best": _Overshoot(scale)}
    drawn = Resamples.of(metrics, predictions, resamples, seed)
    if not drawn.found:
        return _without(blank, too_few(drawn.units.count), Estimate(scale, None, None, too_few(drawn.units.count)))
    errors, groups = drawn.standard_errors(), drawn.units.count
    p = p_above(float(metrics["tolerated"](predictions)), 0.0, errors["tolerated"], groups)
    estimate = _around(scale, errors["best"], predictions, groups)
    return Check(name=blank.name, title=blank.title, tolerated=LEAST_SCALE, estimate=estimate, p=p)


def length_correlation(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> Check:
    """Return whether margins go with length beside the verdict; arguments and errors as in `checks`."""
    title = "how long a response is decides much of its reward, whichever is better"
    blank = Check(name=LENGTH, title=title, tolerated=MOST_CORRELATION)
    metric = AtEqualVerdict()
    value = metric(predictions)
    if np.isnan(value):
        return _without(blank, "margins, lengths or verdicts do not vary enough")
    estimate = intervals({LENGTH: metric}, predictions, resamples, seed)[LENGTH]
    drawn = Resamples.of({LENGTH: metric}, predictions, resamples, seed)
    if drawn.units.count < FEWEST_GROUPS:
        return _without(blank, estimate.reason, estimate)
    error = drawn.standard_errors()[LENGTH]
    p = min(1.0, 2 * p_above(abs(value), MOST_CORRELATION, error, drawn.units.count))
    return Check(name=LENGTH, title=title, tolerated=MOST_CORRELATION, estimate=estimate, p=p)


def worse_than_length(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> Check:
    """Return whether length alone is right more often; arguments and errors as in `checks`."""
    title = "knowing nothing but lengths is right more often than the model"
    blank = Check(name=WORSE, title=title, tolerated=0.0)
    if not predictions.length_differences[predictions.weight > 0].any():
        return _without(blank, "lengths are not known, or those of the two sides are the same")
    metrics: dict[str, Metric] = {name: _Surplus(BASELINES[name]) for name in ("longer_wins", "shorter_wins")}
    drawn = Resamples.of(metrics, predictions, resamples, seed)
    found = intervals(metrics, predictions, resamples, seed)
    name = min(found, key=lambda each: found[each].value)
    if not drawn.found:
        return _without(blank, found[name].reason, found[name])
    p = 2 * p_above(-found[name].value, 0.0, drawn.standard_errors()[name], drawn.units.count)
    return Check(name=WORSE, title=title, tolerated=0.0, estimate=found[name], p=min(1.0, p))


def _without(check: Check, reason: str, estimate: Estimate | None = None) -> Check:
    return Check(name=check.name, title=check.title, tolerated=check.tolerated, estimate=estimate, reason=reason)


@dataclass(frozen=True, slots=True)
class _Overshoot(OfTerms):
    """How fast the nll grows with a factor on all margins, at that factor."""

    scale: float

    def terms(self, predictions: Predictions) -> Floats:
        margins = predictions.margins
        return np.asarray((expit(self.scale * margins) - predictions.outcome) * margins, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Surplus(OfTerms):
    """Accuracy less that of a baseline."""

    baseline: Scorer

    def terms(self, predictions: Predictions) -> Floats:
        return Accuracy().terms(predictions) - AccuracyOf(self.baseline).terms(predictions)


def _around(scale: float, error: float, predictions: Predictions, groups: int) -> Estimate:
    """Return the factor with an interval that is even on its logarithm."""
    claimed, margins = expit(scale * predictions.margins), predictions.margins
    bend = float(np.average(claimed * (1 - claimed) * margins**2, weights=predictions.weight)) * scale
    if abs(np.log(scale)) > LARGEST - 0.01 or not bend > 0:
        return Estimate(scale, None, None, "there is no best factor: every comparison is right, or every one wrong")
    reach = float(t.ppf((1 + LEVEL) / 2, groups - 1)) * error / bend
    return Estimate(scale, float(scale * np.exp(-min(reach, 50.0))), float(scale * np.exp(min(reach, 50.0))))
