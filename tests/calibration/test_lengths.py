"""Length adjustment against LOWESS written out, and what it must leave alone."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.calibration.lengths import KNOTS, LengthAdjustment, cross_adjusted, fit
from plaudit.calibration.observed import Uncalibratable
from plaudit.predictions import Predictions


def paid_by_length(seed: int, groups: int = 300, pay: float = 1.0) -> Predictions:
    """Quality decides who wins; the reward is quality plus pay for the logarithm of a length that is not quality."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(5, 1, (2, groups))).astype(int) + 1
    quality = rng.normal(size=(2, groups))
    best = quality[0] > quality[1]
    rewards = quality + pay * np.log(lengths) + rng.normal(0, 0.3, quality.shape)
    chosen, rejected = np.where(best, rewards, rewards[::-1]), np.where(best, rewards[::-1], rewards)
    long, short = np.where(best, lengths, lengths[::-1]), np.where(best, lengths[::-1], lengths)
    return Predictions.from_pairs(chosen[0], rejected[0], lengths=(long[0], short[0]))


def by_definition(rewards: np.ndarray, places: np.ndarray, at: float, share: float) -> float:
    """A straight line by weighted least squares, under tricube weights over the nearest share of the responses."""
    count = int(share * len(places) + 1e-10)
    distance = np.abs(places - at)
    radius = np.sort(distance)[count - 1]
    weight = np.clip(1 - (distance / radius) ** 3, 0, None) ** 3
    root = np.sqrt(weight)
    design = np.stack([np.ones_like(places), places - at], axis=1)
    return float(np.linalg.lstsq(design * root[:, None], rewards * root, rcond=None)[0][0])


@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
def test_agrees_with_lowess_written_out(share: float) -> None:
    """At every length that is kept, by least squares over the neighbours."""
    scored = paid_by_length(0)
    found = fit(scored, share)
    wanted = [by_definition(scored.rewards, np.log1p(scored.lengths), np.log1p(at), share) for at in found.lengths]

    np.testing.assert_allclose(found.rewards, wanted, atol=1e-8)
    assert 30 <= len(found.lengths) <= KNOTS
    assert found.lengths[0] == scored.lengths.min() and found.lengths[-1] == scored.lengths.max()


def test_pay_for_length_is_taken_back() -> None:
    """The correlation with length goes to about 0, the mean reward stays, and accuracy rises to that of quality."""
    scored = paid_by_length(1, 2000)
    adjusted = cross_adjusted(scored)

    before, after = (np.corrcoef(each.rewards, np.log(each.lengths))[0, 1] for each in (scored, adjusted))
    assert before > 0.6 and abs(after) < 0.03
    assert adjusted.rewards.mean() == pytest.approx(scored.rewards.mean(), abs=0.02)
    assert np.mean(adjusted.margins > 0) > np.mean(scored.margins > 0) + 0.1


def test_rewards_that_owe_nothing_are_hardly_touched() -> None:
    """Without pay for length rewards move by a small share of their spread."""
    scored = paid_by_length(2, 2000, pay=0.0)
    moved = cross_adjusted(scored).rewards - scored.rewards
    assert np.std(moved) < 0.1 * np.std(scored.rewards)


def test_a_fit_never_sees_the_group_that_it_adjusts() -> None:
    """One response with an absurd reward moves others, but the adjustment of its own group stays what it was."""
    scored = paid_by_length(3, 100)
    wild = scored.rewards.copy()
    wild[7] += 1000
    one, two = (
        cross_adjusted(
            Predictions.from_pairs(own[:100], own[100:], lengths=(scored.lengths[:100], scored.lengths[100:]))
        )
        for own in (scored.rewards, wild)
    )
    moved = np.abs(two.rewards - wild - (one.rewards - scored.rewards))
    assert moved[7] < 1e-9 and moved[107] < 1e-9
    assert (moved > 1).sum() > 100


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 6) | st.integers(0, 100_000), min_size=20, max_size=60),
    share=st.floats(0.01, 1.0),
    seed=st.integers(0, 9),
)
def test_any_lengths_give_finite_rewards(lengths: list[int], share: float, seed: int) -> None:
    """Most responses of one length, empty ones, tiny neighbourhoods: finite, and within what the data allows."""
    if len(set(lengths)) == 1:
        lengths[0] += 1
    rewards = np.random.default_rng(seed).normal(size=len(lengths))
    found = fit(Predictions.from_pairs(rewards, rewards, lengths=(lengths, lengths)), share)

    assert np.isfinite(found.adjusted(rewards, lengths)).all()
    assert np.isfinite(found.expected([0, 10**9])).all()


