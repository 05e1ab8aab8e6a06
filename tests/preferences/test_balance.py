"""After balancing, length does not say who wins, and nothing else is touched."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.preferences.balance import Unbalanceable, balance, balance_by_length
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Message, Preference, Response, characters


@st.composite
def comparisons(draw):
    """Differences with repeats and zeros, ties and weights of 0, and at least two on either side."""
    number = st.sampled_from([0.0, 0.1, -0.1, 0.5, -0.5]) | st.floats(-3, 3)
    row = st.tuples(number, st.booleans(), st.sampled_from([0.0, 0.3, 1.0, 7.0]))
    rows = [*draw(st.lists(row, max_size=30)), *((size, False, 1.0) for size in (0.2, 0.3, -0.2, -0.3))]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


@given(comparisons(), st.integers(1, 12), st.integers(1, 2))
def test_in_every_bin_the_longer_wins_half_of_the_weight(made, bins, fewest):
    """Counted one by one: half in each bin, each bin weighs as before, enough of each side, factors positive."""
    differences, tie, weight = made
    found = balance(differences, tie, weight, bins=bins, fewest=fewest)
    after = weight * found.factors

    assert (found.factors > 0).all() and np.isfinite(found.factors).all()
    assert 1 <= found.edges.size - 1 <= bins
    for bin_ in range(found.edges.size - 1):
        inside = found.bins == bin_
        wins, losses = inside & (differences > 0), inside & (differences < 0)
        assert min(wins.sum(), losses.sum()) >= fewest
        assert math.fsum(after[wins]) == pytest.approx(math.fsum(after[losses]), rel=1e-9)
        assert math.fsum(after[inside]) == pytest.approx(math.fsum(weight[inside]), rel=1e-9)
        sizes = np.abs(differences[inside])
        assert found.edges[bin_] <= sizes.min() and sizes.max() <= found.edges[bin_ + 1]
    assert found.after.longer_wins == pytest.approx(0.5, abs=1e-9)


@given(comparisons(), st.integers(1, 12))
def test_what_says_nothing_of_length_keeps_its_weight_and_nothing_is_lost(made, bins):
    """Ties, equal lengths and weights of 0 have factor 1 and no bin; the numbers add up."""
    differences, tie, weight = made
    found = balance(differences, tie, weight, bins=bins, fewest=1)
    silent = tie | (differences == 0) | (weight == 0)

    assert (found.factors[silent] == 1).all() and (found.bins[silent] == -1).all() and (found.bins[~silent] >= 0).all()
    assert found.kept == (weight > 0).sum()
    assert found.untouched == found.kept - (~silent).sum()
    after = weight * found.factors
    assert found.after.effective == pytest.approx(after.sum() ** 2 / (after**2).sum())
    assert found.before.effective == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert after.sum() == pytest.approx(weight.sum())


@given(comparisons(), st.integers(1, 12))
def test_it_does_not_matter_which_way_round_or_in_which_order(made, bins):
    """Turned round, every winner longer where it was shorter, the factors are the same; so they are reordered."""
    differences, tie, weight = made
    found = balance(differences, tie, weight, bins=bins, fewest=2).factors
    order = np.random.default_rng(0).permutation(len(weight))

    assert balance(-differences, tie, weight, bins=bins, fewest=2).factors == pytest.approx(found)
    reordered = balance(differences[order], tie[order], weight[order], bins=bins, fewest=2).factors
    assert reordered == pytest.approx(found[order])


@given(st.lists(st.floats(0.01, 3), min_size=2, max_size=40), st.integers(1, 12))
def test_what_is_balanced_already_stays_as_it_is(sizes, bins):
    """Where every difference is there both ways all factors are 1, to the last bit; a second time they always are."""
    both = np.array([*sizes, *(-size for size in sizes)])
    assert (balance(both, bins=bins, fewest=1).factors == 1).all()

    weight = np.arange(1.0, both.size + 1)
    once = balance(both, weight=weight, bins=bins, fewest=1).factors
    assert balance(both, weight=weight * once, bins=bins, fewest=1).factors == pytest.approx(1, rel=1e-9)


def test_length_predicts_the_winner_before_and_not_after():
    """20,000 comparisons in which being longer pays, more so by more: a regression finds it, and then nothing."""
    rng = np.random.default_rng(0)
    apart = rng.normal(0, 1, 20_000)
    won = rng.random(20_000) < 1 / (1 + np.exp(-1.5 * apart))
    differences = np.where(won, apart, -apart)
    found = balance(differences)

    assert found.before.longer_wins > 0.65
    assert found.after.longer_wins == pytest.approx(0.5)
    slopes = [float(np.average(np.sign(differences) * np.abs(apart), weights=w)) for w in (None, found.factors)]
    assert slopes[0] > 0.3 and abs(slopes[1]) < 0.02
    assert 0.3 * found.kept < found.after.effective < 0.9 * found.kept
    assert found.edges.size - 1 == 10
    assert "the longer response won 7" in found.sentence and "20,000 comparisons kept" in found.sentence


def test_bins_are_merged_until_both_sides_have_enough():
    """Only the nearest lengths were ever won by the shorter one: all are one bin, and no factor explodes."""
    differences = [*np.linspace(0.1, 0.2, 30), *np.linspace(-0.1, -0.2, 25), *np.linspace(1, 2, 200)]
    found = balance(differences)
    assert found.edges.tolist() == [0.1, 2.0]
    assert found.factors.max() == pytest.approx(255 / 50)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (([0.1] * 30,), "won 30 comparisons and the shorter one 0; balancing by length needs at least 20"),
        (([],), "won 0 comparisons"),
        (([0.1] * 30 + [-0.1] * 19,), "the shorter one 19"),
        (([0.1, math.nan],), "the difference of comparison 1 is nan"),
        (([0.1, -0.1], None, [1.0, -1.0]), "the weight of comparison 1 is -1.0"),
        (([0.1, -0.1], None, [math.inf, 1.0]), "the weight of comparison 0 is inf"),
        (([0.1, -0.1], [True]), "lists of one length"),
        (([[0.1], [-0.1]],), "lists of one length"),
    ],
)
def test_bad_input_is_refused(arguments, complaint):
    """One-sided data, and values that are none, are named."""
    with pytest.raises(ValueError, match=complaint):
        balance(*arguments)
    with pytest.raises(ValueError, match="bins and fewest must be 1 or more, not 0 and 20"):
        balance([0.1, -0.1], bins=0)


def _record(number: int, longer_wins: bool, weight: float = 1.0, turns: bool = False) -> Preference:
    texts = ("a" * (number + 2), "a" * (2 * number + 9))
    contents = [(Message("assistant", text),) if turns else text for text in texts]
    edge = Comparison(chosen=int(longer_wins), rejected=int(not longer_wins), weight=weight)
    return Preference(
        prompt=f"p{number}", responses=tuple(Response(content=one) for one in contents), comparisons=(edge,)
    )


def test_records_keep_everything_but_their_weights():
    """Own weights are multiplied, sources' weights count and stay, texts and turns have the same length."""
    records = [_record(n, n % 3 != 0, weight=1 + n % 2, turns=n % 2 == 0) for n in range(90)]
    source = [2.0 if n < 45 else 1.0 for n in range(90)]
    given = Preferences.of_weighted(zip(records, source, strict=True))
    made, found = balance_by_length(given, bins=3, fewest=5)

    own = [record.comparisons[0].weight for record, _ in made.weighted()]
    assert own == pytest.approx([(1 + n % 2) * found.factors[n] for n in range(90)])
    assert [weight for _, weight in made.weighted()] == source
    total = np.array(own) * source
    for bin_ in range(3):
        inside = found.bins == bin_
        wins = inside & np.array([n % 3 != 0 for n in range(90)])
        assert total[wins].sum() == pytest.approx(total[inside].sum() / 2)
    assert [record.responses for record in made] == [record.responses for record in given]
    assert made.fingerprint != given.fingerprint


def test_records_without_comparisons_are_refused_and_empty_ones_pass():
    """Ratings alone cannot be balanced; a record without comparisons among others is left alone."""
    alone = Preference(prompt="p", responses=(Response(content="a", ratings={"rating": 1.0}),))
    with pytest.raises(Unbalanceable, match="ratings alone"):
        balance_by_length(Preferences.of([alone]))
    records = [_record(n, n % 3 != 0) for n in range(90)]
    made, found = balance_by_length(Preferences.of([*records[:50], alone, *records[50:]]))
    assert len(made) == 91 and found.kept == 90 and made[50].comparisons == ()


@given(st.text() | st.lists(st.text(), max_size=4).map(lambda texts: tuple(Message("user", one) for one in texts)))
def test_characters_are_those_of_the_text_with_line_breaks(content):
    """A text's own; of turns, the text that their contents make, one a line."""
    text = content if isinstance(content, str) else "\n".join(turn.content for turn in content)
    assert characters(content) == len(text)
