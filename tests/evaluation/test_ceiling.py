"""The ceiling by agreement: the formula, its inverse, its bounds, and the votes it is measured from."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.evaluation.ceiling import Agreement, agreements, ceiling, highest
from plaudit.predictions import Predictions


def votes(shares: np.ndarray, each: int, seed: int = 0) -> Predictions:
    """``each`` people judge two responses of every prompt, a share of whom prefers the first."""
    rng = np.random.default_rng(seed)
    count = shares.size
    first, prompt = (rng.random((count, each)) < shares[:, None]).ravel(), np.repeat(np.arange(count), each)
    return Predictions(
        rewards=np.tile([1.0, 0.0], count),
        chosen=2 * prompt + ~first,
        rejected=2 * prompt + first,
        outcome=np.ones(count * each),
        weight=np.ones(count * each),
        strength=np.full(count * each, np.nan),
        response_group=np.arange(2 * count) // 2,
        lengths=np.zeros(2 * count, int),
    )


@given(st.floats(0.5, 1))
def test_the_formula_is_the_inverse_of_agreement(reliability: float) -> None:
    """People who are right with probability q agree with q² + (1 - q)², and that gives q back."""
    assert highest(reliability**2 + (1 - reliability) ** 2) == pytest.approx(reliability, abs=1e-7)


@pytest.mark.parametrize(("agreement", "wanted"), [(0.63, 0.755), (0.657, 0.780), (0.726, 0.836), (0.77, 0.867)])
def test_known_values(agreement: float, wanted: float) -> None:
    """The values known for four data sets."""
    assert highest(agreement) == pytest.approx(wanted, abs=6e-4)


def test_below_chance_is_chance_and_nonsense_is_refused() -> None:
    """An agreement below one half has a ceiling of one half; one outside of 0 to 1 is none."""
    assert highest(0.45) == 0.5
    with pytest.raises(ValueError, match="from 0 to 1, not 1.2"):
        highest(1.2)


@pytest.mark.parametrize("each", [2, 3, 5])
def test_equally_hard_comparisons_reach_the_highest(each: int) -> None:
    """Where all people are right with probability 0.8 the ceiling found holds 0.8, however many judge."""
    found = ceiling(votes(np.full(3000, 0.8), each), resamples=400)
    assert found is not None
    assert (found.votes, found.pairs) == (3000 * each, 3000)
    assert found.highest.low is not None and found.highest.high is not None
    assert found.highest.low <= 0.8 <= found.highest.high
    assert found.highest.high - found.highest.low < 0.05


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_true_ceiling_is_between_agreement_and_highest(shares: list[float]) -> None:
    """For any mixture of easy and hard comparisons the best possible accuracy lies between the two."""
    p = np.array(shares)
    agreement, best = float(np.mean(p**2 + (1 - p) ** 2)), float(np.mean(np.maximum(p, 1 - p)))
    assert agreement - 1e-12 <= best <= highest(agreement) + 1e-9


def test_agreement_is_that_of_all_pairs_of_votes() -> None:
    """By a loop over every two votes on the same responses, each vote counting once."""
    scored = votes(np.random.default_rng(1).random(40), 4)
    scored = scored.select(np.random.default_rng(2).permutation(160)[:110])
    by_pair: dict[int, list[int]] = {}
    for chosen in scored.chosen:
        by_pair.setdefault(int(scored.response_group[chosen]), []).append(int(chosen))
    agree = {key: [a == b for a, b in combinations(own, 2)] for key, own in by_pair.items() if len(own) > 1}
    wanted = np.average([np.mean(own) for own in agree.values()], weights=[len(by_pair[key]) for key in agree])
    found = ceiling(scored, resamples=100)

    assert found is not None and found.agreement.value == pytest.approx(wanted)
    assert np.isnan(agreements(scored)[0]).sum() == sum(len(own) == 1 for own in by_pair.values())


def test_without_second_votes_there_is_none() -> None:
    """Single votes, ties, votes of weight 0 and a response against itself say nothing of agreement."""
    assert ceiling(Predictions.from_pairs(np.ones(30), np.zeros(30))) is None
    twice = Predictions.from_pairs(np.ones(1), np.zeros(1)).select([0, 0])
    assert ceiling(twice, resamples=100) is not None
    from dataclasses import replace

    assert ceiling(replace(twice, outcome=np.array([0.5, 1.0]))) is None
    assert ceiling(replace(twice, weight=np.array([0.0, 1.0]))) is None
    assert ceiling(replace(twice, rejected=twice.chosen)) is None


def test_people_of_one_mind_are_not_certain() -> None:
    """Always agreeing is an agreement of 1 with an interval below it."""
    found = ceiling(votes(np.ones(50), 3), resamples=100)
    assert found is not None
    assert found.agreement.value == 1.0 == Agreement()(votes(np.ones(50), 3))
    assert found.agreement.low is not None and 0.9 < found.agreement.low < 1
