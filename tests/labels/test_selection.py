"""Each selector finds what it is for, by the formula it states, and batches are not many times the same question."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2

from plaudit.labels.batches import CHOSEN, RANDOM, draw
from plaudit.labels.diversity import likeness_of, rank
from plaudit.labels.information import entropy
from plaudit.labels.pool import BadPool, Pool
from plaudit.labels.selection.bald import Bald
from plaudit.labels.selection.d_optimal import DOptimal
from plaudit.labels.selection.disagreement import Disagreement
from plaudit.labels.selection.margin import Margin
from plaudit.labels.selection.random import Random
from tests.labels.pools import drawn


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_margin_takes_what_is_closest_to_even() -> None:
    """Without a term for diversity, the order is that of the margins' sizes."""
    pool = drawn(size=30)
    assert Margin(diversity=0)(pool, 30, rng()).tolist() == np.argsort(np.abs(pool.margins)).tolist()


def test_disagreement_finds_the_planted_split() -> None:
    """Members agree but for two comparisons: these come first, the wider apart before the other."""
    members = np.full((4, 20), 2.0)
    members[:, 7] = [-3, 3, -3, 3]
    members[:, 11] = [-1, 1, 1, 1]
    pool = Pool(np.full(20, 2.0), members)

    assert Disagreement(diversity=0)(pool, 2, rng()).tolist() == [7, 11]
    assert Disagreement(by="votes", diversity=0)(pool, 2, rng()).tolist() == [7, 11]
    assert Disagreement(by="votes").score(pool)[[7, 11]] == pytest.approx([np.log(2), 0.5623351446])


def test_bald_tells_doubt_of_the_model_from_noise_of_labels() -> None:
    """All members say a coin (0), or they are sure of opposite things (1): margin cannot tell these, BALD takes 1."""
    pool = Pool(np.zeros(2), np.array([[0.0, -4.0], [0.0, 4.0]]))

    assert Bald()(pool, 1, rng()).tolist() == [1]
    assert Margin().score(pool).tolist() == [1.0, 1.0]
    assert Bald().score(pool)[0] == 0.0


def test_bald_is_the_mutual_information_of_label_and_member() -> None:
    """By the joint table of member and label, summed cell by cell."""
    pool = drawn(members=5, size=6)
    assert pool.members is not None
    for place in range(6):
        joint = np.array([[expit(m) / 5, expit(-m) / 5] for m in pool.members[:, place]])
        product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
        assert Bald().score(pool)[place] == pytest.approx((joint * np.log(joint / product)).sum())


@pytest.mark.parametrize("precision", [None, 0.3])
def test_d_optimal_is_greedy_by_the_determinant(precision: float | None) -> None:
    """Each place is the one that makes log det(λI + Σ p(1-p) x xᵀ) largest, computed anew for every candidate."""
    pool, count = drawn(size=18, width=4), 7
    assert pool.differences is not None
    rows = pool.differences * np.sqrt(expit(pool.margins) * expit(-pool.margins))[:, None]
    matrix = np.eye(4) * ((rows**2).mean() if precision is None else precision)
    wanted: list[int] = []
    for _ in range(count):
        gains = [-np.inf if i in wanted else np.linalg.slogdet(matrix + np.outer(r, r))[1] for i, r in enumerate(rows)]
        wanted.append(int(np.argmax(gains)))
        matrix = matrix + np.outer(rows[wanted[-1]], rows[wanted[-1]])

    assert DOptimal(precision=precision)(pool, count, rng()).tolist() == wanted


def test_d_optimal_asks_in_every_direction() -> None:
    """Ninety comparisons along one axis and one along each of four others: the first five are along all five."""
    first = np.zeros((94, 5))
    first[:90, 0] = np.linspace(1.0, 1.2, 90)
    first[90:, 1:] = np.eye(4)
    found = DOptimal()(Pool(np.zeros(94), features=(first, 0 * first)), 5, rng()).tolist()

    assert sorted(found)[1:] == [90, 91, 92, 93]


def test_d_optimal_takes_the_pools_units() -> None:
    """A pool that states its precision is designed for with it, so what is small beside it counts by its length."""
    base = drawn(size=12, width=3)
    stated = Pool(np.zeros(12), features=base.features, precision=1e6)
    assert base.differences is not None
    lengths = (base.differences**2).sum(1)

    assert DOptimal()(stated, 12, rng()).tolist() == np.argsort(-lengths).tolist()
    assert DOptimal(precision=1e-3)(stated, 12, rng()).tolist() != np.argsort(-lengths).tolist()


def test_random_is_uniform() -> None:
    """Each of eight comparisons is drawn equally often, whatever its margin: a chi-squared test at 0.1 %."""
    pool = drawn(size=8)
    counts = np.bincount([int(Random()(pool, 1, rng(seed))[0]) for seed in range(2000)], minlength=8)

    assert ((counts - 250) ** 2 / 250).sum() < chi2.ppf(0.999, 7)


