"""The figures: the temperature is a regression's, scaling keeps the order, leads are differences of accuracies."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks.kinds.figures import figures, fit_temperature, interval, lead, mean_of, minus, scaled
from plaudit.evaluation.evaluate import evaluate
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.predictions import Predictions


def noisy(count: int, seed: int, scale: float = 1.0) -> Predictions:
    """Return pairs whose true margins are ``scale`` times smaller than the rewards say, in groups of two."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, count)
    won = rng.random(count) < 1 / (1 + np.exp(-true))
    lengths = rng.integers(1, 9, (2, count))
    return Predictions.from_pairs(
        scale * np.where(won, true, -true),
        np.zeros(count),
        group=np.arange(count) // 2,
        lengths=(lengths[0], lengths[1]),
    )


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0])
def test_the_temperature_is_that_of_a_regression_through_the_origin(scale):
    """scikit-learn's unpenalised logistic regression of who won on the margin has its inverse as coefficient."""
    stop = noisy(500, 0, scale)
    margins = stop.margins / scale
    signs = np.where(np.arange(500) % 2, 1, -1)
    fitted = LogisticRegression(C=np.inf, fit_intercept=False).fit((signs * margins)[:, None], signs)

    assert fit_temperature(stop) == pytest.approx(scale / fitted.coef_[0, 0], rel=1e-3)


def test_equal_rewards_have_no_temperature():
    """It stays 1, and the NLL that of a coin."""
    blank = Predictions.from_pairs(np.zeros(60), np.zeros(60))
    found = figures(blank, blank, 100)

    assert found["temperature"] == 1.0
    assert found["nll_at_temperature"]["value"] == pytest.approx(np.log(2))


def test_figures_are_the_products_own():
    """Value and interval are what `evaluate` gives, the NLL turned over."""
    test = noisy(400, 1, 3.0)
    found, own = figures(test, noisy(400, 2, 3.0), 200), evaluate(test, resamples=200, slices=()).overall.metrics

    assert found["accuracy"] == own["accuracy"].to_json()
    assert found["nll"]["value"] == -own["log_likelihood"].value
    assert (found["nll"]["low"], found["nll"]["high"]) == (-own["log_likelihood"].high, -own["log_likelihood"].low)
    assert found["ece"] == own["expected_calibration_error"].to_json()
    assert found["groups"] == 200
    assert found["nll_at_temperature"]["value"] < found["nll"]["value"]


def test_scaling_keeps_the_order():
    """Every temperature leaves the accuracy."""
    test = noisy(100, 3)

    assert Accuracy()(scaled(test, 7.0)) == Accuracy()(test)


def test_a_lead_is_a_difference_of_accuracies():
    """Over chance, accuracy less one half with the same interval; over longer-wins, both counted on one resample."""
    test = noisy(400, 4)
    over_chance, accuracy = lead(test, "chance", 200), interval(Accuracy(), test, 200)
    longer = np.where(test.length_differences == 0, 0.5, test.length_differences > 0).mean()

    assert over_chance.value == pytest.approx(accuracy.value - 0.5)
    assert over_chance.low == pytest.approx(accuracy.low - 0.5)
    assert lead(test, "longer_wins", 200).value == pytest.approx(Accuracy()(test) - longer)


def test_recorded_numbers_are_resampled_as_the_metric_is():
    """The mean of the accuracy's own terms has the accuracy's own interval."""
    test = noisy(300, 5)

    assert mean_of(Accuracy().terms(test), test, 200) == interval(Accuracy(), test, 200)


def test_without_an_interval_the_reason_stays():
    """Turning over a number turns over ends that are there."""
    assert minus(Estimate(1.0, None, None, "few")) == Estimate(-1.0, None, None, "few")
    assert minus(Estimate(1.0, 0.5, 2.0)) == Estimate(-1.0, -2.0, -0.5)
