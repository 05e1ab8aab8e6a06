"""Models compared pair by pair: antisymmetric, as the metrics say, with verdicts that are right as often as claimed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from plaudit.evaluation.compare import compare, holm
from plaudit.evaluation.compare_table import render_comparison
from plaudit.evaluation.intervals import interval
from plaudit.evaluation.metrics import OfTerms, choose
from plaudit.evaluation.paired import differences
from plaudit.evaluation.pairing import NotPaired
from plaudit.evaluation.table import text
from plaudit.predictions import Floats, Predictions
from tests.scored import without_prompts


def three(prompts: int = 150, seed: int = 0) -> dict[str, Predictions]:
    """A good model, one that is nearly the same, and a worse one, on two comparisons a prompt."""
    rng = np.random.default_rng(seed)
    group = np.arange(2 * prompts) // 2
    good = rng.normal(1.0, 1.0, 2 * prompts)
    margins = {
        "good": good,
        "twin": good + rng.normal(0, 0.05, good.size),
        "bad": good * 0.2 + rng.normal(0, 1, good.size),
    }
    return {name: Predictions.from_pairs(own, np.zeros(own.size), group=group) for name, own in margins.items()}


def test_values_and_verdicts() -> None:
    """Differences are those of the metrics' values; the good is better, the twin not told apart, the order kept."""
    models = three()
    found = compare(models, resamples=400)

    assert [(one.first, one.second) for one in found.contests] == [("good", "twin"), ("good", "bad"), ("twin", "bad")]
    assert [one.verdict for one in found.contests] == ["not distinguishable", "better", "better"]
    assert (found.comparisons, found.groups, found.unit, found.by) == (300, 150, "prompts", "position")
    for name, metric in choose(list(found.contests[0].metrics)).items():
        assert found.models["bad"][name] == interval(metric, models["bad"], 400)
        difference = found.contests[1].metrics[name].difference.estimate
        assert difference.value == pytest.approx(metric(models["good"]) - metric(models["bad"]), abs=1e-12)


def test_the_other_way_round_is_minus() -> None:
    """Exchanging two models turns every difference and its interval round, and the verdict with them."""
    models = three()
    metrics = choose()
    there, back = (differences(metrics, models[a], models[b], 300) for a, b in (("good", "bad"), ("bad", "good")))
    opposite = {"better": "worse", "worse": "better", "higher": "lower", "lower": "higher"}
    for name, one in there.items():
        other = back[name]
        assert one.estimate.low is not None and one.estimate.high is not None
        turned = (-one.estimate.value, -one.estimate.high, -one.estimate.low)
        assert (other.estimate.value, other.estimate.low, other.estimate.high) == pytest.approx(turned, abs=1e-9), name
        assert other.verdict == opposite.get(one.verdict, one.verdict)
        assert (other.p, other.standard_error) == pytest.approx((one.p, one.standard_error))


class _Gain(OfTerms):
    """The difference in accuracy as a metric of its own: the other model's margins stand as strengths."""

    def terms(self, predictions: Predictions) -> Floats:
        return (np.sign(predictions.margins) - np.sign(predictions.strength)) / 2


@pytest.mark.parametrize("design", ["prompts", "all pairs", "six a response", "pairs apart"])
def test_a_difference_is_the_metric_of_the_difference(design: str) -> None:
    """In every design the interval is that of the comparisons' own differences under the same resamples."""
    if design == "prompts":
        own, other = three()["good"], three()["bad"]
    else:
        count = 400 if design == "pairs apart" else 60
        own = without_prompts(np.random.default_rng(0), count, design)
        other = replace(own, rewards=own.rewards + 2 * np.random.default_rng(1).normal(size=count))
    found = differences(choose(["accuracy"]), own, other, 300)["accuracy"].estimate
    wanted = interval(_Gain(), replace(own, strength=other.margins), 300)

    assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high), abs=1e-12)


@pytest.mark.parametrize("name", ["accuracy", "log_likelihood", "area_under_curve", "expected_calibration_error"])
def test_equals_are_rarely_told_apart(name: str) -> None:
    """Of 200 sets of two equally good models at most 9 % get a verdict on any metric."""
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        shared, group = rng.normal(0.7, 1, 120), np.arange(120) // 2
        both = [shared + rng.normal(0, 0.7, 120) for _ in range(2)]
        own, other = (Predictions.from_pairs(one, np.zeros(120), group=group) for one in both)
        wrong += differences(choose([name]), own, other, 200, seed)[name].verdict != "not distinguishable"
    print(f"{name}: {wrong / 200:.3f}")
    assert wrong / 200 <= 0.09


