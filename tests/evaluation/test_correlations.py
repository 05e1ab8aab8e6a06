"""Correlations with ratings: SciPy's values, weights as repetitions, groups resampled whole, and nothing made up."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, pearsonr, spearmanr, t

from plaudit.evaluation.correlations import Pearson, Spearman, correlations, usual_pairs
from plaudit.evaluation.evaluate import evaluate
from plaudit.predictions import Predictions

ORACLES = {"pearson": lambda x, y: pearsonr(x, y).statistic, "spearman": lambda x, y: spearmanr(x, y).statistic}


def scored(
    rewards: Any, ratings: Any, groups: Any = None, parts: dict[str, Any] | None = None, **more: Any
) -> Predictions:
    """Responses that are compared in a ring within their group, with one rating ``quality``."""
    rewards = np.asarray(rewards, float)
    count = rewards.size
    return Predictions(
        rewards=rewards,
        chosen=np.arange(count),
        rejected=np.arange(count),
        outcome=np.full(count, 0.5),
        weight=np.ones(count),
        strength=np.full(count, np.nan),
        response_group=np.arange(count) if groups is None else np.asarray(groups),
        lengths=more.pop("lengths", np.zeros(count, int)),
        ratings={"quality": np.asarray(ratings, float)},
        parts={name: np.asarray(column, float) for name, column in (parts or {}).items()},
        **more,
    )


numbers = st.lists(st.sampled_from([-3.0, -0.5, 0.0, 0.25, 1.0, 2.0, 7.5]), min_size=4, max_size=12)


@given(numbers, st.randoms(use_true_random=False))
def test_values_are_those_of_scipy(values: list[float], random: Any) -> None:
    """With ties, with missing ratings left out, and none where one side does not vary."""
    other = random.choices(values, k=len(values))
    rated = [np.nan, *other[1:]]
    [found] = correlations(scored(values, rated), resamples=100)
    x, y = values[1:], other[1:]

    assert (found.rating, found.output, found.responses, found.groups) == ("quality", "reward", len(x), len(x))
    for name, oracle in ORACLES.items():
        estimate = getattr(found, name)
        if len(set(x)) > 1 and len(set(y)) > 1:
            assert estimate.value == pytest.approx(oracle(x, y), abs=1e-9)
        else:
            assert np.isnan(estimate.value)
            assert estimate.reason.endswith("everywhere")


@settings(deadline=None)
@given(numbers, st.randoms(use_true_random=False))
def test_weights_are_repetitions(values: list[float], random: Any) -> None:
    """Under whole weights both are what they are of responses written out as often; ranks are made anew."""
    other = random.choices(values, k=len(values))
    times = np.array([random.randint(0, 3) for _ in values])
    x, y = np.repeat(values, times), np.repeat(other, times)
    predictions = replace(scored(values, other), ratings={"rating": np.array(other)})
    for metric, oracle in ((Pearson(), ORACLES["pearson"]), (Spearman(), ORACLES["spearman"])):
        [found] = metric.reweighted(predictions)(times[None].astype(float))
        if len(set(x)) > 1 and len(set(y)) > 1:
            assert found == pytest.approx(oracle(x, y), abs=1e-9)
        else:
            assert np.isnan(found)


def grouped(groups: int = 40, size: int = 5, seed: int = 0) -> Predictions:
    """Responses whose reward and rating share what their prompt contributes, and something of their own."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), size)
    ours, theirs = rng.normal(size=(2, groups))
    both, noise = rng.normal(size=group.size), rng.normal(size=(2, group.size))
    return scored((ours[group] + both + noise[0]), (theirs[group] + both + noise[1]), group)


def test_the_interval_is_that_of_whole_groups_drawn() -> None:
    """By a plain loop that writes out the responses of drawn groups and asks SciPy; the usual quantiles, expanded."""
    predictions = grouped()
    rng, values = np.random.default_rng(5), []
    members = [np.flatnonzero(predictions.response_group == group) for group in range(40)]
    for _ in range(1500):
        drawn = np.concatenate([members[group] for group in rng.integers(40, size=40)])
        x, y = predictions.rewards[drawn], predictions.ratings["quality"][drawn]
        values.append([oracle(x, y) for oracle in ORACLES.values()])
    edge = norm.cdf(t.ppf(0.975, 39) * np.sqrt(40 / 39))
    [found] = correlations(predictions, resamples=4000)

    for name, (low, high) in zip(ORACLES, np.quantile(values, (1 - edge, edge), axis=0).T, strict=True):
        estimate = getattr(found, name)
        assert (estimate.low, estimate.high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))
    alone = replace(predictions, response_group=np.arange(200))
    [narrow] = correlations(alone, resamples=4000)
    assert narrow.pearson.value == found.pearson.value
    assert width(narrow.pearson) < width(found.pearson)


