"""Every metric of the folder keeps the contract of metrics; a new file is tested by being there."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (  # type: ignore[import-untyped]
    accuracy_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from plaudit import members
from plaudit.evaluation.metrics import OfTerms, OfWeights, Smooth, choose, reweighted
from plaudit.predictions import Floats, Predictions
from tests.scored import calibrated, predictions

METRICS: dict[str, Any] = choose()
every_metric = pytest.mark.parametrize("name", members.names("metrics"))
REAL = calibrated(np.random.default_rng(5), 400)


def both_orders(scored: Predictions) -> tuple[list[int], list[float], list[float]]:
    """Label, margin and weight of every comparison in both orders, a tie as half of each label, one row at a time."""
    labels, margins, weights = [], [], []
    for margin, outcome, weight in zip(scored.margins, scored.outcome, scored.weight, strict=True):
        for label, sign, share in [(1, 1, outcome), (0, -1, outcome), (0, 1, 1 - outcome), (1, -1, 1 - outcome)]:
            labels.append(label)
            margins.append(sign * margin)
            weights.append(weight * share)
    return labels, margins, weights


def by_accuracy_score(scored: Predictions) -> float:
    labels, margins, weights = both_orders(scored)
    positive = accuracy_score(labels, np.array(margins) > 0, sample_weight=weights)
    not_negative = accuracy_score(labels, np.array(margins) >= 0, sample_weight=weights)
    return float(positive + not_negative) / 2


def by_log_loss(scored: Predictions) -> float:
    labels, margins, weights = both_orders(scored)
    return -float(log_loss(labels, 1 / (1 + np.exp(-np.array(margins))), sample_weight=weights))


def by_brier_score_loss(scored: Predictions) -> float:
    labels, margins, weights = both_orders(scored)
    return float(brier_score_loss(labels, 1 / (1 + np.exp(-np.array(margins))), sample_weight=weights))


def by_roc_auc_score(scored: Predictions) -> float:
    labels, margins, weights = both_orders(scored)
    return float(roc_auc_score(labels, margins, sample_weight=weights))


def by_loop_over_both_orders(scored: Predictions) -> float:
    """ECE by its other definition: 20 bins over [0, 1], every comparison in both orders."""
    labels, margins, weights = both_orders(scored)
    bins: dict[int, list[float]] = {}
    for label, margin, weight in zip(labels, margins, weights, strict=True):
        probability = 1 / (1 + np.exp(-margin))
        upper = [edge / 20 for edge in range(10, 20) if edge / 20 <= max(probability, 1 - probability)][-1]
        if margin == 0:
            continue  # label and mirrored label cancel against one half
        place = round(upper * 20) if margin > 0 else -round(upper * 20)
        bins.setdefault(place, []).append(weight * (label - probability))
    return sum(abs(sum(gaps)) for gaps in bins.values()) / sum(weights)


def sides(scored: Predictions) -> tuple[Floats, Floats]:
    return np.concatenate([scored.rewards[scored.chosen], scored.rewards[scored.rejected]]), np.tile(scored.weight, 2)


def by_average(scored: Predictions) -> float:
    rewards, weights = sides(scored)
    return float(np.average(rewards, weights=weights))


def by_covariance(scored: Predictions) -> float:
    rewards, weights = sides(scored)
    return float(np.sqrt(np.cov(rewards, aweights=weights, ddof=0)))


def by_average_margin(scored: Predictions) -> float:
    won = np.array([m if o == 1 else 0.0 for m, o in zip(scored.margins, scored.outcome, strict=True)])
    return float(np.average(won, weights=scored.weight))


ORACLES: dict[str, Callable[[Predictions], float]] = {
    "accuracy": by_accuracy_score,
    "log_likelihood": by_log_loss,
    "brier": by_brier_score_loss,
    "area_under_curve": by_roc_auc_score,
    "expected_calibration_error": by_loop_over_both_orders,
    "mean_reward": by_average,
    "reward_spread": by_covariance,
    "mean_margin": by_average_margin,
}


def test_there_are_the_metrics_an_evaluation_promises() -> None:
    """The folder holds at least what reports and the command line name."""
    assert {"accuracy", "log_likelihood", "brier", "expected_calibration_error", "area_under_curve"} <= set(METRICS)


@every_metric
@settings(max_examples=40, deadline=None)
@given(scored=predictions())
def test_agrees_with_an_independent_oracle(name: str, scored: Predictions) -> None:
    """The value is that of another implementation, on ties, equal rewards and uneven weights too."""
    assert name in ORACLES, f"{name} has no oracle: add an independent implementation to ORACLES"
    scored = replace(scored, rewards=np.clip(scored.rewards, -8, 8))  # log_loss clips probabilities at 1e-16
    assert METRICS[name](scored) == pytest.approx(ORACLES[name](scored), abs=1e-7)


@every_metric
@settings(max_examples=15, deadline=None)
@given(scored=predictions(), data=st.data())
def test_order_of_comparisons_and_responses_does_not_matter(
    name: str, scored: Predictions, data: st.DataObject
) -> None:
    """Any order of the comparisons gives the same value."""
    order = data.draw(st.permutations(range(len(scored))))
    assert METRICS[name](scored.select(order)) == pytest.approx(METRICS[name](scored), abs=1e-6, rel=1e-9)


@every_metric
@settings(max_examples=15, deadline=None)
@given(scored=predictions(), factor=st.sampled_from([1e-300, 0.3, 7.0, 1e300]))
def test_scale_of_the_weights_does_not_matter(name: str, scored: Predictions, factor: float) -> None:
    """Multiplying all weights by one number changes nothing."""
    scaled = replace(scored, weight=scored.weight * factor)
    assert METRICS[name](scaled) == pytest.approx(METRICS[name](scored), abs=1e-6, rel=1e-9)


@every_metric
@settings(max_examples=15, deadline=None)
@given(scored=predictions())
def test_weight_two_is_two_comparisons_and_zero_is_none(name: str, scored: Predictions) -> None:
    """A weight counts how often a comparison is there."""
    times = [0, 1, 2]
    weight = np.array([1, *np.resize(times, len(scored))][: len(scored)], float)
    repeated = replace(scored, weight=np.ones(len(scored))).select(
        np.repeat(np.arange(len(scored)), weight.astype(int))
    )
    weighted = METRICS[name](replace(scored, weight=weight))
    assert METRICS[name](repeated) == pytest.approx(weighted, abs=1e-6, rel=1e-9)


@every_metric
@settings(max_examples=15, deadline=None)
@given(scored=predictions(), seed=st.integers(0, 99))
def test_many_weights_at_once_are_the_same_as_one_at_a_time(name: str, scored: Predictions, seed: int) -> None:
    """The fast form that intervals use gives what calling the metric with each weighting gives, NaN for no weight."""
    weights = np.random.default_rng(seed).poisson(1, (4, len(scored))).astype(float)
    weights[3] = 0
    fast = reweighted(METRICS[name], scored)(weights)
    slow = reweighted(lambda found: METRICS[name](found), scored)(weights)
    np.testing.assert_allclose(fast, slow, atol=1e-6, rtol=1e-9)
    assert np.isnan(fast[3])


@every_metric
@settings(max_examples=15, deadline=None)
@given(scored=predictions())
def test_stays_in_its_range(name: str, scored: Predictions) -> None:
    """The value is a finite number inside the declared range."""
    lowest, highest = METRICS[name].range
    assert np.isfinite(METRICS[name](scored))
    assert lowest - 1e-12 <= METRICS[name](scored) <= highest + 1e-12


@every_metric
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e4, 1e38])
def test_extreme_margins_are_finite(name: str, size: float) -> None:
    """No overflow, underflow or warning, at any margin float32 rewards can have."""
    scored = Predictions.from_pairs([size, -size, size], [-size, size, 0.0], outcome=[1, 1, 0.5])
    assert np.isfinite(METRICS[name](scored))


@every_metric
def test_perfect_tied_and_random_scorers_get_what_is_declared(name: str) -> None:
    """Huge right margins, equal rewards, and noise give the declared values; None is declared where more matters."""
    metric, pairs = METRICS[name], 20_000
    noise = np.random.default_rng(11).normal(size=(2, pairs))
    scorers = {
        "perfect": Predictions.from_pairs(np.full(9, 600.0), np.zeros(9)),
        "tied": Predictions.from_pairs(np.full(9, 3.0), np.full(9, 3.0)),
        "random": Predictions.from_pairs(*noise),
    }
    for kind, tolerance in (("perfect", 1e-12), ("tied", 1e-12), ("random", 4 / np.sqrt(pairs))):
        declared = getattr(metric, kind)
        if declared is not None:
            assert metric(scorers[kind]) == pytest.approx(declared, abs=tolerance), kind


@every_metric
def test_shift_and_scale_move_it_as_declared(name: str) -> None:
    """Metrics that declare not to move do not, and those that declare to move do."""
    metric = METRICS[name]
    for declared, moved in (("moves_with_shift", REAL.rewards + 2.0), ("moves_with_scale", REAL.rewards * 3.0)):
        stays = metric(replace(REAL, rewards=moved)) == pytest.approx(metric(REAL), abs=1e-9)
        assert stays is not getattr(metric, declared), declared


@every_metric
def test_better_is_the_declared_way(name: str) -> None:
    """Turning all rewards around makes a good scorer worse, in the declared direction, or none is declared."""
    metric = METRICS[name]
    good, turned = metric(REAL), metric(replace(REAL, rewards=-REAL.rewards))
    if metric.higher_is_better is not None:
        assert (good > turned) is metric.higher_is_better


@every_metric
def test_nothing_to_measure_is_an_error(name: str) -> None:
    """No comparison, or none of positive weight, is refused."""
    for scored in (REAL.select([]), replace(REAL, weight=np.zeros(len(REAL)))):
        with pytest.raises(ValueError, match="without a comparison of positive weight"):
            METRICS[name](scored)


@every_metric
def test_bounded_metrics_follow_accuracy(name: str) -> None:
    """A metric with bound k is at least accuracy to the power k."""
    for seed in range(5):
        scored = calibrated(np.random.default_rng(seed), 30)
        accuracy = METRICS["accuracy"](scored)
        if METRICS[name].bound:
            assert METRICS[name](scored) >= accuracy ** METRICS[name].bound - 1e-12


@every_metric
def test_is_documented_with_formula_and_example(name: str) -> None:
    """The file's docstring has the formula, the range, and a worked example that is run as a doctest."""
    text = inspect.getmodule(type(METRICS[name])).__doc__ or ""
    assert ".. math::" in text
    assert ">>> " in text
    assert "Range" in text or "units" in text
    assert members.describe("metrics", name).endswith((".", ":", "?"))
    assert isinstance(METRICS[name], OfTerms | OfWeights)
    assert METRICS[name].label


