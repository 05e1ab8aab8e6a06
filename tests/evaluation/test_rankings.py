"""Order within prompts: SciPy's correlations, prompt by prompt, ties on either side, and intervals by prompts."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from plaudit.evaluation.rankings import Orders, rankings
from plaudit.predictions import Predictions

values = st.sampled_from([-2.0, 0.0, 0.5, 1.0, 3.0])


def ranked(prompts: list[list[tuple[float, float]]], seed: int = 0) -> Predictions:
    """Prompts of (reward, quality) responses in any order; all pairs of a prompt compared by quality, equals tied."""
    rows = [(number, *row) for number, prompt in enumerate(prompts) for row in prompt]
    rows = [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))]
    edges: list[tuple[int, int, float]] = []
    for left, right in combinations(range(len(rows)), 2):
        if rows[left][0] == rows[right][0]:
            better = (left, right) if rows[left][2] >= rows[right][2] else (right, left)
            edges.append((*better, 0.5 if rows[left][2] == rows[right][2] else 1.0))
    table = np.array(edges)
    return Predictions(
        rewards=np.array([row[1] for row in rows]),
        chosen=table[:, 0].astype(int),
        rejected=table[:, 1].astype(int),
        outcome=table[:, 2],
        weight=np.ones(len(table)),
        strength=np.full(len(table), np.nan),
        response_group=np.array([row[0] for row in rows]),
        lengths=np.zeros(len(rows), int),
        ratings={"quality": np.array([row[2] for row in rows])},
    )


def by_scipy(prompts: list[list[tuple[float, float]]]) -> tuple[list[float], list[float], list[float]]:
    """Spearman, tau-b and best-of-n of each prompt with an order, by SciPy and by hand; 0 for equal rewards."""
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    for prompt in prompts:
        x, y = np.array(prompt).T
        if np.ptp(y) == 0:
            continue
        flat = np.ptp(x) == 0
        found[0].append(0.0 if flat else spearmanr(x, y).statistic)
        found[1].append(0.0 if flat else kendalltau(x, y, variant="b").statistic)
        found[2].append(float(np.mean(y[x == x.max()] == y.max())))
    return found


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.tuples(values, values), min_size=3, max_size=7), min_size=1, max_size=5), st.integers(0, 9))
def test_means_are_those_of_scipy(prompts: list[list[tuple[float, float]]], seed: int) -> None:
    """By ratings and by comparisons alike, with ties of either side, in any order of the responses."""
    found = rankings(ranked(prompts, seed), resamples=100)
    wanted = by_scipy(prompts)
    if not wanted[0]:
        assert found == ()
        return
    assert [one.truth for one in found] == ["comparisons", "quality"]
    for one in found:
        means = (one.spearman.value, one.kendall.value, one.best_of_n.value)
        assert means == pytest.approx([np.mean(own) for own in wanted], abs=1e-9)
        assert one.prompts == len(wanted[0])
        assert one.level == len(prompts) - len(wanted[0])


def drawn(prompts: int, noise: float, seed: int = 0) -> list[list[tuple[float, float]]]:
    """Four to six responses a prompt, rewards being quality with noise."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 7, prompts)
    return [[(q + noise * rng.normal(), q) for q in rng.normal(size=size)] for size in sizes]


def test_intervals_are_by_prompts() -> None:
    """The interval has the width of a mean over prompts; copies of all prompts in their groups do not narrow it."""
    prompts = drawn(150, 1.0)
    scored = ranked(prompts)
    [found] = rankings(scored, ["quality"])
    taus = by_scipy(prompts)[1]
    wanted = 2 * 1.96 * np.std(taus) / np.sqrt(len(taus))
    assert found.kendall.high - found.kendall.low == pytest.approx(wanted, rel=0.1)

    twice = _doubled(scored)
    [copied] = rankings(twice, ["quality"])
    assert copied.prompts == 300
    assert copied.kendall.high - copied.kendall.low == pytest.approx(wanted, rel=0.1)


