"""The data with a known truth: judgements have the chances that are stated, and length says nothing."""

import math

import numpy as np
import pytest
from scipy.special import expit

from benchmarks.kinds import truth
from plaudit.preferences.preference import Preference

COUNT = 3000


@pytest.fixture(scope="module")
def judged() -> list[truth.Judged]:
    return truth.draw(COUNT, 0)


def leads(judged: list[truth.Judged]) -> np.ndarray:
    """Return the true difference of each pair that is judged, prompt by prompt."""
    return np.array([one.utility[i] - one.utility[j] for one in judged for i, j in truth.PAIRS])


def signs(records: list[Preference]) -> np.ndarray:
    """Return 1, -1 or 0 for each comparison: the first of its pair won, lost or tied."""
    return np.array(
        [0 if edge.tie else 1 if edge.chosen < edge.rejected else -1 for one in records for edge in one.comparisons]
    )


def assert_drawn(happened: np.ndarray, chance: np.ndarray) -> None:
    """See that events happened as often as their chances say, over all and among the larger and smaller chances."""
    for part in (chance >= 0, chance > np.median(chance), chance <= np.median(chance)):
        off = (happened[part] - chance[part]).sum() / math.sqrt((chance * (1 - chance))[part].sum())
        assert abs(off) < 4


def test_who_is_forced_to_choose_chooses_by_bradley_terry(judged):
    """A win of the first has probability σ(Δ)."""
    found = signs(truth.Judges(judged, 1).preferences("pairs"))

    assert set(found) == {1, -1}
    assert_drawn(found == 1, expit(leads(judged)))


def test_ties_are_rao_and_kuppers(judged):
    """A win has probability σ(Δ - η), a loss σ(-Δ - η); the rest are ties."""
    found, lead = signs(truth.Judges(judged, 1).preferences("ties")), leads(judged)

    won, lost = expit(lead - truth.ETA), expit(-lead - truth.ETA)
    assert_drawn(found == 1, won)
    assert_drawn(found == -1, lost)
    assert_drawn(found == 0, 1 - won - lost)


def test_dropped_ties_leave_the_other_judgements_as_drawn(judged):
    """The same judges decided the same; a record of ties alone is gone."""
    judges = truth.Judges(judged, 1)
    records = judges.preferences("ties dropped")
    decided = [[edge for edge in one.comparisons if not edge.tie] for one in judges.preferences("ties")]

    assert [list(record.comparisons) for record in records] == [edges for edges in decided if edges]
    assert all(record.comparisons for record in records)
    assert len(records) < COUNT


def test_a_tenth_is_flipped(judged):
    """A win has probability 0.9 σ(Δ) + 0.1 σ(-Δ)."""
    found, lead = signs(truth.Judges(judged, 2).preferences("flipped")), leads(judged)

    assert_drawn(found == 1, 0.9 * expit(lead) + 0.1 * expit(-lead))


def test_strengths_grade_what_was_seen(judged):
    """The strongest grade is as frequent as a noisy difference above its threshold."""
    records = truth.Judges(judged, 3).preferences("margins")
    strengths = np.array([edge.strength for one in records for edge in one.comparisons])
    lead, least = leads(judged), truth.GRADES[-1]

    assert set(strengths) == {0.0, 0.5, 1.0}
    assert_drawn(strengths == 1.0, expit(lead - least) + expit(-lead - least))


def test_ratings_are_proportional_odds(judged):
    """A rating of k or less has probability σ(θ_k - u)."""
    records = truth.Judges(judged, 4).preferences("ratings")
    ratings = np.array([response.ratings["rating"] for one in records for response in one.responses])
    utility = np.concatenate([one.utility for one in judged])

    assert not any(record.comparisons for record in records)
    for level, cut in zip(truth.LEVELS, truth.CUTS, strict=False):
        assert_drawn(ratings <= level, expit(cut - utility))


def test_votes_are_three_judges(judged):
    """Each pair is compared three times, each time by chance of its own."""
    found = signs(truth.Judges(judged, 5).preferences("votes")).reshape(-1, truth.VOTES)

    assert len(found) == 2 * COUNT
    assert_drawn((found == 1).ravel(), np.repeat(expit(leads(judged)), truth.VOTES))
    assert 0 < np.mean(np.abs(found.sum(1)) == 1) < 1


def test_rankings_are_orders_of_all_four(judged):
    """Every pair is compared; wins are transitive and ties are of equals."""
    for record in truth.Judges(judged[:200], 6).preferences("rankings"):
        wins = np.zeros((4, 4), bool)
        for edge in record.comparisons:
            wins[edge.chosen, edge.rejected] = not edge.tie
        assert len(record.comparisons) == 6
        level = wins.sum(0)
        assert np.array_equal(wins, level[:, None] < level[None, :])


def test_the_top_of_an_order_follows_luce(judged):
    """Without ties on the top, the best of four is it about as often as Luce's rule says."""
    first = []
    for one, record in zip(judged, truth.Judges(judged, 7).preferences("rankings"), strict=True):
        beaten = {edge.rejected for edge in record.comparisons if not edge.tie}
        top = set(range(4)) - beaten
        first.append((len(top) == 1 and top == {int(np.argmax(one.utility))}, len(top) == 1, one.utility))
    alone = [entry for entry in first if entry[1]]
    share = np.mean([hit for hit, _, _ in alone])
    expected = np.mean([np.exp(utility).max() / np.exp(utility).sum() for _, _, utility in alone])

    assert share >= expected - 0.03  # a top that stands alone is surer than one that may be tied


def test_length_says_nothing_about_the_utility(judged):
    """Neither all lengths and utilities, nor who is longer and better in a pair, go together."""
    lengths = np.array([len(text) for one in judged for text in one.responses], float)
    utility = np.concatenate([one.utility for one in judged])

    assert len(set(map(len, truth.WORDS))) == 1
    assert abs(np.corrcoef(lengths, utility)[0, 1]) < 4 / math.sqrt(len(lengths))


def test_half_of_the_utility_depends_on_the_prompt(judged):
    """Both parts vary alike, and the same words are worth another sign under another prompt."""
    style, fit = (np.concatenate([getattr(one, part) for one in judged]) for part in ("style", "fit"))

    assert style.var() == pytest.approx(fit.var(), rel=0.1)
    assert abs(np.corrcoef(style, fit)[0, 1]) < 0.05
    assert truth._worth(["roses", "clear"], "garden") == pytest.approx((truth.SCALE, truth.SCALE))
    assert truth._worth(["roses", "clear"], "music") == pytest.approx((truth.SCALE, -truth.SCALE))


def test_prompts_differ_and_draws_repeat(judged):
    """A prompt is there once, its responses differ, and a seed gives the same data again."""
    assert len({one.prompt for one in judged}) == COUNT
    assert all(len(set(one.responses)) == truth.RESPONSES for one in judged)
    assert [one.responses for one in truth.draw(5, 3)] == [one.responses for one in truth.draw(5, 3)]
    assert truth.draw(5, 3)[0].responses != truth.draw(5, 4)[0].responses


def test_an_unknown_form_is_refused(judged):
    """There is no silent default."""
    with pytest.raises(KeyError, match="guesses"):
        truth.Judges(judged[:1], 0).preferences("guesses")
