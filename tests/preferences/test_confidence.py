"""Weights from agreement: their range, their order, what they keep, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import mannwhitneyu

from plaudit.preferences.confidence import (
    NoAgreement,
    agreement_strengths,
    agreement_weights,
    spread_weights,
    weigh_by_agreement,
)
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response

counts = st.integers(0, 50)
priors = st.floats(0.0, 10.0)
votes = st.lists(st.tuples(counts, counts, counts), min_size=1, max_size=20)


@given(votes, priors)
def test_weights_lie_between_nothing_and_certainty(rows, prior) -> None:
    """In [0, 1] for any votes; 0 for a draw; the same for the other side; whole votes or none."""
    won, lost, tied = np.array(rows).T
    weights = agreement_weights(won, lost, tied, prior=prior)

    assert ((weights >= 0) & (weights <= 1)).all()
    assert (weights[won == lost] == 0).all()
    assert weights == pytest.approx(agreement_weights(lost, won, tied, prior=prior))


@given(st.integers(0, 40), st.integers(0, 40), counts, st.floats(0.01, 10.0))
def test_weights_grow_with_agreement_and_with_votes(won, lost, tied, prior) -> None:
    """One more vote for the majority, or one that changes to it, weighs more; a tie and a doubt weigh less."""
    won, lost = max(won, lost), min(won, lost)

    def weight(*row):
        return float(agreement_weights(*([n] for n in row), prior=prior)[0])

    base = weight(won, lost, tied)
    assert weight(won + 1, lost, tied) > base
    assert weight(won, lost, tied + 1) <= base
    if lost:
        assert weight(won + 1, lost - 1, tied) > base
    if won > lost:
        assert weight(2 * won, 2 * lost, 2 * tied) > base
        assert float(agreement_weights([won], [lost], [tied], prior=prior + 1)[0]) < base


@given(votes, priors)
def test_strengths_are_the_margins_of_the_shares(rows, prior) -> None:
    """The sigmoid of a strength is the share it stands for; the other side's is its negative; its size the weight."""
    won, lost, tied = np.array(rows, float).T
    prior += 0.1
    strengths = agreement_strengths(won, lost, tied, prior=prior)
    share = (won + tied / 2 + prior) / (won + lost + tied + 2 * prior)

    assert expit(strengths) == pytest.approx(share, abs=1e-12)
    assert strengths == pytest.approx(-agreement_strengths(lost, won, tied, prior=prior), abs=1e-12)
    weights = agreement_weights(won, lost, tied, prior=prior)
    assert weights == pytest.approx(np.tanh(np.abs(strengths) / 2), abs=1e-12)


@given(st.lists(st.lists(st.floats(-50, 50), min_size=4, max_size=4), min_size=2, max_size=6), st.floats(0.01, 100))
def test_members_that_agree_weigh_more(table, scale) -> None:
    """In (0, 1]; 1 where all members say the same; the less they agree, the less; a shift of all says nothing."""
    margins = np.array(table)
    weights = spread_weights(margins, scale=scale)

    assert ((weights > 0) & (weights <= 1)).all()
    assert spread_weights(np.zeros_like(margins), scale=scale) == pytest.approx(np.ones(4))
    assert (spread_weights(margins * 2, scale=scale) <= weights + 1e-12).all()
    assert spread_weights(margins + 7, scale=scale) == pytest.approx(weights, abs=1e-6)
    order = np.argsort(margins.std(0))
    assert (np.diff(weights[order]) <= 1e-12).all()


def test_the_scale_is_the_spread_that_halves_a_weight() -> None:
    """Members at ±2 have a spread of 2."""
    assert spread_weights([[2.0], [-2.0]], scale=2.0).tolist() == [0.5]


@given(votes.filter(lambda rows: any(a != b for a, b, _ in rows)), priors)
def test_the_mean_is_kept_if_asked(rows, prior) -> None:
    """Scaled weights have mean 1 and the proportions of the others."""
    won, lost, tied = np.array(rows).T
    plain = agreement_weights(won, lost, tied, prior=prior)
    scaled = agreement_weights(won, lost, tied, prior=prior, keep_mean=True)

    assert scaled.mean() == pytest.approx(1)
    assert scaled * plain.mean() == pytest.approx(plain)
    spread = spread_weights([won, lost], keep_mean=True)
    assert spread.mean() == pytest.approx(1)


