"""Slices that differ are found, and among slices that do not, false calls are as rare as claimed."""

import json

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from plaudit.evaluation.discoveries import discoveries
from plaudit.evaluation.evaluate import evaluate
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.predictions import Predictions


def sliced(seed: int, prompts: int = 400, labels: int = 8, worse: int = 0, **slices: list[str]) -> Predictions:
    """Two comparisons a prompt, whose label is drawn; of the first ``worse`` labels the model is wrong more often."""
    rng = np.random.default_rng(seed)
    label = rng.integers(labels, size=prompts).repeat(2)
    level = np.where(label < worse, 0.0, 1.2) + rng.normal(0, 0.5, prompts).repeat(2)
    topics = [f"t{one}" for one in label]
    margins = level + rng.normal(size=2 * prompts)
    group = np.arange(prompts).repeat(2)
    return Predictions.from_pairs(margins, np.zeros(margins.size), group=group, slices={"topic": topics, **slices})


def test_differences_are_those_of_the_parts() -> None:
    """Each label's figure is the accuracy of its part less that of the rest; p by the usual test of two shares."""
    scored = sliced(0, worse=1)
    found = discoveries(scored, ["topic"], 400)
    assert [one.label for one in found] == [f"t{n}" for n in range(8)]
    for one in found:
        inside = scored.slices["topic"] == one.label
        parts = [Accuracy()(scored.select(part)) for part in (inside, ~inside)]
        assert one.difference == pytest.approx(parts[0] - parts[1], abs=1e-12)


def test_q_values_agree_with_scipy_and_statsmodels() -> None:
    """One slice by Benjamini and Hochberg; two slices, all labels together, by Benjamini and Yekutieli."""
    half = ["x" if n % 3 else "y" for n in range(800)]
    one, two = sliced(1, worse=1), sliced(1, worse=1, third=half)
    found = discoveries(one, ["topic"], 400)
    p = [label.p for label in found]
    np.testing.assert_allclose([label.q for label in found], false_discovery_control(p, method="bh"))
    np.testing.assert_allclose([label.q for label in found], multipletests(p, method="fdr_bh")[1])
    assert {label.by for label in found} == {"bh"}

    both = discoveries(two, ["topic", "third"], 400)
    assert {label.by for label in both} == {"by"}
    tested = [label.p for label in both if (label.slice, label.label) != ("third", "y")]
    np.testing.assert_allclose([label.q for label in both][:9], multipletests(tested, method="fdr_by")[1])
    assert both[-1].q == both[-2].q and both[-1].difference == pytest.approx(-both[-2].difference)


def test_a_planted_slice_is_found_and_the_others_are_not() -> None:
    """The label at which the model is at chance is called different, and none stands out as much."""
    calls = [discoveries(sliced(seed, worse=1), ["topic"], 200) for seed in range(20)]
    assert all(found[0].differs and found[0].difference < 0 for found in calls)
    assert all(found[0].q < min(one.q for one in found[1:]) for found in calls)


def test_without_differences_calls_are_rare() -> None:
    """In 200 sets with no difference anywhere, one with any call is as rare as 5 %, plus three standard errors."""
    called = [any(one.differs for one in discoveries(sliced(seed, 200, 5), ["topic"], 200)) for seed in range(200)]
    print(f"false calls: {np.mean(called):.3f}")
    assert np.mean(called) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_small_labels_are_not_tested() -> None:
    """A label with fewer than twenty prompts, or all but so few, gets no p, and does not count among the tests."""
    scored = sliced(0, 200, 2)
    labels = np.array(["rare"] * 38 + ["often"] * 362, dtype=object)
    from dataclasses import replace

    assert discoveries(replace(scored, slices={"topic": labels}), ["topic"], 100) == ()
    assert discoveries(scored, [], 100) == ()
    with pytest.raises(ValueError, match="no slice is called 'sauce'"):
        discoveries(scored, ["sauce"], 100)


def test_an_evaluation_shows_them() -> None:
    """Tables mark what differs and say where there was too little to tell; the JSON has every figure."""
    found = evaluate(sliced(0, worse=1), ["accuracy"], resamples=200)
    written = str(found)
    assert "accuracy less rest" in written and "Benjamini-Hochberg" in written
    [line] = [line for line in written.splitlines() if "t0" in line]
    assert "*" in line
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))["discoveries"]
    assert plain[0]["label"] == "t0" and plain[0]["differs"] is True and plain[0]["by"] == "bh"
