"""Rewards as they are, adjusted for length and divided by it: figures against other computations."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import spearmanr

from plaudit.calibration.debiasing import (
    ADJUSTED,
    DIVIDED,
    RAW,
    NegativeRewards,
    debias,
    per_length,
)
from plaudit.calibration.lengths import cross_adjusted
from plaudit.calibration.observed import Uncalibratable
from plaudit.evaluation.length_bias import AtEqualVerdict
from plaudit.predictions import Predictions
from tests.calibration.test_lengths import paid_by_length
from tests.scored import in_prompts, predictions


def by_regression(scored: Predictions) -> float:
    """Correlation of what is left of margin and difference in log-length after regressing both on the verdict."""
    logs = np.log1p(scored.lengths)
    apart = logs[scored.chosen] - logs[scored.rejected]
    verdict = np.where(scored.outcome == 1, 1.0, 0.0)
    both = [np.concatenate([column, -column]) for column in (scored.margins, apart, verdict)]
    root = np.sqrt(np.tile(scored.weight, 2))
    m, d, y = (column * root for column in both)
    left = [column - y * (np.linalg.lstsq(y[:, None], column, rcond=None)[0]) for column in (m, d)]
    return float(left[0] @ left[1] / np.sqrt((left[0] @ left[0]) * (left[1] @ left[1])))


@settings(max_examples=60, deadline=None)
@given(scored=predictions(fewest=6))
def test_the_partial_correlation_is_that_of_residuals(scored: Predictions) -> None:
    """By regression, on ties and weights; NaN only where nothing is left to correlate."""
    if not (scored.weight > 0).any():
        return
    found = AtEqualVerdict()(scored)
    if np.isfinite(found):
        assert found == pytest.approx(by_regression(scored), abs=1e-5)
        assert -1 <= found <= 1


def test_it_tells_pay_for_length_from_quality_that_is_long() -> None:
    """Longer responses that are better leave it at 0; pay for length beside quality does not."""
    rng = np.random.default_rng(0)
    paid = paid_by_length(1, 3000)
    apart = rng.normal(0.5, 1, 3000)  # the better response is longer, and its margin knows nothing of it
    base = np.full(3000, 5000)
    fair = Predictions.from_pairs(
        rng.normal(1, 1, 3000), np.zeros(3000), lengths=((base * np.exp(apart)).astype(int), base)
    )
    assert AtEqualVerdict()(paid) > 0.5
    assert abs(AtEqualVerdict()(fair)) < 0.05


def test_the_table_holds_what_it_says() -> None:
    """Accuracy, change and correlations of each way by SciPy and means; the adjustment brings the correlation to 0."""
    scored = paid_by_length(2, 1000)
    scored = replace(scored, rewards=scored.rewards - scored.rewards.min() + 1)
    found = debias(scored, resamples=200)
    made = {RAW: scored, ADJUSTED: cross_adjusted(scored), DIVIDED: per_length(scored)}

    assert list(found.ways) == list(made) and found.refused == ""
    for name, way in found.ways.items():
        own = made[name]
        assert way.accuracy.value == pytest.approx(np.mean(own.margins > 0))
        assert way.change.value == pytest.approx(np.mean(own.margins > 0) - np.mean(scored.margins > 0), abs=1e-12)
        assert way.correlation.value == pytest.approx(spearmanr(own.rewards, own.lengths).statistic)
        assert way.at_equal_verdict.value == pytest.approx(by_regression(own), abs=1e-6)
        assert way.accuracy.low is not None and way.correlation.low is not None
    raw, adjusted = found.ways[RAW], found.ways[ADJUSTED]
    assert raw.correlation.low > 0.3 and adjusted.correlation.low < 0.03
    assert abs(adjusted.correlation.value) < 0.03 and adjusted.change.low > 0
    assert (raw.change.value, raw.change.low, raw.change.high) == (0, 0, 0)


def test_negative_rewards_are_not_divided_unless_asked_for() -> None:
    """Refused with their number and why; where allowed, the longer of two equally bad responses gets more."""
    bad = Predictions.from_pairs([-4.0, 2.0], [-4.0, 1.0], lengths=([100, 10], [10, 10]))
    with pytest.raises(NegativeRewards, match="2 of 4 rewards are below 0; .* the longer"):
        per_length(bad)
    assert per_length(bad, on_negative="allow").margins[0] > 0

    found = debias(paid_by_length(3, 200, pay=0.1), resamples=100)
    assert list(found.ways) == [RAW, ADJUSTED]
    assert found.refused.startswith("divided by length: ") and "below 0" in found.refused


def test_tokens_are_divided_by_where_they_are_given() -> None:
    """By counts, not characters; an empty response counts as one character."""
    scored = Predictions.from_pairs([6.0], [2.0], lengths=([300], [0]))
    assert per_length(scored, counts=[3, 2]).rewards.tolist() == [2.0, 1.0]
    assert per_length(scored).rewards.tolist() == [0.02, 2.0]


@pytest.mark.parametrize("counts", [[1], [0, 1], [np.nan, 1], [[1, 2]]])
def test_counts_that_are_none_are_refused(counts: list[float]) -> None:
    """One number of 1 or more a response."""
    with pytest.raises(ValueError, match="counts must be 2 finite numbers of 1 or more"):
        per_length(Predictions.from_pairs([6.0], [2.0], lengths=([3], [4])), counts)


def test_it_can_be_written_and_read() -> None:
    """JSON without NaN, a sentence with both correlations, a table of all ways."""
    found = debias(paid_by_length(4, 100), resamples=100)
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))

    assert stored["record"] == found.adjustment.record() and stored["comparisons"] == 100
    assert set(stored["ways"]) == set(found.ways)
    assert "accuracy changes by" in found.sentence and str(found.ways[ADJUSTED].correlation) in found.sentence
    assert found.table().row_count == len(found.ways)


def test_what_has_no_lengths_or_few_groups_is_refused() -> None:
    """In words of the whole set."""
    with pytest.raises(Uncalibratable, match="no lengths are known"):
        debias(in_prompts(np.random.default_rng(0), 40))
    with pytest.raises(Uncalibratable, match="10 groups"):
        debias(paid_by_length(5, 10))
    with pytest.raises(ValueError, match="no lengths are known; give the number of tokens"):
        per_length(Predictions.from_pairs([6.0], [2.0]))
