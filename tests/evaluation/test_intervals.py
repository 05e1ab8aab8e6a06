"""An interval covers the truth about as often as it says, for both designs, or says why there is none."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from plaudit.evaluation.intervals import Estimate, interval, intervals
from plaudit.evaluation.metrics import choose
from plaudit.predictions import Predictions
from tests.scored import calibrated, in_prompts, predictions, without_prompts

ACCURACY = choose(["accuracy"])["accuracy"]
DESIGNS = ("all pairs", "pairs apart", "blocks of four", "six a response")


def covered(
    simulate: Callable[[np.random.Generator, int], Predictions],
    groups: int,
    large: int,
    names: tuple[str, ...] = ("accuracy",),
    sets: int = 300,
    resamples: int = 400,
) -> dict[str, float]:
    """Share of simulated sets whose interval holds the truth, which is taken from 20 large sets."""
    metrics = choose(names)
    ideal = [simulate(np.random.default_rng(10_000 + seed), large) for seed in range(20)]
    truth = {name: np.mean([metric(scored) for scored in ideal]) for name, metric in metrics.items()}
    hits = dict.fromkeys(names, 0)
    for seed in range(sets):
        for name, found in intervals(metrics, simulate(np.random.default_rng(seed), groups), resamples, seed).items():
            assert found.low is not None and found.high is not None
            hits[name] += bool(found.low <= truth[name] <= found.high)
    return {name: count / sets for name, count in hits.items()}


@pytest.mark.parametrize("groups", [25, 60])
def test_intervals_over_prompts_cover(groups: int) -> None:
    """With comparisons that share a prompt, 95 % intervals of accuracy hold the truth in 92 to 98 % of sets."""
    assert 0.92 <= covered(in_prompts, groups, 20_000)["accuracy"] <= 0.98


@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_over_responses_cover(design: str) -> None:
    """Without prompts they do too, however the responses are paired."""
    found = covered(
        lambda rng, n: without_prompts(rng, n, design), 60, 1000 if design != "all pairs" else 400, sets=200
    )
    assert 0.92 <= found["accuracy"] <= 0.98


MEANS = ("accuracy", "log_likelihood", "brier", "area_under_curve")


@pytest.mark.slow
@pytest.mark.parametrize("groups", [20, 50, 200])
@pytest.mark.parametrize("centre", [0.3, 1.0])
def test_many_intervals_over_prompts_cover(groups: int, centre: float) -> None:
    """The same in 1,000 sets of each size, for four metrics; a little less in few groups."""
    found = covered(lambda rng, n: in_prompts(rng, n, centre), groups, 50_000, MEANS, sets=1000, resamples=600)
    print(f"prompts {groups}, centre {centre}: {found}")
    assert all((0.90 if groups <= 50 else 0.92) <= share <= 0.98 for share in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("responses", [40, 100, 300])
@pytest.mark.parametrize("design", DESIGNS)
def test_many_intervals_over_responses_cover(design: str, responses: int) -> None:
    """The same for every way of pairing responses, with less in small sets, as decision 0004 says."""
    if (design, responses) == ("all pairs", 300):
        pytest.skip("45,000 comparisons a set take too long; 100 responses show the same")
    large = 800 if design == "all pairs" else 20_000
    found = covered(lambda rng, n: without_prompts(rng, n, design), responses, large, MEANS, sets=1000, resamples=600)
    print(f"responses {responses}, {design}: {found}")
    assert 0.91 <= found["accuracy"] <= 0.98
    assert all({40: 0.88, 100: 0.90, 300: 0.92}[responses] <= share <= 0.98 for share in found.values()), found


@pytest.mark.parametrize("groups", [30, 200])
def test_a_calibrated_scorer_is_not_called_miscalibrated(groups: int) -> None:
    """ECE is never 0 in a finite set, yet its interval reaches the truth (about 0) in at least 92 % of sets."""
    found = covered(calibrated, groups, 100_000, ("expected_calibration_error",), sets=150)
    assert found["expected_calibration_error"] >= 0.92


def test_a_miscalibrated_scorer_is_seen() -> None:
    """Margins ten times too wide are told from calibrated ones."""
    scored = calibrated(np.random.default_rng(0), 300)
    loud = replace(scored, rewards=scored.rewards * 10)
    found = interval(choose()["expected_calibration_error"], loud)
    assert found.low is not None and found.low > 0.1


@given(predictions(), st.integers(0, 3), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_contains_the_estimate_and_depends_on_nothing_else(scored: Predictions, seed: int, random: object) -> None:
    """The estimate is inside its interval; the seed fixes it; the order of comparisons does not matter."""
    scored = replace(scored, response_group=np.arange(scored.rewards.size), by_response=True)
    many = repeated(scored, 20)
    found = intervals(choose(), many, 100, seed)
    order = np.random.default_rng(seed).permutation(len(many))
    shuffled = intervals(choose(), many.select(order), 100, seed)
    assert found == intervals(choose(), many, 100, seed)
    for name, estimate in found.items():
        assert estimate.low is not None and estimate.high is not None, estimate.reason
        assert estimate.low <= estimate.value <= estimate.high
        again = (shuffled[name].low, shuffled[name].value, shuffled[name].high)
        assert again == pytest.approx((estimate.low, estimate.value, estimate.high), abs=1e-5), name


def repeated(scored: Predictions, times: int) -> Predictions:
    """The same comparisons among ``times`` disjoint copies of the responses."""
    size = scored.rewards.size
    shifts = np.repeat(np.arange(times) * size, len(scored))
    return Predictions(
        rewards=np.tile(scored.rewards, times),
        chosen=np.tile(scored.chosen, times) + shifts,
        rejected=np.tile(scored.rejected, times) + shifts,
        response_group=np.arange(size * times),
        by_response=True,
        lengths=np.tile(scored.lengths, times),
        outcome=np.tile(scored.outcome, times),
        weight=np.tile(scored.weight, times),
        strength=np.tile(scored.strength, times),
    )


def test_another_seed_is_another_interval() -> None:
    """The interval comes from resampling, so the seed shows, a little."""
    scored = in_prompts(np.random.default_rng(0), 50)
    first, second = interval(choose()["brier"], scored, seed=0), interval(choose()["brier"], scored, seed=1)
    assert first != second
    assert first.low is not None and second.low is not None
    assert first.low == pytest.approx(second.low, abs=0.02)


def test_few_groups_have_no_interval_but_a_reason() -> None:
    """19 prompts are too few, 20 are enough; comparisons of weight 0 do not count as groups."""
    scored = in_prompts(np.random.default_rng(0), 20)
    assert interval(ACCURACY, scored).low is not None
    last = scored.comparison_groups[0] == 19
    for few in (scored.select(~last), replace(scored, weight=np.where(last, 0.0, 1.0))):
        found = interval(ACCURACY, few)
        assert (found.low, found.high) == (None, None)
        assert found.reason == "19 groups; an interval needs at least 20"
        assert str(found).endswith("(no interval: 19 groups; an interval needs at least 20)")


def test_many_votes_on_one_pair_do_not_narrow_the_interval() -> None:
    """Ten annotators who say the same about each pair tell nothing about other pairs, in either design."""
    for scored in (
        in_prompts(np.random.default_rng(0), 60),
        without_prompts(np.random.default_rng(0), 60, "six a response"),
    ):
        votes = scored.select(np.repeat(np.arange(len(scored)), 10))
        assert width(interval(ACCURACY, votes)) == pytest.approx(width(interval(ACCURACY, scored)), rel=1e-9)


def width(estimate: Estimate) -> float:
    assert estimate.low is not None and estimate.high is not None
    return estimate.high - estimate.low


def test_pairs_apart_have_the_binomial_width() -> None:
    """Where no response is in two pairs, both designs agree with the binomial standard error."""
    margins = np.where(np.random.default_rng(0).random(600) < 0.7, 1.0, -1.0)
    prompts = Predictions.from_pairs(margins, np.zeros(600))
    responses = replace(prompts, response_group=np.arange(1200), by_response=True)
    share = ACCURACY(prompts)
    wanted = 2 * 1.96 * math.sqrt(share * (1 - share) / 600)
    assert width(interval(ACCURACY, prompts)) == pytest.approx(wanted, rel=0.05)
    assert width(interval(ACCURACY, responses)) == pytest.approx(wanted, rel=0.08)


@pytest.mark.parametrize(("margin", "hits"), [(1.0, 60), (-1.0, 0)])
def test_always_right_is_not_certain(margin: float, hits: int) -> None:
    """60 prompts all right (or all wrong) have the exact binomial interval, not a width of 0; AUC squares it."""
    scored = Predictions.from_pairs(np.full(60, margin), np.zeros(60), weight=np.full(60, 0.1))
    exact = binomtest(hits, 60).proportion_ci(0.95)
    found = intervals(choose(["accuracy", "area_under_curve"]), scored)
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx((exact.low, exact.high))
    assert width(found["area_under_curve"]) > width(found["accuracy"])


def test_equal_rewards_leave_nothing_to_vary() -> None:
    """All rewards equal: accuracy is one half in every resample, and the interval says so."""
    found = interval(ACCURACY, Predictions.from_pairs(np.zeros(30), np.zeros(30)))
    assert found == Estimate(0.5, 0.5, 0.5)


def test_a_function_from_elsewhere_gets_an_interval_too() -> None:
    """Any function of predictions is a metric; it agrees with the fast form."""
    scored = in_prompts(np.random.default_rng(0), 40)
    slow, fast = interval(lambda found: ACCURACY(found), scored, 200), interval(ACCURACY, scored, 200)
    assert (slow.low, slow.value, slow.high) == pytest.approx((fast.low, fast.value, fast.high), rel=1e-12)


def test_wrong_requests_are_refused() -> None:
    """Too few resamples, and nothing to measure."""
    with pytest.raises(ValueError, match="at least 100 resamples, not 10"):
        interval(ACCURACY, in_prompts(np.random.default_rng(0), 30), 10)
    with pytest.raises(ValueError, match="without a comparison of positive weight"):
        interval(ACCURACY, in_prompts(np.random.default_rng(0), 30).select([]))
