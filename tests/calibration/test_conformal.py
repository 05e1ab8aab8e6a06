"""Abstention: the stated rate is kept in simulation, whatever the model, and the rule is the one that is defined."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plaudit.calibration.conformal import Abstention, abstain, abstention
from plaudit.calibration.observed import Uncalibratable
from plaudit.predictions import Predictions
from tests.scored import in_prompts, predictions, without_prompts


def by_definition(scored: Predictions, error: float) -> float:
    """The least candidate at which the sum over groups of shares reaches (1 - error) (G + 1), in exact fractions."""
    rows: dict[int, list[tuple[Fraction, Fraction, float]]] = {}
    groups = scored.comparison_groups[0].tolist()
    columns = (groups, scored.margins.tolist(), scored.outcome.tolist(), scored.weight.tolist())
    for group, margin, outcome, weight in zip(*columns, strict=True):
        if weight:
            rows.setdefault(group, []).append((Fraction(weight), Fraction(outcome), margin))
    wanted = (1 - Fraction(str(error))) * (len(rows) + 1)  # 0.3 as it is written, not as a double holds it
    for theta in sorted({0.0, *(abs(margin) for own in rows.values() for *_, margin in own)}):
        reached = sum(
            sum(w * (y * (m >= -theta) + (1 - y) * (-m >= -theta)) for w, y, m in own) / sum(w for w, *_ in own)
            for own in rows.values()
        )
        if reached >= wanted:
            return theta
    raise AssertionError("too few groups")


@settings(max_examples=40, deadline=None)
@given(scored=predictions(fewest=5), data=st.data(), error=st.sampled_from([0.25, 0.3, 0.45]))
def test_the_threshold_is_the_one_defined(scored: Predictions, data: st.DataObject, error: float) -> None:
    """On ties, weights and groups of several comparisons, by sums of fractions."""
    assume((scored.weight > 0).any())
    margins = scored.margins
    group = np.array(data.draw(st.lists(st.integers(0, 6), min_size=len(margins), max_size=len(margins))))
    grouped = Predictions.from_pairs(
        margins, np.zeros(len(margins)), outcome=scored.outcome, weight=scored.weight, group=group
    )
    assume(grouped.group_count >= 1 / error - 1)
    assert abstention(grouped, error).threshold == by_definition(grouped, error)


def missed(rule: Abstention, scored: Predictions) -> float:
    """Mean over groups of the share that is decided wrongly."""
    wrong = rule.decides(scored.margins) * np.where(scored.outcome == 0.5, 0.5, scored.margins < 0)
    group = np.unique(scored.comparison_groups[0], return_inverse=True)[1]
    return float(np.mean(np.bincount(group, wrong) / np.bincount(group)))


def uneven(rng: np.random.Generator, groups: int) -> Predictions:
    """One to twelve comparisons a prompt; large prompts are harder, heavy tails, one tie in ten."""
    sizes = rng.integers(1, 13, groups)
    group = np.repeat(np.arange(groups), sizes)
    margins = rng.standard_t(2, group.size) + rng.normal(0, 1, groups)[group] + (1.5 - 0.1 * sizes)[group]
    outcome = np.where(rng.random(group.size) < 0.1, 0.5, 1.0)
    return Predictions.from_pairs(margins, np.zeros(group.size), group=group, outcome=outcome)


@pytest.mark.parametrize(("make", "error"), [(in_prompts, 0.1), (uneven, 0.2)], ids=["prompts", "uneven prompts"])
def test_the_stated_rate_is_kept(make: object, error: float) -> None:
    """Over 400 fits to 60 groups, each judged on 300 new ones: at most the rate, and no more than 2 points below."""
    rates = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        rates.append(missed(abstention(make(rng, 60), error), make(rng, 300)))
    standard_error = np.std(rates) / np.sqrt(len(rates))

    assert np.mean(rates) <= error + 3 * standard_error
    assert np.mean(rates) >= error - 1 / 61 - 0.02


@pytest.mark.parametrize("design", ["blocks of four", "six a response"])
def test_the_stated_rate_is_kept_where_responses_are_drawn(design: str) -> None:
    """Comparisons share responses; a rule fitted to those that share none keeps the rate on new responses."""
    rates = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        rule, new = abstention(without_prompts(rng, 80, design), 0.2), without_prompts(rng, 80, design)
        rates.append(float(np.mean(rule.decides(new.margins) & (new.margins < 0))))
    standard_error = np.std(rates) / np.sqrt(len(rates))

    assert np.mean(rates) <= 0.2 + 3 * standard_error
    assert np.mean(rates) >= 0.2 - 0.06


def test_a_lower_rate_decides_less() -> None:
    """Thresholds rise as the rate falls; at a rate the model keeps anyway everything but equal rewards is decided."""
    scored = in_prompts(np.random.default_rng(0), 300)
    thresholds = [abstention(scored, error).threshold for error in (0.4, 0.2, 0.1, 0.05, 0.01)]

    assert thresholds == sorted(thresholds) and thresholds[0] == 0 < thresholds[2]
    assert Abstention(0.4, 0.0, 300).decides([1e-9, -2.0, 0.0]).tolist() == [True, True, False]


def test_what_is_seen_on_unseen_groups_is_told() -> None:
    """Shares add up, errors among all stay near the rate and below those without abstaining; text and JSON say so."""
    scored = in_prompts(np.random.default_rng(1), 400)
    found = abstain(scored, 0.1, resamples=200)
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))

    assert found.wrong.value == pytest.approx(found.decided.value * found.wrong_if_decided.value, rel=1e-9)
    assert found.wrong.low <= 0.1 < found.wrong_without.value
    assert found.wrong_without.value == pytest.approx(float(np.mean(scored.margins < 0)))
    assert 0.3 < found.decided.value < 0.95
    assert "at most 10.0% of comparisons" in found.sentence and "split conformal, 400 groups" in found.sentence
    assert (
        Abstention.of_record(stored["abstention"])
        == found.abstention
        == Abstention.of_record(found.abstention.record())
    )


def test_nothing_decided_is_told() -> None:
    """Where the largest errors are as large as all margins, nothing is decided and no error rate is made up."""
    margins = np.where(np.arange(60) % 2, 1.0, -1.0) * 2.0
    found = abstain(Predictions.from_pairs(margins, np.zeros(60)), 0.1, resamples=100)

    assert found.decided.value == 0 and found.decided.high < 0.1
    assert found.wrong_if_decided.reason == "nothing is decided"
    assert found.to_json()["wrong_if_decided"]["value"] is None


@pytest.mark.parametrize(
    ("groups", "error", "complaint"),
    [(19, 0.04, "at least 24 groups; there are 19"), (98, 0.01, "at least 99 groups; there are 98")],
)
def test_too_few_groups_for_the_rate_are_refused(groups: int, error: float, complaint: str) -> None:
    """The message says how many it takes; that many are enough."""
    rng = np.random.default_rng(0)
    with pytest.raises(Uncalibratable, match=complaint):
        abstention(in_prompts(rng, groups), error)
    assert abstention(in_prompts(rng, round(1 / error) - 1), error).threshold >= 0


def test_too_few_responses_for_the_rate_are_refused() -> None:
    """Where responses are drawn it is comparisons that share none which are counted."""
    with pytest.raises(Uncalibratable, match="at least 49 comparisons that share no response; there are"):
        abstention(without_prompts(np.random.default_rng(0), 60, "all pairs"), 0.02)


@pytest.mark.parametrize("error", [0.0, 0.5, 1.0, -0.1, float("nan")])
def test_a_rate_that_is_none_is_refused(error: float) -> None:
    """Above 0 and below one half."""
    with pytest.raises(ValueError, match="an error rate is above 0 and below 0.5"):
        abstention(in_prompts(np.random.default_rng(0), 30), error)


def test_bad_input_is_refused() -> None:
    """Nothing to fit to, a margin that is NaN, a record of something else."""
    scored = in_prompts(np.random.default_rng(0), 30)
    with pytest.raises(Uncalibratable, match="none of positive weight"):
        abstention(replace(scored, weight=np.zeros(len(scored))), 0.1)
    with pytest.raises(ValueError, match="margin 1 is NaN"):
        abstention(scored, 0.1).decides([1.0, np.nan])
    with pytest.raises(ValueError, match="a record of abstention holds"):
        Abstention.of_record({"threshold": 1.0})
    with pytest.raises(ValueError, match="a threshold is a finite number from 0"):
        Abstention.of_record({"error": 0.1, "threshold": -1.0, "groups": 3})
