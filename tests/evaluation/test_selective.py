"""Selective accuracy: what is kept, how it is counted, how sure it is, and what is said of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.evaluation.evaluate import evaluate
from plaudit.evaluation.intervals import Estimate, interval
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.selective import COVERAGES, ORDERS, Curve, Retained, curve, selective
from plaudit.predictions import Predictions
from tests.scored import predictions


def simulated(rng: np.random.Generator, pairs: int, known: float = 1.0) -> Predictions:
    """Pairs whose margins err with a variance of their own, of which the model knows the share ``known``."""
    true = rng.gamma(2, 1, pairs)
    said = np.where(rng.random(pairs) < known, true, rng.permutation(true))
    margins = 1 + rng.normal(size=pairs) * np.sqrt(true)
    return Predictions.from_pairs(margins, np.zeros(pairs), margin_variance=said)


def slowly(certainty: list[float], weight: list[float], credit: list[float], coverage: float) -> float:
    """Selective accuracy by its words: keep the most certain, the equally certain on the border in equal parts."""
    room = coverage * sum(weight)
    won = 0.0
    for level in sorted(set(certainty), reverse=True):
        here = [place for place, own in enumerate(certainty) if own == level]
        mass = sum(weight[place] for place in here)
        part = min(1.0, max(room, 0.0) / mass) if mass else 0.0
        won += part * sum(weight[place] * credit[place] for place in here)
        room -= mass
    return won / (coverage * sum(weight))


def slow_area(certainty: list[float], weight: list[float], credit: list[float]) -> float:
    """The mean over comparisons of the share of errors among all that are at least as certain."""
    total = 0.0
    for own, mass in zip(certainty, weight, strict=True):
        among = [place for place, other in enumerate(certainty) if other >= own]
        kept = sum(weight[place] for place in among)
        total += mass * sum(weight[place] * (1 - credit[place]) for place in among) / kept if kept else 0.0
    return total / sum(weight)


@given(predictions(fewest=2), st.sampled_from(sorted(ORDERS)), st.data())
@settings(max_examples=60, deadline=None)
def test_numbers_are_those_of_the_definition(scored: Predictions, order: str, data: st.DataObject) -> None:
    """Accuracies, steps, rise, area and gain agree with loops over the definition, with ties, weights and zeros."""
    spread = st.sampled_from([0.0, 0.25, 1.0, 2.0]) | st.floats(0, 9)
    variance = data.draw(st.lists(spread, min_size=len(scored), max_size=len(scored)))
    scored = replace(scored, margin_variance=np.array(variance))
    coverages = (1.0, 0.83, 0.5, 0.1)
    found = Retained(order, coverages)(scored)
    parts = [column.tolist() for column in (ORDERS[order](scored), scored.weight, Accuracy().terms(scored))]
    wanted = [slowly(*parts, coverage) for coverage in coverages]
    area, overall = slow_area(*parts), Accuracy()(scored)

    np.testing.assert_allclose(found[:4], wanted, atol=1e-9)
    np.testing.assert_allclose(found[4:7], np.diff(wanted), atol=1e-9)
    np.testing.assert_allclose(found[7:], [wanted[-1] - wanted[0], area, 1 - overall - area], atol=1e-9)
    assert wanted[0] == pytest.approx(overall)


@given(predictions(fewest=2), st.data())
@settings(max_examples=30, deadline=None)
def test_neither_order_nor_splitting_matters(scored: Predictions, data: st.DataObject) -> None:
    """Comparisons in another order, or one of weight 2 as two of weight 1, give the same numbers."""
    variance = data.draw(st.lists(st.floats(0, 3), min_size=len(scored), max_size=len(scored)))
    scored = replace(scored, margin_variance=np.array(variance), weight=np.ones(len(scored)))
    table = Retained("variance", COVERAGES)
    shuffled = scored.select(np.random.default_rng(0).permutation(len(scored)))
    doubled = replace(scored, weight=np.where(np.arange(len(scored)) == 0, 2.0, 1.0))
    twice = scored.select([0, *range(len(scored))])

    np.testing.assert_allclose(table(shuffled), table(scored), atol=1e-12)
    np.testing.assert_allclose(table(doubled), table(twice), atol=1e-12)


def test_the_order_is_by_certainty() -> None:
    """Dropping by variance, by |margin| over its deviation, and by |margin| drop the comparison they should."""
    scored = Predictions.from_pairs([1.0, 8.0, 0.5], [0.0, 0.0, 0.0], margin_variance=[1.0, 100.0, 0.01])
    most_certain = {"variance": 2, "ratio": 2, "margin": 1}
    least_certain = {"variance": 1, "ratio": 1, "margin": 2}
    for name, certainty in ORDERS.items():
        assert int(np.argmax(certainty(scored))) == most_certain[name]
        assert int(np.argmin(certainty(scored))) == least_certain[name]
    np.testing.assert_allclose(ORDERS["ratio"](scored), [1.0, 0.8, 5.0])


def test_without_any_spread_the_sign_is_certain() -> None:
    """A variance of 0 makes a margin infinitely certain, unless it is 0 itself."""
    scored = Predictions.from_pairs([1.0, 0.0, -1.0], [0.0, 0.0, 0.0], margin_variance=[0.0, 0.0, 4.0])
    assert ORDERS["ratio"](scored).tolist() == [np.inf, 0.0, 0.5]


def test_the_accuracy_of_all_has_the_interval_of_accuracy() -> None:
    """At coverage 1 the estimate is that of the metric, to the last digits, in both designs."""
    scored = simulated(np.random.default_rng(1), 150)
    responses = replace(scored, response_group=np.arange(300), by_response=True)
    for one in (scored, responses):
        found, wanted = curve(one, "margin", resamples=300).accuracies[0], interval(Accuracy(), one, 300)
        assert (found.low, found.value, found.high) == pytest.approx((wanted.low, wanted.value, wanted.high))


@pytest.mark.parametrize("order", ["variance", "ratio"])
def test_intervals_cover(order: str) -> None:
    """The interval at coverage 0.5, and that of the rise, hold the truth in 91 to 99 % of 100 simulated sets."""
    large = Retained(order, (1.0, 0.5))(simulated(np.random.default_rng(99), 400_000))
    hits = np.zeros(2)
    for seed in range(100):
        found = curve(simulated(np.random.default_rng(seed), 200), order, (1.0, 0.5), resamples=200, seed=seed)
        for place, (one, truth) in enumerate(((found.accuracies[1], large[1]), (found.rise, large[3]))):
            assert one.low is not None and one.high is not None
            hits[place] += one.low <= truth <= one.high
    assert (hits >= 0.91 * 100).all() and (hits <= 0.99 * 100).all(), hits / 100


def test_the_verdict_is_right_about_known_uncertainty() -> None:
    """A variance that is the truth makes accuracy rise; its opposite makes it fall; noise does neither, mostly."""
    scored = simulated(np.random.default_rng(0), 3000)
    assert curve(scored, resamples=200).verdict == "rises"
    assert curve(replace(scored, margin_variance=1 / scored.margin_variance), resamples=200).verdict == "falls"
    verdicts = [
        curve(simulated(np.random.default_rng(seed), 300, 0.0), resamples=200, seed=seed).verdict for seed in range(40)
    ]
    assert verdicts.count("falls") <= 40 / 8 * 2
    assert verdicts.count("rises") <= 4


def estimate(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high)


@pytest.mark.parametrize(
    ("steps", "rise", "verdict"),
    [
        ([(-0.01, 0.03), (0.0, 0.02)], (0.01, 0.05), "rises"),
        ([(0.01, 0.03), (-0.04, -0.001)], (0.01, 0.05), "falls"),
        ([(-0.02, 0.01), (-0.02, 0.01)], (-0.04, -0.01), "falls"),
        ([(-0.02, 0.01), (-0.02, 0.01)], (-0.01, 0.02), "not distinguishable"),
        ([(0.0, 0.0), (0.0, 0.0)], (0.0, 0.0), "not distinguishable"),
    ],
)
def test_the_verdict_is_the_one_that_was_defined(steps: list, rise: tuple, verdict: str) -> None:
    """One step wholly below 0, or the whole, falls; a whole above 0 without such a step rises; the rest is open."""
    rest = dict.fromkeys(("area", "gain"), estimate(0, 1))
    assert (
        Curve(accuracies=(), steps=tuple(estimate(*s) for s in steps), rise=estimate(*rise), **rest).verdict == verdict
    )


def test_equal_variances_say_nothing() -> None:
    """Where all are equally certain every coverage has the accuracy of all, and nothing rises."""
    scored = replace(simulated(np.random.default_rng(0), 100), margin_variance=np.full(100, 2.0))
    found = curve(scored, resamples=100)
    assert {round(one.value, 12) for one in found.accuracies} == {round(Accuracy()(scored), 12)}
    assert found.gain.value == pytest.approx(0)
    assert found.verdict == "not distinguishable"


def test_what_is_kept_and_always_right_is_not_certain() -> None:
    """Where everything kept is right, the interval is the exact one for as many groups as are kept."""
    margins = np.where(np.arange(60) < 40, 1.0, -1.0)
    scored = Predictions.from_pairs(margins, np.zeros(60), margin_variance=np.arange(1, 61))
    found = curve(scored, coverages=(1.0, 0.5), resamples=100).accuracies[1]
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 30))


def test_only_margins_with_a_variance_count() -> None:
    """Comparisons without one are counted and left out; without any there is nothing; weight 0 does not count."""
    scored = simulated(np.random.default_rng(0), 80)
    holes = np.where(np.arange(80) < 10, np.nan, scored.margin_variance)
    weight = np.where(np.arange(80) == 79, 0.0, 1.0)
    found = selective(replace(scored, margin_variance=holes, weight=weight), resamples=100)
    assert found is not None
    assert (found.comparisons, found.without) == (69, 10)
    assert selective(replace(scored, margin_variance=np.full(80, np.nan))) is None
    with pytest.raises(ValueError, match="comparison 0 has no variance of its margin, and the order 'variance'"):
        curve(replace(scored, margin_variance=holes))


def test_few_groups_have_no_verdict() -> None:
    """Below 20 groups there are values without intervals, and no verdict."""
    found = curve(simulated(np.random.default_rng(0), 12), resamples=100)
    assert found.verdict == "no interval"
    assert found.rise.reason == "12 groups; an interval needs at least 20"


@pytest.mark.parametrize("coverages", [(1.0,), (0.5, 1.0), (1.0, 1.0), (1.2, 0.5), (0.5, 0.0), (1.0, float("nan"))])
def test_wrong_coverages_are_refused(coverages: tuple[float, ...]) -> None:
    """They are two or more falling shares above 0 and at most 1."""
    with pytest.raises(ValueError, match="two or more falling shares above 0 and at most 1"):
        curve(simulated(np.random.default_rng(0), 30), coverages=coverages)


def test_wrong_requests_are_refused() -> None:
    """An unknown order, and too few resamples."""
    with pytest.raises(ValueError, match="no order is called 'luck'; there are: variance, ratio, margin"):
        curve(simulated(np.random.default_rng(0), 30), "luck")
    with pytest.raises(ValueError, match="at least 100 resamples, not 10"):
        curve(simulated(np.random.default_rng(0), 30), resamples=10)


def test_an_evaluation_shows_it_where_there_are_variances() -> None:
    """Text and JSON have it with its verdict, and neither has where the model gives no variances."""
    scored = simulated(np.random.default_rng(0), 120)
    with_, without = (
        evaluate(one, ["accuracy"], resamples=200)
        for one in (scored, replace(scored, margin_variance=np.full(120, np.nan)))
    )
    plain = json.loads(json.dumps(with_.to_json(), allow_nan=False))
    assert plain["selective"]["coverages"] == list(COVERAGES)
    assert set(plain["selective"]["curves"]) == set(ORDERS)
    assert plain["selective"]["curves"]["variance"]["accuracies"][0]["value"] == plain["accuracy"]
    assert plain["selective"]["curves"]["variance"]["verdict"] in ("rises", "not distinguishable", "falls")
    assert "accuracy of the most certain, 120 comparisons" in str(with_)
    assert max(map(len, str(with_).splitlines())) <= 110
    assert "selective" not in without.to_json()
    assert "most certain" not in str(without)
