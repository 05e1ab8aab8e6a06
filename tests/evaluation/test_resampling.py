"""Resamples are weights with the right first and second moments, in bounded memory, whatever the block."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from plaudit.evaluation import resampling
from plaudit.evaluation.metrics import choose
from plaudit.evaluation.resampling import Units, draws, pair_draws, values
from plaudit.predictions import Floats, Predictions
from tests.memory import PEAK
from tests.scored import in_prompts, without_prompts


def drawn(units: Units, resamples: int) -> Floats:
    return np.concatenate([block.weights for block in draws(units, resamples, np.random.SeedSequence(0))])


def test_prompts_are_drawn_whole() -> None:
    """All comparisons of a prompt get one weight, the prompt's multiplicity; multiplicities sum to the prompts."""
    scored = in_prompts(np.random.default_rng(0), 40)
    units = Units.of(scored)
    weights = drawn(units, 200)
    for group in range(units.count):
        own = weights[:, units.left == group]
        assert (own == own[:, :1]).all()
    firsts = weights[:, np.unique(units.left, return_index=True)[1]]
    assert (firsts.sum(axis=1) == units.count).all()
    assert firsts.var() == pytest.approx(1 - 1 / units.count, rel=0.1)


def test_a_comparison_weighs_the_product_of_its_sides() -> None:
    """Between two responses the weight is the product of their multiplicities; inside one group it counts once."""
    scored = without_prompts(np.random.default_rng(0), 40, "all pairs")
    inside = replace(scored, response_group=np.where(np.arange(40) < 4, 0, scored.response_group))
    units = Units.of(inside)
    assert units.count == 37
    for block in draws(units, 50, np.random.SeedSequence(0)):
        product = block.counts[:, units.left] * block.counts[:, units.right]
        once = block.counts[:, units.left]
        np.testing.assert_array_equal(block.weights, np.where(units.left == units.right, once, product))


def test_pairs_fall_together() -> None:
    """Every comparison of one pair of groups shares one coin, 0 or 2, whichever side was chosen; inside it is 1."""
    rewards, chosen, rejected = np.zeros(4), np.array([0, 1, 0, 2, 3]), np.array([1, 0, 2, 3, 2])
    ones = np.ones(5)
    scored = Predictions(
        rewards=rewards,
        chosen=chosen,
        rejected=rejected,
        outcome=ones,
        weight=ones,
        strength=ones,
        response_group=np.array([5, 6, 8, 8]),
        by_response=True,
        lengths=np.zeros(4, int),
    )
    blocks = pair_draws(Units.of(scored), 400, np.random.SeedSequence(0))
    weights = np.concatenate([block.weights for block in blocks])
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3:] == 1).all()
    assert set(weights[:, [0, 2]].ravel()) == {0.0, 2.0}
    assert np.corrcoef(weights[:, 0], weights[:, 2])[0, 1] == pytest.approx(0, abs=0.15)
    assert weights[:, 0].mean() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("design", ["prompts", "responses"])
