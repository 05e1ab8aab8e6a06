"""Who guesses is told from who knows, with as few false calls as promised."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from plaudit.labels.spammers import _score, _tails, spammers
from plaudit.labels.votes import NoVotes, Votes
from tests.labels.crowds import crowd


@pytest.mark.parametrize("correction", ["holm", "fdr"])
def test_the_planted_guessers_are_found(correction: str) -> None:
    """Two of seven answer at random; they come first, and no other is called so."""
    crowded = crowd(items=200)
    found = spammers(crowded.votes, correction=correction)

    assert {one.name for one in found[:2]} == set(crowded.guessing)
    assert [one.verdict for one in found] == ["guesses"] * 2 + ["agrees"] * 5
    assert all(one.q >= one.p for one in found)
    assert found[0].to_json()["verdict"] == "guesses"


def test_always_left_always_tie_and_always_wrong() -> None:
    """Answers that ignore the items guess; the opposite of the truth opposes."""
    crowded = crowd(items=300, people=8, guessing=0, each=8)
    votes = crowded.votes
    names = np.array([votes.annotators[one] for one in votes.annotator])
    label = votes.label.copy()
    label[names == "p0"] = (1 - 2 * votes.swapped)[names == "p0"]
    label[names == "p1"] = 0
    label[names == "p2"] *= -1
    found = {one.name: one.verdict for one in spammers(Votes.from_arrays(votes.item, names, label))}

    assert (found["p0"], found["p2"]) == ("guesses", "opposes")
    assert found["p1"] in {"guesses", "unclear"}
    assert {found[name] for name in ("p3", "p4", "p5", "p6", "p7")} == {"agrees"}


@pytest.mark.slow
def test_random_answers_have_uniform_p_values() -> None:
    """Over 300 crowds the p of one who guesses is uniform (Kolmogorov and Smirnov)."""
    p = []
    for seed in range(300):
        crowded = crowd(items=40, people=4, guessing=1, each=4, seed=seed)
        p.append(norm.sf(_score(crowded.votes.shared(), 3)))

    assert kstest(p, "uniform").pvalue > 0.01


def test_few_votes_are_unclear_and_lonely_ones_refused() -> None:
    """With little to go by nobody is called a guesser; unknown corrections are refused."""
    few = Votes.from_arrays([0, 0, 1, 1], list("abab"), [1, -1, 1, 1])

    assert {one.verdict for one in spammers(few)} == {"unclear"}
    with pytest.raises(NoVotes, match="nobody can be told"):
        spammers(Votes.from_arrays([0, 1], ["a", "b"], [1, 1]))
    with pytest.raises(ValueError, match="correction must be"):
        spammers(few, correction="none")  # type: ignore[arg-type]


def test_a_few_lucky_answers_are_no_agreement() -> None:
    """Of 200 people who give four random answers each, p is at most 5 % for no more than 5 %; a sure one is told.

    Of four answers, two each way, the best order is one of six; the normal distribution has it at 4 %.
    """
    rng = np.random.default_rng(0)
    names = [f"p{one:03d}" for one in range(200)]
    item = [at for person in range(200) for at in range(4 * person, 4 * person + 4)]
    truth = rng.choice([1, -1], 800)
    random = Votes.from_arrays(
        item * 4,
        [name for name in names for _ in range(4)] + [f"k{at}" for at in range(3) for _ in item],
        np.concatenate([rng.choice([1, -1], 800), *[truth] * 3]),
    )
    found = {one.name: one for one in spammers(random, resamples=100)}
    small = np.array([found[name].p for name in names])

    assert (small <= 0.05).mean() <= 0.05
    assert norm.sf(max(_score(random.shared(), person) for person in range(3, 203))) < 0.05 < small.min()
    assert found["k0"].verdict == "agrees"


def test_drawn_orders_give_the_exact_p() -> None:
    """Somebody right in all of eight, four of each: 1 of the 70 orders does as well; turned round the other tail is."""
    label = np.array([1, -1] * 4)
    for sign, tail in ((1, 0), (-1, 1)):
        votes = Votes.from_arrays(
            np.tile(np.arange(8), 3), ["a"] * 8 + ["b"] * 8 + ["c"] * 8, [*(sign * label), *label, *label]
        )
        assert _tails(votes, 0, np.random.default_rng(0))[tail] == pytest.approx(1 / 70, abs=0.006)