def test_where_all_neighbours_have_one_length_the_mean_stands() -> None:
    """Nine in ten responses are 50 characters long: what is expected there is their mean reward."""
    rng = np.random.default_rng(0)
    lengths = np.where(np.arange(200) % 10, 50, rng.integers(1, 500, 200))
    rewards = rng.normal(size=200)
    found = fit(Predictions.from_pairs(rewards, rewards, lengths=(lengths, lengths)), 0.3)
    assert found.expected([50])[0] == pytest.approx(rewards[lengths == 50].mean())


def test_responses_that_nobody_compares_do_not_count() -> None:
    """Of weight 0, however wild."""
    scored = paid_by_length(4, 60)
    rewards = np.append(scored.rewards[:60], 1e6), np.append(scored.rewards[60:], -1e6)
    lengths = np.append(scored.lengths[:60], 9), np.append(scored.lengths[60:], 99_999)
    more = Predictions.from_pairs(*rewards, lengths=lengths, weight=np.append(np.ones(60), 0))
    assert fit(more).record() == fit(scored).record()


def test_its_record_is_plain_and_comes_back() -> None:
    """Through JSON and back, to the last bit; a record of something else is refused."""
    found = fit(paid_by_length(5))
    back = LengthAdjustment.of_record(json.loads(json.dumps(found.record(), allow_nan=False)))
    asked = np.arange(0, 5000, 7)

    assert (back.expected(asked) == found.expected(asked)).all() and back.mean == found.mean
    with pytest.raises(ValueError, match="a record of a length adjustment holds"):
        LengthAdjustment.of_record({"mean": 0.0})
    with pytest.raises(ValueError, match="one finite reward for each length"):
        LengthAdjustment.of_record(found.record() | {"mean": float("nan")})
    with pytest.raises(ValueError, match="lengths must hold"):
        LengthAdjustment.of_record({"lengths": [5.0, 5.0], "rewards": [0.0, 0.0], "mean": 0.0})


@pytest.mark.parametrize(
    ("chosen", "lengths", "share", "complaint"),
    [
        (9, 5, 0.5, "18 responses; a regression on length needs at least 20"),
        (30, 5, 0.5, "every response is 5 characters long"),
        (30, 0, 0.5, "no lengths are known"),
        (30, 5, 0.0, "above 0 and at most 1, not 0.0"),
        (30, 5, 1.1, "above 0 and at most 1, not 1.1"),
    ],
)
def test_what_cannot_be_adjusted_is_refused(chosen: int, lengths: int, share: float, complaint: str) -> None:
    """The message says what is wrong."""
    rewards, own = np.arange(float(chosen)), np.full(chosen, lengths)
    with pytest.raises(ValueError, match=complaint):
        fit(Predictions.from_pairs(rewards, rewards, lengths=(own, own)), share)


def test_bad_lengths_and_few_groups_are_refused() -> None:
    """A length below 0 or NaN, and too few groups to fit on some and judge on others."""
    found = fit(paid_by_length(6))
    for bad in (-1.0, np.nan):
        with pytest.raises(ValueError, match="length 1 is"):
            found.expected([3, bad])
    few = np.zeros(30, int)
    scored = Predictions.from_pairs(np.arange(30.0), np.zeros(30), lengths=(np.arange(30), np.arange(30)), group=few)
    with pytest.raises(Uncalibratable, match="1 groups"):
        cross_adjusted(scored)
