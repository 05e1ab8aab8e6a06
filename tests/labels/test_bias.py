"""What people lean to is found, with intervals that hold, and can be taken off."""

import json

import numpy as np
import pytest
from scipy.optimize import check_grad

from plaudit.labels.aggregation.majority import Majority
from plaudit.labels.aggregation.unbiased import Unbiased
from plaudit.labels.bias import bias
from plaudit.labels.bootstrap import estimate
from plaudit.labels.logistic import Design, Logistic
from plaudit.labels.votes import Votes
from tests.labels.crowds import crowd, leaning


def test_the_gradient_is_that_of_the_density() -> None:
    """By finite differences; items' own gradients add up to the whole but for the priors."""
    design = Design.of(leaning(items=30)[0])
    values = 0.3 * np.random.default_rng(0).normal(size=design.size)
    priors = np.concatenate([values[:1] / 4, values[1:3] / 9, values[3:]])

    assert check_grad(lambda x: design.loss(x)[0], lambda x: design.loss(x)[1], values) < 1e-4
    assert design.loss(values)[1] == pytest.approx(priors - design.by_item(values).sum(0))


def test_planted_leanings_are_found_by_all_and_by_each() -> None:
    """Intervals hold what was planted, and the one who leans further is told from the others."""
    votes, _ = leaning(items=400, own={0: 1.5})
    found = bias(votes)
    alone = found.annotators["p0"].side

    assert found.everybody.side.low < 0.7 + 1.5 / 6 < found.everybody.side.high
    assert found.everybody.length.low < 0.3 < found.everybody.length.high
    assert found.everybody.left.low > 0.5
    assert alone.low < 2.2 < alone.high
    assert all(one.side.high < alone.low for name, one in found.annotators.items() if name != "p0")
    assert json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say() -> None:
    """Of 40 samples, side and length miss as seldom as chance has it at 95 %."""
    held = np.zeros(2)
    for seed in range(40):
        found = bias(leaning(items=120, people=4, seed=seed)[0], resamples=200).everybody
        for place, (one, truth) in enumerate(((found.side, 0.7), (found.length, 0.3))):
            held[place] += one.low <= truth <= one.high
    assert (held / 40 >= 0.85).all()


def test_intervals_of_people_with_few_votes_hold_too() -> None:
    """Sixty people lean each their own way and give about eight votes: 95 % intervals hold as often as they say."""
    held, width = [], []
    for seed in range(3):
        own = dict(enumerate(np.random.default_rng(seed + 6).normal(0, 1, 60)))
        found = bias(leaning(items=120, people=60, each=4, own=own, seed=seed + 2)[0], resamples=300).annotators
        for one, lean in own.items():
            side = found[f"p{one}"].side
            held.append(side.low <= 0.7 + lean <= side.high)
            width.append(side.high - side.low)

    assert 0.9 <= np.mean(held) <= 0.98
    assert np.mean(width) > 2


def test_who_always_takes_the_left_has_a_finite_side() -> None:
    """Of 200 votes all are for the left: surely beyond 0.95, and a number; a single vote says next to nothing."""
    rng = np.random.default_rng(0)
    swapped = rng.integers(0, 2, 200)
    votes = Votes.from_arrays(np.repeat(np.arange(100), 2), ["a", "b"] * 100, 1 - 2 * swapped, swapped=swapped)
    found = bias(votes, resamples=100)
    single = bias(Votes.from_arrays([0], ["a"], [1], swapped=[0]), resamples=100).everybody.side

    assert 0.95 < found.everybody.left.value < 1 - 1e-6 and 3 < found.annotators["a"].side.value < 12
    assert 0 < single.value < 3 and single.low is None


def test_a_planted_side_is_removed() -> None:
    """The better response mostly stood on the right; the majority then errs to the left, the unbiased does not.

    Correct labels gained, with an interval over items that excludes none; labels for the left as often as is right.
    """
    votes, worth = leaning(items=600, side=1.2, length=0.0, left=0.3)
    right = {}
    for method in (Majority(), Unbiased()):
        first = method(votes).probabilities[:, 0] > method(votes).probabilities[:, 2]
        right[type(method).__name__] = (first == (worth > 0)).astype(float)
    gain = np.stack([right["Unbiased"] - right["Majority"], np.ones(600)], axis=1)
    found = estimate(gain, lambda sums: sums[..., 0] / sums[..., 1], votes.items.group)

    assert found.low > 0.03
    again = Votes.from_arrays(votes.item, [votes.annotators[one] for one in votes.annotator], votes.label)
    assert np.isnan(bias(again, resamples=100).everybody.left.value)  # nothing known of sides, nothing said


def test_length_is_taken_off_only_if_asked() -> None:
    """Of items worth the same, the longer is preferred unless length is taken off."""
    votes, _ = leaning(items=300, length=1.0, side=0.0)
    longer = votes.items.characters[:, 0] > votes.items.characters[:, 1]
    shares = [Unbiased(length=off)(votes).probabilities[:, 0] for off in (False, True)]
    gaps = [one[longer].mean() - one[~longer].mean() for one in shares]

    assert gaps[0] > 0.2 > 3 * abs(gaps[1])


def test_without_leanings_nothing_is_found() -> None:
    """Honest votes: the intervals hold 0, and half for the left."""
    found = bias(crowd(items=200, guessing=0).votes)

    assert found.everybody.side.low < 0 < found.everybody.side.high
    assert found.everybody.left.low < 0.5 < found.everybody.left.high
    assert found.everybody.length.reason.startswith("it is not known")
    assert Logistic.fit(crowd(items=50).votes, length=False).deviation > 0.5
    with pytest.raises(ValueError, match="at least 100 resamples"):
        bias(crowd(items=10).votes, resamples=5)
