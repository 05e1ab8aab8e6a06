"""Folds: nothing is judged by a fit that has seen its groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.calibration.folds import cross_fitted, splits, usual
from plaudit.calibration.observed import Uncalibratable
from plaudit.predictions import Predictions
from tests.scored import in_prompts, without_prompts


def groups(scored: Predictions) -> set[int]:
    return set(np.concatenate(scored.comparison_groups).tolist())


@pytest.mark.parametrize("design", ["prompts", "all pairs", "blocks of four", "six a response"])
@settings(max_examples=10, deadline=None)
@given(folds=st.integers(3, 12), seed=st.integers(0, 99))
def test_a_fit_has_never_seen_a_group_that_it_judges(design: str, folds: int, seed: int) -> None:
    """Every comparison is judged once, by comparisons that share no group with any that is judged beside it."""
    rng = np.random.default_rng(seed)
    scored = in_prompts(rng, 30) if design == "prompts" else without_prompts(rng, 40, design)
    judged_at_all = []
    for fit, judged in splits(scored, folds, seed):
        assert not groups(scored.select(fit)) & groups(scored.select(judged))
        judged_at_all += judged.tolist()

    assert sorted(judged_at_all) == list(range(len(scored)))


def test_where_prompts_are_drawn_everything_else_is_fitted_to() -> None:
    """Five folds of 30 prompts: six prompts each, the other 24 to fit to; the same seed deals alike."""
    scored = in_prompts(np.random.default_rng(0), 30)
    dealt = list(splits(scored, 5, seed=3))

    assert [len(groups(scored.select(judged))) for _, judged in dealt] == [6] * 5
    assert all(len(fit) + len(judged) == len(scored) for fit, judged in dealt)
    assert all((one[0] == two[0]).all() for one, two in zip(dealt, splits(scored, 5, seed=3), strict=True))


def test_the_order_of_comparisons_does_not_matter() -> None:
    """Turned round, each comparison still gets the number it got."""
    scored = in_prompts(np.random.default_rng(1), 25)
    turned = scored.select(np.arange(len(scored))[::-1])
    judges = {"mean": lambda seen, unseen: np.full(len(unseen), np.sort(seen.margins).mean())}

    there, back = (cross_fitted(each, judges, 5, 0)["mean"] for each in (scored, turned))
    np.testing.assert_array_equal(there, back[::-1])


def test_responses_need_more_folds() -> None:
    """Eight where responses are drawn, as a fit leaves out two; five else."""
    assert usual(without_prompts(np.random.default_rng(0), 20, "all pairs")) == 8
    assert usual(in_prompts(np.random.default_rng(0), 20)) == 5


@pytest.mark.parametrize(
    ("scored", "folds", "complaint"),
    [
        (in_prompts(np.random.default_rng(0), 19), 5, "19 groups; .* at least 20"),
        (in_prompts(np.random.default_rng(0), 20), 1, "from 2 to 20, the number of groups, not 1"),
        (in_prompts(np.random.default_rng(0), 20), 21, "from 2 to 20, the number of groups, not 21"),
        (without_prompts(np.random.default_rng(0), 24, "pairs apart"), 2, "from 3 to"),
    ],
    ids=["groups", "one fold", "too many", "two folds of responses"],
)
def test_too_few_are_refused(scored: Predictions, folds: int, complaint: str) -> None:
    """Groups and folds that cannot be told apart are refused in words."""
    with pytest.raises(Uncalibratable, match=complaint):
        list(splits(scored, folds, 0))
