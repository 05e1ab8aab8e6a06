"""Checks of predictions: figures against other computations, and rates of false alarms."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from plaudit.evaluation.checks import LEAST_SCALE, checks, length_correlation, overconfidence, worse_than_length
from plaudit.evaluation.length_bias import AtEqualVerdict
from plaudit.predictions import Predictions
from tests.scored import without_prompts


def claimed(seed: int, groups: int, factor: float, per_group: int = 2) -> Predictions:
    """Comparisons of prompts whose true log-odds are the margins over the factor."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), per_group)
    odds = rng.normal(0, 1, groups)[group] + rng.normal(0, 1, group.size)
    won = np.where(rng.random(group.size) < 1 / (1 + np.exp(-odds)), odds, -odds)
    return Predictions.from_pairs(factor * won, np.zeros(group.size), group=group)


def test_the_best_factor_is_that_of_a_logistic_regression() -> None:
    """Value and interval agree with regression of the verdict on the margin, and with its standard error."""
    scored = claimed(0, 800, 2.0, per_group=1)
    signs = np.random.default_rng(1).choice([-1, 1], len(scored))
    x, y = (signs * scored.margins)[:, None], signs > 0
    slope = float(LogisticRegression(C=1e9, fit_intercept=False, tol=1e-8).fit(x, y).coef_[0, 0])
    estimate = overconfidence(scored).estimate
    assert estimate is not None
    assert estimate.value == pytest.approx(slope, rel=1e-3)
    p = 1 / (1 + np.exp(-slope * scored.margins))
    error = 1 / np.sqrt(np.sum(p * (1 - p) * scored.margins**2))
    assert estimate.low is not None
    assert estimate.high is not None
    assert np.log(estimate.high / estimate.low) == pytest.approx(2 * 1.96 * error / slope, rel=0.15)


def test_overconfidence_is_found_and_underconfidence_is_not() -> None:
    """Margins twice too large are found in 400 comparisons; margins half as large as they might be are no worry."""
    found = [overconfidence(claimed(3, 200, factor)).p for factor in (0.5, 1.0, 2.0)]
    assert None not in found
    assert found[0] > 0.5  # type: ignore[operator]
    assert found[1] > 0.05  # type: ignore[operator]
    assert found[2] < 1e-4  # type: ignore[operator]


@pytest.mark.slow
def test_at_the_tolerated_factor_the_level_is_kept() -> None:
    """Of models exactly as overconfident as is tolerated about 5 % are called so, prompts being the units."""
    found = [overconfidence(claimed(seed, 100, 1 / LEAST_SCALE), 200).p for seed in range(200)]
    assert sum(p <= 0.05 for p in found if p is not None) <= binom.ppf(0.999, 200, 0.05)


def test_length_is_found_in_either_direction() -> None:
    """Margins that are log-length, or minus it, are found; those that have nothing to do with it are not."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 500, (2, 300))
    for sign in (1.0, -1.0):
        paid = Predictions.from_pairs(*(sign * np.log(lengths)), lengths=(lengths[0], lengths[1]))
        check = length_correlation(paid, 400)
        assert check.p is not None
        assert check.p < 1e-6
        assert check.estimate is not None
        assert check.estimate.value == pytest.approx(sign, abs=0.01)
    fair = Predictions.from_pairs(*rng.normal(0, 1, (2, 300)), lengths=(lengths[0], lengths[1]))
    check = length_correlation(fair, 400)
    assert check.p == 1.0
    assert check.estimate is not None
    assert check.estimate.value == pytest.approx(AtEqualVerdict()(fair))


def test_less_accuracy_than_length_is_found() -> None:
    """Half of the comparisons right where the longer is right in four of five is worse; being that length is not."""
    rng = np.random.default_rng(0)
    lengths = np.where(rng.random(300) < 0.8, [[9], [5]], [[5], [9]])
    for sign in (1, -1):  # the longer, then the shorter one
        known = tuple(lengths[::sign])
        blind = worse_than_length(Predictions.from_pairs(*rng.normal(0, 1, (2, 300)), lengths=known), 400)
        assert blind.p is not None
        assert blind.p < 1e-6
        same = worse_than_length(Predictions.from_pairs(*(sign * side for side in known), lengths=known), 400)
        assert same.p == 1.0
        assert same.estimate is not None
        assert same.estimate.value == 0


def test_responses_without_prompts_are_checked_too() -> None:
    """Where responses are what is resampled both checks have an interval."""
    scored = without_prompts(np.random.default_rng(0), 60, "all pairs")
    scored = replace(scored, lengths=np.random.default_rng(1).integers(5, 50, 60))
    for check in checks(scored, 200):
        assert check.p is not None
        assert check.estimate is not None
        assert check.estimate.low is not None


def test_what_cannot_be_checked_says_why() -> None:
    """Equal rewards, no lengths, few groups, nothing wrong: each has its reason and no p, or no interval."""
    flat = Predictions.from_pairs(np.ones(30), np.ones(30))
    assert [check.reason for check in checks(flat)] == [
        "all rewards are equal",
        "margins, lengths or verdicts do not vary enough",
        "lengths are not known, or those of the two sides are the same",
    ]
    few = checks(claimed(0, 10, 1.0))[0]
    assert few.reason == "10 groups; an interval needs at least 20"
    assert few.p is None
    assert few.estimate is not None
    perfect = overconfidence(Predictions.from_pairs(np.linspace(1, 2, 40), np.zeros(40)))
    assert perfect.p == 1.0
    assert perfect.estimate is not None
    assert "no best factor" in perfect.estimate.reason
    with pytest.raises(ValueError, match="100 resamples"):
        checks(claimed(0, 30, 1.0), 10)
    json.dumps([check.to_json() for check in checks(flat)], allow_nan=False)
