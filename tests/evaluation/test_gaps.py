"""Gaps between independent sets: intervals that cover, and sets in another state compared pair by pair."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.evaluation.gaps import gaps, unpaired
from plaudit.evaluation.intervals import Estimate, interval
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.paired import NotPaired
from plaudit.predictions import Predictions
from tests.scored import in_prompts


def pairs(seed: int, centre: float, count: int = 300) -> Predictions:
    margins = np.random.default_rng(seed).normal(centre, 1, count)
    return Predictions.from_pairs(margins, np.zeros(count))


@given(*[st.floats(-5, 5)] * 2, *[st.floats(0, 3)] * 4)
def test_the_interval_is_that_of_the_formula(a: float, b: float, p: float, q: float, r: float, s: float) -> None:
    """Distances add as squares, each side with the other's opposite one; with symmetric ones as standard errors do."""
    found = unpaired(Estimate(a, a - p, a + q), Estimate(b, b - r, b + s))
    mirrored = unpaired(Estimate(b, b - r, b + s), Estimate(a, a - p, a + q))
    assert found.low is not None and found.high is not None
    assert mirrored.low is not None and mirrored.high is not None

    assert found.value == a - b
    assert found.value - found.low == pytest.approx(np.hypot(p, s), abs=1e-9)
    assert found.high - found.value == pytest.approx(np.hypot(q, r), abs=1e-9)
    assert (mirrored.low, mirrored.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


def test_intervals_of_gaps_cover() -> None:
    """Sets of 60 and 40 prompts with one to four comparisons each: the truth lies inside in 91 to 98 % of 200 pairs."""
    truth = [Accuracy()(in_prompts(np.random.default_rng(1), 60_000, centre)) for centre in (0.4, 1.2)]
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        sets = {"far": in_prompts(rng, 60, 0.4), "own": in_prompts(rng, 40, 1.2)}
        estimates = [interval(Accuracy(), one, resamples=200, seed=seed) for one in sets.values()]
        found = unpaired(*estimates)
        assert found.low is not None and found.high is not None
        hits += found.low <= truth[0] - truth[1] <= found.high
    assert 0.91 <= hits / 200 <= 0.98, hits / 200


def test_the_interval_is_that_of_resampling_both() -> None:
    """Of large sets, the ends are within a tenth of the width of those of drawing from both, computed directly."""
    sets = {"own": pairs(0, 1.0, 800), "other": pairs(1, 0.3, 500)}
    found = gaps(sets).rows[1].gaps["accuracy"].estimate
    rng = np.random.default_rng(5)
    drawn = [rng.choice(one.margins > 0, (4000, len(one))).mean(axis=1) for one in sets.values()]
    low, high = np.quantile(drawn[1] - drawn[0], (0.025, 0.975))
    assert found.low is not None and found.high is not None

    assert found.low == pytest.approx(low, abs=0.1 * (high - low))
    assert found.high == pytest.approx(high, abs=0.1 * (high - low))


def test_a_worse_domain_is_called_worse_and_an_equal_one_is_not() -> None:
    """The reference has no gap and stands first; verdicts follow the direction of the metric."""
    found = gaps({"other": pairs(1, 0.2), "test": pairs(0, 1.0), "same": pairs(2, 1.0)}, "test")

    assert [row.name for row in found.rows] == ["test", "other", "same"]
    assert dict(found.rows[0].gaps) == {}
    assert found.rows[1].gaps["accuracy"].verdict == "worse"
    assert found.rows[2].gaps["accuracy"].verdict == "not distinguishable"
    assert found.rows[1].gaps["mean_reward"].verdict == "lower"
    assert found.rows[1].gaps["accuracy"].of == "test"
    assert "other: accuracy worse" in str(found)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["reference"] == "test"


def test_the_same_comparisons_in_another_state_are_paired() -> None:
    """With a counterpart the gap is from it, and narrower than between independent sets."""
    clean = pairs(0, 1.0)
    attacked = replace(clean, rewards=clean.rewards - np.where(np.arange(600) < 300, 0.3, 0.0))
    found = gaps({"test": pairs(3, 1.0), "attacked": attacked}, counterparts={"attacked": ("clean", clean)})
    gap = found.rows[1].gaps["accuracy"]
    free = gaps({"clean": clean, "attacked": attacked}).rows[1].gaps["accuracy"]
    assert gap.estimate.low is not None and gap.estimate.high is not None
    assert free.estimate.low is not None and free.estimate.high is not None

    assert (gap.of, gap.paired, gap.verdict) == ("clean", True, "worse")
    assert gap.estimate.value == pytest.approx(Accuracy()(attacked) - Accuracy()(clean))
    assert gap.estimate.high - gap.estimate.low < 0.7 * (free.estimate.high - free.estimate.low)
    assert "the same comparisons as clean" in str(found)


def test_uncertainty_is_there_where_every_margin_has_one() -> None:
    """It is the mean standard deviation; a set without it has no gap in it."""
    sure, unsure, silent = pairs(0, 1.0), pairs(1, 1.0), pairs(2, 1.0)
    sure = replace(sure, margin_variance=np.full(300, 4.0))
    unsure = replace(unsure, margin_variance=np.random.default_rng(0).uniform(8, 10, 300))
    rows = gaps({"sure": sure, "unsure": unsure, "silent": silent}).rows

    assert rows[0].metrics["uncertainty"].value == pytest.approx(2.0)
    assert rows[1].gaps["uncertainty"].estimate.value == pytest.approx(np.sqrt(unsure.margin_variance).mean() - 2)
    assert rows[1].gaps["uncertainty"].verdict == "higher"
    assert "uncertainty" not in rows[2].metrics
    assert "uncertainty" not in rows[2].gaps


def test_few_groups_have_a_number_and_a_reason() -> None:
    """No interval is made up for a set of 12."""
    found = gaps({"test": pairs(0, 1.0), "few": pairs(1, 1.0, 12)}).rows[1].gaps["accuracy"]

    assert found.estimate.reason == "12 groups; an interval needs at least 20"
    assert found.verdict == "no interval"


def test_wrong_requests_are_refused() -> None:
    """One set, unknown names, a counterpart of the reference or of other comparisons, a set without comparisons."""
    one, other = pairs(0, 1.0), pairs(1, 1.0, 200)
    with pytest.raises(ValueError, match="two sets or more, not 1"):
        gaps({"test": one})
    with pytest.raises(ValueError, match="no set 'text'; there are: test, other"):
        gaps({"test": one, "other": other}, "text")
    with pytest.raises(ValueError, match="no set 'attacked'"):
        gaps({"test": one, "other": other}, counterparts={"attacked": ("clean", one)})
    with pytest.raises(ValueError, match="the reference 'test' has a counterpart"):
        gaps({"test": one, "other": other}, counterparts={"test": ("clean", one)})
    with pytest.raises(NotPaired):
        gaps({"test": one, "other": other}, counterparts={"other": ("clean", one)})
    with pytest.raises(ValueError, match="the set 'empty' has 300 comparisons, none of positive weight"):
        gaps({"test": one, "empty": replace(one, weight=np.zeros(300))})
    with pytest.raises(ValueError, match="at least 100 resamples"):
        gaps({"test": one, "other": other}, resamples=3)