def width(estimate: Any) -> float:
    return float(estimate.high - estimate.low)


def test_the_interval_covers_the_truth() -> None:
    """In 200 sets whose true correlation is 1/3 the intervals hold it in at least 90 %."""
    hits = 0
    for seed in range(200):
        [found] = correlations(grouped(seed=seed), resamples=200)
        assert found.pearson.low is not None and found.pearson.high is not None
        hits += found.pearson.low <= 1 / 3 <= found.pearson.high
    assert 0.90 <= hits / 200 <= 0.99


def test_a_rating_stands_beside_the_part_of_its_name() -> None:
    """Then the reward, then length; a rating without such a part has the last two."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=30)
    predictions = scored(x, rng.normal(size=30), parts={"humor": -x, "span": x}, lengths=np.arange(30))
    predictions = replace(predictions, ratings={**predictions.ratings, "humor": x})
    found = {(one.rating, one.output): one for one in correlations(predictions, resamples=100)}

    assert list(found) == [
        ("quality", "reward"),
        ("quality", "length"),
        ("humor", "humor"),
        ("humor", "reward"),
        ("humor", "length"),
    ]
    assert found["humor", "humor"].spearman.value == pytest.approx(-1)
    assert found["humor", "reward"].pearson.value == pytest.approx(1)
    assert found["humor", "reward"].pearson.low == pytest.approx(1)
    assert usual_pairs(replace(predictions, ratings={})) == []
    [asked] = correlations(predictions, [("quality", "span")], resamples=100)
    assert asked.spearman == found["quality", "reward"].spearman


def test_what_is_not_there_is_named() -> None:
    """A rating or an output that does not exist, resamples that are too few, groups that are."""
    predictions = scored(np.arange(5.0), np.arange(5.0), parts={"span": np.arange(5.0)})
    with pytest.raises(ValueError, match="no rating is called 'humour'; there are: quality"):
        correlations(predictions, [("humour", "reward")])
    with pytest.raises(ValueError, match="no output is called 'turn'; there are: reward, span, length"):
        correlations(predictions, [("quality", "turn")])
    with pytest.raises(ValueError, match="at least 100 resamples, not 5"):
        correlations(predictions, resamples=5)
    [few] = correlations(predictions, resamples=100)
    assert few.pearson.reason == "5 groups; an interval needs at least 20"
    [one] = correlations(replace(predictions, ratings={"quality": np.array([1.0, *[np.nan] * 4])}), resamples=100)
    assert (one.pearson.reason, one.responses) == ("1 responses have both", 1)
    assert one.to_json()["pearson"]["value"] is None
    [flat] = correlations(replace(predictions, ratings={"quality": np.full(5, 2.0)}), resamples=100)
    assert flat.spearman.reason == "quality is 2 everywhere"


def test_evaluations_tell_of_ratings() -> None:
    """In JSON without NaN, in a table with a line a pair; and not a word where nobody rated."""
    rng = np.random.default_rng(0)
    rated = replace(grouped(), lengths=rng.integers(1, 9, 200), parts={"quality": rng.normal(size=200)})
    rated = replace(rated, ratings={**rated.ratings, "violence": np.zeros(200)})
    found = evaluate(rated, ["accuracy"], resamples=200)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))

    assert found.correlations == correlations(rated, resamples=200)
    assert [(one["rating"], one["output"]) for one in plain["correlations"]][:3] == [
        ("quality", "quality"),
        ("quality", "reward"),
        ("quality", "length"),
    ]
    assert plain["correlations"][1]["pearson"]["value"] == found.correlations[1].pearson.value
    assert plain["correlations"][3]["spearman"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "violence is 0 everywhere",
    }
    written = str(found)
    assert "correlation with ratings" in written
    assert str(found.correlations[0].spearman) in written
    assert "violence is 0 everywhere" in written
    assert max(map(len, written.splitlines())) <= 110
    bare = evaluate(replace(rated, ratings={}), ["accuracy"], resamples=200)
    assert "correlation" not in str(bare)
    assert bare.to_json()["correlations"] == []