NONE = np.zeros(0)
BAD = {
    "negative": (lambda: agreement_weights([-1], [2]), "votes 'chosen' must be finite numbers, 0 or more"),
    "nan": (lambda: agreement_weights([1], [float("nan")]), "votes 'rejected' must be"),
    "infinite ties": (lambda: agreement_weights([1], [1], [np.inf]), "votes 'tied' must be"),
    "shapes": (lambda: agreement_weights([1, 2], [1]), r"shapes \(2,\) and \(1,\)"),
    "table": (lambda: agreement_weights([[1]], [[1]]), "two lists of one length"),
    "prior": (lambda: agreement_weights([1], [1], prior=-0.5), "prior must be a finite number, 0 or more, not -0.5"),
    "no prior": (lambda: agreement_strengths([1], [0], prior=0.0), "prior must be above 0"),
    "all split": (lambda: agreement_weights([1], [1], keep_mean=True), "people are split on everything"),
    "one member": (lambda: spread_weights([[1.0, 2.0]]), r"at least two members, not of shape \(1, 2\)"),
    "no members": (lambda: spread_weights([1.0, 2.0]), r"not of shape \(2,\)"),
    "nan margin": (lambda: spread_weights([[1.0], [np.nan]]), "margins must be finite; 1 are not"),
    "scale": (lambda: spread_weights([[1.0], [2.0]], scale=0.0), "scale must be a finite number above 0, not 0.0"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_refused(name) -> None:
    """Each error says what is wrong and what would be right."""
    call, says = BAD[name]
    with pytest.raises(ValueError, match=says):
        call()


def test_no_comparisons_have_no_weights() -> None:
    """An empty set stays empty, scaled or not."""
    assert len(agreement_weights(NONE, NONE, keep_mean=True)) == len(spread_weights(np.zeros((2, 0)))) == 0


# --- records ----------------------------------------------------------------------------------------------------------


def vote(chosen, rejected, **more) -> Comparison:
    return Comparison(chosen=chosen, rejected=rejected, **more)


def record(*comparisons, ratings=((), (), ())) -> Preference:
    responses = tuple(
        Response(content=name, extra={"votes": list(listed)} if listed else {})
        for name, listed in zip("abc", ratings, strict=True)
    )
    return Preference(prompt="Q", responses=responses, comparisons=comparisons, id=f"{comparisons}{ratings}")


def weights_of(preferences) -> list[list[float]]:
    return [[edge.weight for edge in preference.comparisons] for preference in preferences]


VOTED = record(vote(0, 1), vote(0, 1), vote(1, 0), vote(0, 1), vote(2, 1), vote(0, 2, tie=True))


def test_votes_on_the_same_two_responses_are_counted_together() -> None:
    """Three to one is ⅓ by four votes and two beforehand, for and against alike; one vote is ⅓ too; a tie is 0."""
    found = weights_of(weigh_by_agreement(Preferences.of([VOTED]), keep_mean=False))

    assert found[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 0])


def test_a_vote_counts_its_weight_and_its_objective_is_its_own() -> None:
    """A vote of weight 3 is three votes; votes about something else are not mixed in."""
    one = record(vote(0, 1, weight=3.0), vote(1, 0), vote(1, 0, objective="style"), vote(1, 0, objective="style"))
    found = weights_of(weigh_by_agreement(Preferences.of([one]), keep_mean=False))

    assert found[0] == pytest.approx([3 / 3, 1 / 3, 2 / 4, 2 / 4])


def test_sources_keep_their_weights_and_the_whole_its_sum() -> None:
    """The sum over all records, sources' weights included, stays; proportions are those of the agreement."""
    other = record(vote(0, 1), vote(0, 1), vote(0, 1))
    whole = Preferences.of_weighted([(VOTED, 1.0), (other, 4.0)])
    kept, plain = (weights_of(weigh_by_agreement(whole, keep_mean=keep)) for keep in (True, False))

    assert sum(map(sum, kept)) == pytest.approx(6 + 12)
    assert kept[1][0] / kept[0][0] == pytest.approx(plain[1][0] / plain[0][0]) == pytest.approx(4 * 0.6 / (1 / 3))


def test_ratings_are_votes_of_all_against_all() -> None:
    """By Mann and Whitney's statistic: the share of pairs of ratings in which the chosen response is ahead."""
    draw = np.random.default_rng(0)
    high, low = draw.integers(0, 5, 8).tolist(), draw.integers(-3, 4, 6).tolist()
    one = record(vote(0, 1), ratings=(high, low, ()))
    share = mannwhitneyu(high, low).statistic / 48
    found = weights_of(weigh_by_agreement(Preferences.of([one]), keep_mean=False))

    assert found[0][0] == pytest.approx(abs(2 * (share * 6 + 1) / (6 + 2) - 1))
    assert 0.5 < share < 1, "some pairs of ratings are each way round"


@pytest.mark.parametrize("ratings", [((), (), ()), ((1,), (2, 3), ()), ((1, "x"), (2, 3), ()), ((1, 2), (), (3, 4))])
def test_without_a_second_opinion_there_is_no_agreement(ratings) -> None:
    """Single votes on responses that list no ratings, or less than two, say nothing, and the message says so."""
    with pytest.raises(NoAgreement, match="nobody|no two responses were judged by more than one person"):
        weigh_by_agreement(Preferences.of([record(vote(0, 1), ratings=ratings)]))


def test_people_who_never_agree_leave_nothing_to_weigh() -> None:
    """With every comparison split, keeping the sum is impossible and refused."""
    with pytest.raises(ValueError, match="split on every comparison"):
        weigh_by_agreement(Preferences.of([record(vote(0, 1), vote(1, 0))]))


def test_a_view_is_weighed_as_a_view() -> None:
    """Only the records of a view change, in its order; all else about them stays, and so does the whole."""
    several = [VOTED, record(vote(0, 1)), record(vote(0, 1), vote(1, 0), vote(0, 1))]
    whole = Preferences.of(several).with_groups(["g", "h", "i"])
    found = weigh_by_agreement(whole.select([2, 0]), keep_mean=False)

    assert weights_of(found) == [pytest.approx([0.2] * 3), pytest.approx([*[1 / 3] * 5, 0])]
    assert [one.id for one in found] == [several[2].id, several[0].id]
    assert [one.group for one in found] == ["i", "g"]
    assert weights_of(whole) == [[1.0] * 6, [1.0], [1.0] * 3]
    assert found.fingerprint != whole.select([2, 0]).fingerprint
    assert sum(f.weight for f in found.sources.values()) == pytest.approx(0.6 + 5 / 3)


@pytest.mark.parametrize(
    "weights", [[np.ones(6)], [np.ones(6), np.ones(2)], [np.ones(6), -np.ones(1)], [np.ones(6), np.array([np.nan])]]
)
def test_weights_must_fit_the_records(weights) -> None:
    """An array a record, a number a comparison, each finite and 0 or more."""
    with pytest.raises(ValueError, match="with_comparison_weights"):
        Preferences.of([VOTED, record(vote(0, 1))]).with_comparison_weights(weights)