def test_the_two_forms_of_calibration_error_agree_at_every_number_of_bins() -> None:
    """More bins never lower the error, and one bin is the gap between mean confidence and accuracy."""
    metric = members.load("metrics", "expected_calibration_error")
    one = abs(METRICS["accuracy"](REAL) - np.mean(1 / (1 + np.exp(-np.abs(REAL.margins)))))
    assert metric(bins=1)(REAL) == pytest.approx(one)
    assert metric(bins=5)(REAL) <= metric(bins=10)(REAL) + 1e-12 <= metric(bins=20)(REAL) + 2e-12
    with pytest.raises(ValueError, match="bins must be 1 or more, not 0"):
        metric(bins=0)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if isinstance(metric, Smooth)])
@settings(max_examples=30, deadline=None)
@given(scored=predictions())
def test_the_influence_is_the_derivative(name: str, scored: Predictions) -> None:
    """Giving one comparison a little more weight changes the value as its influence says; the mean of all is 0."""
    metric, total = METRICS[name], scored.weight.sum()
    influence = metric.influence(scored)
    assert influence @ scored.weight == pytest.approx(0, abs=1e-9 * total)
    step = 1e-6 * total
    for place in range(len(scored)):
        moved = [scored.weight + sign * step * (np.arange(len(scored)) == place) for sign in (1, 0)]
        found = metric.reweighted(scored)(np.stack(moved))
        assert (found[0] - found[1]) / 1e-6 == pytest.approx(influence[place], abs=2e-5)