def test_the_size_of_a_block_changes_nothing(design: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One resample at a time or all at once: the same values."""
    rng = np.random.default_rng(1)
    scored = in_prompts(rng, 30) if design == "prompts" else without_prompts(rng, 30, "six a response")
    units, metrics = Units.of(scored), choose(["accuracy", "area_under_curve"])
    found = []
    for block in (1, 333, 10**6):
        monkeypatch.setattr(resampling, "BLOCK", block)
        by_group = values(metrics, scored, units, draws(units, 60, np.random.SeedSequence(3)))
        by_pair = values(metrics, scored, units, pair_draws(units, 60, np.random.SeedSequence(3)))
        found.append([*by_group.values(), *by_pair.values()] if units.crossed else [*by_group.values()])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-12)


def test_a_block_is_bounded() -> None:
    """However many comparisons and resamples, about a million weights are held at a time."""
    scored = in_prompts(np.random.default_rng(0), 20_000)
    block = next(draws(Units.of(scored), 10_000, np.random.SeedSequence(0)))
    parts = list(block.parts())
    assert block.counts.size <= resampling.BLOCK
    assert max(part.weights.size for part in parts) <= resampling.BLOCK
    np.testing.assert_array_equal(np.concatenate([part.counts for part in parts]), block.counts)


def test_sums_within_groups_give_the_values_of_the_weights() -> None:
    """Summing the terms of a prompt beforehand is exact: every metric of means agrees with the plain form."""
    scored = in_prompts(np.random.default_rng(2), 25)
    scored = replace(scored, weight=np.random.default_rng(0).random(len(scored)))
    units, metrics = Units.of(scored), choose()
    fast = values(metrics, scored, units, draws(units, 20, np.random.SeedSequence(0)))
    weights = drawn(units, 20)
    for name, metric in metrics.items():
        slow = [metric(replace(scored, weight=row)) for row in weights]
        found = np.abs(fast[name]).sum(axis=1) if name == "expected_calibration_error" else fast[name]
        np.testing.assert_allclose(found, slow, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("design", ["all pairs", "six a response"])
def test_sums_over_responses_give_the_values_of_the_weights(design: str) -> None:
    """Quadratic forms, and products where pairs are few, are exact, for comparisons inside one group too."""
    scored = without_prompts(np.random.default_rng(2), 40, design)
    groups = np.where(np.arange(40) < 4, 0, scored.response_group)
    scored = replace(scored, weight=np.random.default_rng(0).random(len(scored)), response_group=groups)
    units, metrics = Units.of(scored), choose()
    assert (units.count**2 <= 4 * len(scored)) == (design == "all pairs")
    assert units.inside.size
    for sample in (draws, pair_draws):
        fast = values(metrics, scored, units, sample(units, 20, np.random.default_rng(0)))
        weights = np.concatenate([block.weights for block in sample(units, 20, np.random.default_rng(0))])
        for name, metric in metrics.items():
            slow = [metric(replace(scored, weight=row)) for row in weights]
            found = np.abs(fast[name]).sum(axis=1) if name == "expected_calibration_error" else fast[name]
            np.testing.assert_allclose(found, slow, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("design", ["all pairs", "pairs apart"])
def test_a_metric_has_the_same_digits_alone_as_among_others(design: str) -> None:
    """What else is measured does not change a value in its last digit."""
    scored = without_prompts(np.random.default_rng(3), 40, design)
    units, metrics = Units.of(scored), choose()
    together = values(metrics, scored, units, draws(units, 20, np.random.SeedSequence(0)))
    for name, metric in metrics.items():
        alone = values({name: metric}, scored, units, draws(units, 20, np.random.SeedSequence(0)))
        np.testing.assert_array_equal(alone[name], together[name])


def test_many_groups_are_drawn_in_bundles_of_whole_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit groups are thrown together by chance, about as many each; a group is never divided."""
    monkeypatch.setattr(resampling, "MOST", 100)
    scored = in_prompts(np.random.default_rng(0), 1050)
    units = Units.of(scored)
    count, bundle = units.bundles
    assert count == 100
    assert len({*zip(units.left.tolist(), bundle.tolist(), strict=True)}) == 1050
    sizes = np.bincount(bundle[np.unique(units.left, return_index=True)[1]])
    assert {*sizes.tolist()} == {10, 11}
    weights = drawn(units, 20)
    assert all((weights[:, bundle == one].std(axis=1) == 0).all() for one in range(100))


@pytest.mark.parametrize("design", ["prompts", "responses"])
def test_bundles_leave_the_spread_what_it_is(design: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thousand bundles of prompts, or of pairs, standard errors are within 8 % of those without."""
    rng = np.random.default_rng(1)
    scored = in_prompts(rng, 5000) if design == "prompts" else without_prompts(rng, 400, "six a response")
    sample, metrics = draws if design == "prompts" else pair_draws, choose(["accuracy", "log_likelihood", "brier"])
    found = []
    for most in (10**9, 1000):
        monkeypatch.setattr(resampling, "MOST", most)
        resampled = values(metrics, scored, Units.of(scored), sample(Units.of(scored), 1500, np.random.SeedSequence(3)))
        found.append([own.std() for own in resampled.values()])
    np.testing.assert_allclose(found[1], found[0], rtol=0.08)


@pytest.mark.parametrize("design", ["prompts", "responses"])
def test_in_large_sets_a_tangent_is_the_curve(design: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resample by resample the tangent of the AUC is its value, but for a small part of the standard error."""
    rng = np.random.default_rng(1)
    scored = in_prompts(rng, 2000) if design == "prompts" else without_prompts(rng, 600, "six a response")
    units, metrics, found = Units.of(scored), choose(["area_under_curve"]), []
    for many in (10**9, 100):
        monkeypatch.setattr(resampling, "MANY", many)
        by_group = values(metrics, scored, units, draws(units, 300, np.random.SeedSequence(3)))
        found.append(by_group["area_under_curve"])
    exact, tangent = found
    assert (exact != tangent).any()
    assert np.abs(exact - tangent).max() < 0.2 * exact.std()
    assert tangent.std() == pytest.approx(exact.std(), rel=0.05)


@pytest.mark.slow
def test_a_million_comparisons_are_quick_and_small() -> None:
    """All metrics of a million comparisons with 2,000 resamples in under 20 seconds of processor time, and 2 GB."""
    program = (
        f"{PEAK}\n"
        "import time, numpy as np\n"
        "from plaudit.evaluation.intervals import intervals\n"
        "from plaudit.evaluation.metrics import choose\n"
        "from plaudit.predictions import Predictions\n"
        "rng = np.random.default_rng(0)\n"
        "scored = Predictions.from_pairs(rng.normal(0.5, 1, 10**6), rng.normal(0, 1, 10**6))\n"
        "begin = time.process_time()\n"
        "found = intervals(choose(), scored)['accuracy']\n"
        "wanted = 2 * 1.96 * np.sqrt(found.value * (1 - found.value) / 10**6)\n"
        "print(time.process_time() - begin, peak() / 1e9,\n"
        "      (found.high - found.low) / wanted)"
    )
    alone = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=alone)
    seconds, gigabytes, width = map(float, run.stdout.split())
    print(f"{seconds:.1f} s, {gigabytes:.2f} GB")
    assert seconds < 20
    assert gigabytes < 2
    assert width == pytest.approx(1, abs=0.08)


def test_large_sets_share_what_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept or drawn anew, in blocks of any size, multiplicities of bundles are the same; one set of them is kept."""
    monkeypatch.setattr(resampling, "MOST", 50)
    sets = [Units.of(in_prompts(np.random.default_rng(seed), groups)) for seed, groups in ((0, 80), (1, 120))]
    resampling._kept.cache_clear()
    kept = [np.concatenate([block.counts for block in draws(units, 30, np.random.SeedSequence(7))]) for units in sets]
    assert resampling._kept.cache_info().hits == 1
    monkeypatch.setattr(resampling, "BLOCK", 130)
    kept.append(np.concatenate([block.counts for block in draws(sets[0], 30, np.random.SeedSequence(7))]))
    monkeypatch.setattr(resampling, "KEPT", 0)
    anew = np.concatenate([block.counts for block in draws(sets[0], 30, np.random.SeedSequence(7))])

    for own in kept:
        np.testing.assert_array_equal(own, anew)
    assert (anew.sum(axis=1) == 50).all() and anew.dtype == np.float64
    other = next(draws(sets[0], 30, np.random.SeedSequence(8))).counts
    assert not np.array_equal(other, anew[: len(other)])