def _doubled(scored: Predictions) -> Predictions:
    """Every prompt twice, the copy in the same group."""
    size = scored.rewards.size
    columns: dict[str, Any] = {name: np.tile(getattr(scored, name), 2) for name in ("outcome", "weight", "strength")}
    columns |= {name: np.tile(getattr(scored, name), 2) for name in ("rewards", "response_group", "lengths")}
    edges = {name: np.r_[getattr(scored, name), getattr(scored, name) + size] for name in ("chosen", "rejected")}
    return Predictions(**columns, **edges, ratings={"quality": np.tile(scored.ratings["quality"], 2)})


def test_a_perfect_order_is_one_and_not_certain() -> None:
    """A model with people's order has 1 in all three, with an interval that is not of width 0; the reverse has -1."""
    prompts = [[(q, q) for _, q in prompt] for prompt in drawn(40, 0.0)]
    [one] = rankings(ranked(prompts), ["quality"])
    [other] = rankings(ranked([[(-x, y) for x, y in prompt] for prompt in prompts]), ["quality"])

    assert (one.spearman.value, one.kendall.value, one.best_of_n.value) == pytest.approx((1, 1, 1))
    assert (other.spearman.value, other.kendall.value, other.best_of_n.value) == pytest.approx((-1, -1, 0))
    assert one.best_of_n.low == pytest.approx(0.025 ** (1 / 40))
    assert one.kendall.low == pytest.approx(2 * 0.025 ** (1 / 40) - 1)


def test_a_silent_model_gets_nothing() -> None:
    """Equal rewards are correlation 0 and the best by chance; how many prompts are so is counted."""
    prompts = [[(1.0, float(place)) for place in range(5)] for _ in range(30)]
    [found] = rankings(ranked(prompts), ["quality"])
    assert (found.spearman.value, found.kendall.value, found.silent) == (0.0, 0.0, 30)
    assert found.best_of_n.value == pytest.approx(0.2) == pytest.approx(found.chance)


def test_comparisons_need_every_pair() -> None:
    """A prompt of which some two responses were not compared has no order by comparisons, but one by ratings."""
    scored = ranked(drawn(25, 0.5))
    missing = scored.select(np.arange(1, len(scored)))
    lost = {one.truth: one.prompts for one in rankings(missing)}
    assert lost == {"comparisons": 24, "quality": 25}


def test_missing_ratings_and_small_prompts_are_left_out() -> None:
    """A response without a rating is no part of the order; prompts of two have none, nor have sets without prompts."""
    scored = ranked(drawn(25, 0.5))
    ratings = scored.ratings["quality"].copy()
    ratings[scored.response_group < 5] = np.nan
    [found] = rankings(replace(scored, ratings={"quality": ratings}), ["quality"])
    assert found.prompts == 20
    assert rankings(Predictions.from_pairs(np.ones(30), np.zeros(30))) == ()
    assert rankings(replace(scored, by_response=True)) == ()
    with pytest.raises(ValueError, match="no rating is called 'wit'; there are: quality"):
        rankings(scored, ["wit"])


def test_the_expectation_of_noise_is_nothing() -> None:
    """Rewards that know nothing have correlation 0 and the best response as often as chance, within the interval."""
    rng = np.random.default_rng(3)
    prompts = [[(rng.normal(), y) for _, y in prompt] for prompt in drawn(300, 0.0)]
    [found] = rankings(ranked(prompts), ["quality"])
    assert found.kendall.low < 0 < found.kendall.high
    assert found.best_of_n.low < found.chance < found.best_of_n.high


def test_orders_keep_their_prompts_apart() -> None:
    """Responses may come in any order; each prompt's numbers are its own."""
    prompt = np.array([7, 3, 7, 3, 7, 3])
    found = Orders.of(np.array([1.0, 3, 2, 2, 3, 1]), np.array([1.0, 1, 2, 2, 3, 3]), prompt)
    assert found.kendall.tolist() == [-1.0, 1.0]
    assert found.best.tolist() == [0.0, 1.0]
