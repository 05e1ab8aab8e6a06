"""The figures of a line, by the product's own evaluation: as the model says, and with one fitted temperature."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluation.baselines import BASELINES
from plaudit.evaluation.evaluate import evaluate
from plaudit.evaluation.intervals import Estimate, interval
from plaudit.evaluation.metrics import OfTerms
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.paired import best_scale
from plaudit.predictions import Floats, Predictions

METRICS = ("accuracy", "log_likelihood", "expected_calibration_error")
RIVALS = ("chance", "longer_wins")
PLACE = "place"


def scaled(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions with rewards divided by ``temperature``."""
    return replace(predictions, rewards=predictions.rewards / temperature)


def fit_temperature(stop: Predictions) -> float:
    """Return the temperature at which the outcomes of ``stop`` are most probable under Bradley-Terry; 1 if none is."""
    return 1 / best_scale(stop)[0]


def figures(test: Predictions, stop: Predictions, resamples: int) -> dict[str, Any]:
    """Return accuracy, NLL and ECE, the latter two at the fitted temperature too, and the leads over the baselines.

    Args:
        test: held-out comparisons without ties.
        stop: those the temperature is fitted to.
        resamples: behind each interval.
    """
    temperature = fit_temperature(stop)
    found = evaluate(test, metrics=METRICS, slices=(), resamples=resamples).overall
    cooled = evaluate(scaled(test, temperature), metrics=METRICS[1:], slices=(), resamples=resamples).overall
    return {
        "comparisons": len(test),
        "groups": found.groups,
        "accuracy": plain(found.metrics["accuracy"]),
        "nll": plain(minus(found.metrics["log_likelihood"])),
        "ece": plain(found.metrics["expected_calibration_error"]),
        "temperature": temperature,
        "nll_at_temperature": plain(minus(cooled.metrics["log_likelihood"])),
        "ece_at_temperature": plain(cooled.metrics["expected_calibration_error"]),
        "lead": {rival: plain(lead(test, rival, resamples)) for rival in RIVALS},
    }


def lead(test: Predictions, rival: str, resamples: int) -> Estimate:
    """Return by how much the accuracy exceeds that of a baseline, on the same resamples."""
    accuracy = Accuracy()
    difference = accuracy.terms(test) - accuracy.terms(BASELINES[rival](test))
    return mean_of(difference, test, resamples)


@dataclass(frozen=True, slots=True)
class Recorded(OfTerms):
    """The weighted mean of a number that is known for every comparison, wherever resampling puts it.

    Attributes:
        values: float64 [M], by the comparison's ``place`` among the slices.
    """

    values: Floats

    def terms(self, predictions: Predictions) -> Floats:
        """Return the numbers of these comparisons, float64 [M]."""
        return self.values[predictions.slices[PLACE].astype(np.int64)]


def mean_of(values: Floats, predictions: Predictions, resamples: int) -> Estimate:
    """Return the mean of ``values`` [M] with its interval, resampled as the product resamples these comparisons.

    Comparisons whose value is NaN are left out.
    """
    known = np.flatnonzero(~np.isnan(values))
    placed = replace(predictions, slices={PLACE: np.arange(len(predictions)).astype(object)})
    return interval(Recorded(values), placed.select(known), resamples)


def minus(estimate: Estimate) -> Estimate:
    """Return the estimate of the negative number."""
    low = None if estimate.high is None else -estimate.high
    high = None if estimate.low is None else -estimate.low
    return Estimate(-estimate.value, low, high, estimate.reason)


def plain(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as JSON takes it."""
    return estimate.to_json()


def weights_of(predictions: Predictions) -> NDArray[np.float64]:
    """Return the weights of the comparisons, summing to 1, float64 [M]."""
    return np.asarray(predictions.weight / predictions.weight.sum(), dtype=np.float64)