def test_a_model_is_no_better_than_itself() -> None:
    """Every difference is exactly 0 with no width, p is 1, and McNemar has nothing to count."""
    model = three()["good"]
    [contest] = compare({"a": model, "b": model}, choose(), resamples=100).contests
    for judged in contest.metrics.values():
        estimate = judged.difference.estimate
        assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)
        assert (judged.p, judged.verdict) == (1.0, "not distinguishable")
    assert (contest.mcnemar.ours, contest.mcnemar.theirs, contest.mcnemar.p) == (0, 0, 1.0)


def test_the_same_answers_are_not_certain_to_stay_the_same() -> None:
    """Two models right on the same 150 prompts may differ on others: the interval is what 150 could have missed."""
    model = three()["good"]
    louder = replace(model, rewards=model.rewards * 3)
    found = differences(choose(["accuracy"]), model, louder, 100)["accuracy"]
    reach = 1 - 0.025 ** (1 / 150)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((-reach, reach))
    assert found.verdict == "not distinguishable"


def test_a_handful_of_prompts_is_no_evidence() -> None:
    """Models that differ on four prompts of 400, all one way, are not told apart; on seven they are."""
    for differing, verdict in ((4, "not distinguishable"), (7, "better")):
        margins = np.ones(400)
        other = np.where(np.arange(400) < differing, -1.0, 0.5)
        models = [Predictions.from_pairs(own, np.zeros(400)) for own in (margins, other)]
        assert differences(choose(["accuracy"]), *models)["accuracy"].verdict == verdict
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        sides = np.where(rng.random(400) < 0.02, rng.choice([-1.0, 1.0], 400), 0.0)
        own, other = (np.where(sides == -sign, -1.0, 1.0 + sign * 0.1) for sign in (1, -1))
        models = [Predictions.from_pairs(one, np.zeros(400)) for one in (own, other)]
        wrong += differences(choose(["accuracy"]), *models, 200, seed)["accuracy"].verdict != "not distinguishable"
    assert wrong / 200 <= 0.08


def test_many_equals_are_told_apart_no_more_often_than_two() -> None:
    """Among five equal models a wrong verdict on accuracy is as rare as the level says, thanks to Holm."""
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        models = {str(n): Predictions.from_pairs(rng.normal(0.5, 1, 80), np.zeros(80)) for n in range(5)}
        found = compare(models, ["accuracy"], resamples=100, seed=seed)
        wrong += any(one.verdict != "not distinguishable" for one in found.contests)
    assert wrong / 60 <= 0.12


def test_holm_agrees_with_statsmodels() -> None:
    """Corrected p-values are statsmodels' own; one that is missing stays missing."""
    for seed in range(20):
        p = np.random.default_rng(seed).random(1 + seed) ** 2
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    assert np.isnan(holm(np.array([0.01, np.nan]))).tolist() == [False, True]


def test_few_prompts_have_no_verdict() -> None:
    """Below twenty groups differences are given without interval, p and verdict, with the reason."""
    found = compare(three(prompts=10), ["accuracy"], resamples=100)
    judged = found.contests[1].metrics["accuracy"]
    assert (judged.verdict, judged.difference.estimate.low) == ("no interval", None)
    assert judged.difference.estimate.reason == "10 groups; an interval needs at least 20"
    assert "no interval" in text(render_comparison(found))
    json.dumps(found.to_json(), allow_nan=False)


def test_wrong_requests_are_refused() -> None:
    """Other comparisons, no metric, an unknown one, too few resamples, nothing that counts."""
    models = three()
    with pytest.raises(NotPaired, match="good and bad differ in chosen"):
        compare({"good": models["good"], "bad": models["bad"].select(np.arange(200))})
    with pytest.raises(ValueError, match="no metric to compare models by"):
        compare(models, [])
    with pytest.raises(ValueError, match="acuracy"):
        compare(models, ["acuracy"])
    with pytest.raises(ValueError, match="at least 100 resamples, not 5"):
        compare(models, resamples=5)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare({name: replace(one, weight=np.zeros(300)) for name, one in models.items()})


def test_people_and_programs_can_read_it() -> None:
    """The text names models, verdicts and what was left out; the JSON is strict and holds the same numbers."""
    ids = tuple(f"r{n}" for n in range(600))
    models = {name: replace(one, ids=ids) for name, one in three().items()}
    models["bad"] = models["bad"].select(np.arange(280))
    found = compare(models, shared_only=True, resamples=100)
    written, plain = text(render_comparison(found)), json.loads(json.dumps(found.to_json(), allow_nan=False))

    assert "good against bad: better" in written
    assert "! good: 20 comparisons left out" in written
    assert "by whole prompts" in written and "Holm" in written
    assert max(map(len, written.splitlines())) <= 110
    accuracy = found.contests[1].metrics["accuracy"]
    assert plain["contests"][1]["metrics"]["accuracy"]["value"] == accuracy.difference.estimate.value
    assert plain["contests"][1]["verdict"] == "better"
    assert plain["contests"][1]["mcnemar"]["respects"].startswith("by prompts")
    assert plain["left_out"] == {"good": 20, "twin": 20, "bad": 0}