@pytest.mark.parametrize("kind", [Margin, Bald, Disagreement])
def test_a_batch_is_not_the_same_question_many_times(kind: Any) -> None:
    """Of ten copies of the best comparison, turned round or not, one is taken before the next best."""
    direction = np.r_[np.tile([[1.0, 0, 0], [-1.0, 0, 0]], (5, 1)), [[0, 1.0, 0]], [[0, 0, 1.0]]]
    margins = np.r_[np.zeros(10), 0.5, 0.6]
    members = np.stack([margins - 1, margins + 1]) * np.r_[np.full(10, 1.0), 0.9, 0.8]
    pool = Pool(margins, members, (direction, np.zeros((12, 3))))

    assert set(kind()(pool, 3, rng())[1:].tolist()) == {10, 11}
    assert set(kind(diversity=0)(pool, 3, rng()).tolist()) <= set(range(10))


def test_without_features_prompts_are_spread_over() -> None:
    """Four prompts of three equal comparisons: the first four places are of four prompts."""
    pool = Pool(np.zeros(12), groups=np.arange(12) // 3)
    assert sorted(pool.groups[Margin()(pool, 4, rng())].tolist()) == [0, 1, 2, 3]


def test_diverse_ranking_is_greedy_by_the_determinant() -> None:
    """Each place makes det of √s k √s over the batch largest, computed anew for every candidate."""
    pool = drawn(seed=3, size=15, width=4)
    scores = Margin().score(pool)
    likeness = np.stack([likeness_of(pool)(place) for place in range(15)])
    kernel = likeness * np.sqrt(np.outer(scores, scores))
    wanted: list[int] = []
    for _ in range(6):
        free = [place for place in range(15) if place not in wanted]
        wanted.append(max(free, key=lambda place: np.linalg.det(kernel[np.ix_([*wanted, place], [*wanted, place])])))

    assert rank(scores, pool, 6, 1.0).tolist() == wanted
    assert np.linalg.eigvalsh(likeness).min() > -1e-9


def test_likeness_is_the_squared_cosine() -> None:
    """Whichever way round; a comparison without any difference is like itself alone."""
    first = np.array([[1.0, 0.0], [-2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    likeness = likeness_of(Pool(np.zeros(4), features=(first, 0 * first)))

    assert likeness(0) == pytest.approx([1, 1, 0.5, 0])
    assert likeness(3) == pytest.approx([0, 0, 0, 1])


def test_what_has_no_worth_is_taken_last() -> None:
    """Scores of 0 follow all others, the newest of them first."""
    pool = drawn(size=6)
    scores = np.array([0.0, 1.0, 0.0, 2.0, 0.0, 0.0])

    assert set(rank(scores, pool, 2, 1.0).tolist()) == {1, 3}
    assert sorted(rank(scores, pool, 6, 1.0).tolist()) == list(range(6))


def test_entropy_of_coins() -> None:
    """One bit, ln 2, for an even one, 0 for a sure one."""
    assert entropy(np.array([0.5, 0.0, 1.0])).tolist() == [np.log(2), 0.0, 0.0]


def test_arms_are_spread_over_the_batch() -> None:
    """Ten random ones of a hundred: every tenth of the batch holds one."""
    batch = draw(Margin(), drawn(size=200), 100, random_share=0.1, seed=1)
    assert [(batch.arms[start : start + 10] == RANDOM).sum() for start in range(0, 100, 10)] == [1] * 10
    assert (batch.arms == CHOSEN).sum() == 90


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, np.nan])
def test_a_batch_without_a_random_arm_is_refused(share: float) -> None:
    """Some are always drawn at random, or nothing could be held against what was chosen."""
    with pytest.raises(ValueError, match="random_share must be above 0 and at most 1"):
        draw(Margin(), drawn(), 10, random_share=share)


@pytest.mark.parametrize("count", [0, 41])
def test_a_batch_larger_than_the_pool_is_refused(count: int) -> None:
    """The message says what can be asked for."""
    with pytest.raises(BadPool, match=f"{count} comparisons cannot be chosen from a pool of 40; ask for 1 to 40"):
        draw(Margin(), drawn(), count)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Margin(diversity=-1), "diversity must be a finite number, 0 or more, not -1"),
        (lambda: Bald(diversity=np.inf), "diversity must be a finite number"),
        (lambda: Disagreement(by="size"), "by must be one of spread, votes, not 'size'"),  # type: ignore[arg-type]
        (lambda: DOptimal(precision=0), "precision must be a finite number above 0, not 0"),
    ],
)
def test_settings_out_of_range_are_refused(made: Any, message: str) -> None:
    """The message names the setting and its range."""
    with pytest.raises(ValueError, match=message):
        made()


def test_the_random_arm_is_a_fair_sample() -> None:
    """Whatever chooses the rest: each of ten comparisons is in the random arm equally often."""
    pool = drawn(size=10)
    counts = np.zeros(10)
    for seed in range(400):
        counts[draw(Margin(diversity=0), pool, 5, random_share=0.2, seed=seed).of(RANDOM)] += 1

    assert ((counts - 40) ** 2 / 40).sum() < chi2.ppf(0.999, 9)


def test_two_of_a_kind_are_never_both_first() -> None:
    """Over all pairs of four equal directions, a batch of two has two directions."""
    first = np.repeat(np.eye(4), 2, axis=0)
    for seed in range(5):
        pair = Margin()(Pool(np.zeros(8), features=(first, 0 * first)), 2, rng(seed)).tolist()
        assert tuple(sorted(pair)) not in [(i, j) for i, j in combinations(range(8), 2) if i // 2 == j // 2]
