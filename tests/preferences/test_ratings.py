"""Comparisons from ratings."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.ratings import compare_ratings

RATINGS = st.lists(st.integers(-8, 8).map(lambda halves: halves / 2), min_size=2, max_size=25)


def _singles(ratings: list[float], source: str = "s", weight: float = 1.0) -> Preferences:
    return Preferences.of(
        (
            Preference(
                prompt="",
                responses=(Response(content=f"{source} {at}", id=f"{at}", ratings={"rating": r}),),
                source=source,
            )
            for at, r in enumerate(ratings)
        ),
        weight,
    )


def _seen(preferences: Preferences) -> list[tuple[str, str]]:
    return [
        (record.responses[edge.chosen].id, record.responses[edge.rejected].id)
        for record in preferences
        for edge in record.comparisons
    ]


@given(RATINGS, st.sampled_from([0.5, 1.0, 2.5]))
def test_every_pair_of_the_whole_set(ratings: list[float], gap: float) -> None:
    """Without blocks, all pairs at least the gap apart are compared once, the higher rated chosen."""
    expected = {
        (str(i), str(j)) if ratings[i] > ratings[j] else (str(j), str(i))
        for i, j in combinations(range(len(ratings)), 2)
        if abs(ratings[i] - ratings[j]) >= gap
    }
    if not expected:
        with pytest.raises(ValueError, match="no two ratings"):
            compare_ratings(_singles(ratings), gap=gap, block=None)
        return
    compared = compare_ratings(_singles(ratings), gap=gap, block=None)

    assert len(compared) == 1
    assert set(_seen(compared)) == expected
    assert len(_seen(compared)) == len(expected)


@given(st.integers(2, 40), st.integers(2, 9), st.integers(1, 3), st.integers(0, 3))
def test_blocks_hold_every_response_once_a_pass(count: int, block: int, passes: int, seed: int) -> None:
    """Each pass deals every response into one block; only a remainder of one makes a block larger."""
    compared = compare_ratings(_singles([float(at) for at in range(count)]), block=block, passes=passes, seed=seed)
    ids = [response.id for record in compared for response in record.responses]
    sizes = [len(record.responses) for record in compared]

    assert sorted(ids) == sorted(str(at) for at in range(count) for _ in range(passes))
    assert max(sizes) <= block + 1
    assert min(sizes) >= 2
    assert all(
        len(record.comparisons) == len(record.responses) * (len(record.responses) - 1) // 2 for record in compared
    )


def test_the_seed_decides() -> None:
    """The same seed gives the same blocks, another seed or pass others."""
    singles = _singles([float(at) for at in range(40)])
    one, again, other = (compare_ratings(singles, seed=seed) for seed in (1, 1, 2))
    twice = compare_ratings(singles, seed=1, passes=2)

    assert one.fingerprint == again.fingerprint == twice[: len(one)].fingerprint
    assert one.fingerprint != other.fingerprint
    assert set(_seen(twice[len(one) :])) != set(_seen(one))


def test_float_dust_does_not_move_the_gap() -> None:
    """Ratings that differ by the gap but for rounding are compared: 2.3 - 1.8 is a half."""
    assert 2.3 - 1.8 < 0.5
    assert _seen(compare_ratings(_singles([1.8, 2.3]))) == [("1", "0")]


def test_blocks_keep_sources_and_weights_apart() -> None:
    """No block mixes sources, and each comparison has its source's weight, with the difference as strength if asked."""
    both = Preferences.concatenate([_singles([0, 1, 2], "s", 2.0), _singles([0, 1, 3], "t", 0.5)])
    compared = compare_ratings(both, strength=True)
    by_source = {record.source: record for record in compared}

    assert sorted(by_source) == ["s", "t"]
    assert {edge.weight for edge in by_source["s"].comparisons} == {2.0}
    assert sorted(edge.strength or 0 for edge in by_source["t"].comparisons) == [1, 2, 3]
    assert compared.sources["t"].weight == 1.5


def test_records_with_prompts_compare_their_own_responses() -> None:
    """Comparisons stay within the prompt, replace what was there, and name an attribute that is not overall."""
    responses = tuple(
        Response(content=text, ratings=ratings) for text, ratings in (("a", {"wit": 1}), ("b", {"wit": 3}), ("c", {}))
    )
    record = Preference(prompt="q", responses=responses, comparisons=(Comparison(chosen=2, rejected=0),), id="x")
    flat = Preference(prompt="z", responses=(Response(content="a", ratings={"wit": 1}),), id="y")
    compared = compare_ratings(Preferences.of([record, flat], weight=2), "wit", gap=1)

    assert [record.id for record in compared] == ["x"]
    assert compared[0].responses == responses
    assert compared[0].comparisons == (Comparison(chosen=1, rejected=0, objective="wit", weight=2),)
    assert compared.drops == {"no ratings far enough apart": 1}


def test_unrated_responses_are_counted() -> None:
    """A single response without the rating is dropped and counted."""
    unrated = Preferences.of([Preference(prompt="", responses=(Response(content="u"),), source="s")])
    compared = compare_ratings(Preferences.concatenate([_singles([0, 1]), unrated]))

    assert compared.drops == {"no rating 'rating'": 1}
    assert len(compared[0].responses) == 2


def test_bad_calls_are_refused() -> None:
    """A gap of 0, a block of 1 and no passes make no sense."""
    for arguments in ({"gap": 0}, {"gap": float("nan")}, {"block": 1}, {"passes": 0}):
        with pytest.raises(ValueError, match="should be above 0"):
            compare_ratings(_singles([0, 1]), **arguments)


def test_a_large_set_stays_columns() -> None:
    """All pairs of 600 responses are one record whose edges are arrays."""
    compared = compare_ratings(_singles([float(at % 7) for at in range(600)]), block=None)
    edges = compared.edges(0)
    same = sum(n * (n - 1) // 2 for n in (86, 86, 86, 86, 86, 85, 85))

    (responses,) = compared.responses()
    ratings = np.array([response.ratings["rating"] for response in responses])

    assert len(edges.chosen) == 600 * 599 // 2 - same
    assert (ratings[edges.chosen] - ratings[edges.rejected]).min() == 1


@given(RATINGS, st.sampled_from([0.5, 1.0]))
def test_ties_are_the_pairs_that_are_left(ratings: list[float], gap: float) -> None:
    """With ties every pair is compared once: as a tie where the ratings are closer than the gap."""
    compared = compare_ratings(_singles(ratings), gap=gap, block=None, ties=True)[0]

    assert len(compared.comparisons) == len(ratings) * (len(ratings) - 1) // 2
    for edge in compared.comparisons:
        lead = compared.responses[edge.chosen].ratings["rating"] - compared.responses[edge.rejected].ratings["rating"]
        assert lead >= 0
        assert edge.tie == (lead < gap)


def test_what_was_not_rated_is_not_tied() -> None:
    """A missing rating makes no comparison, with ties or without."""
    answers = (
        Response(content="a", ratings={"rating": 1.0}),
        Response(content="b"),
        Response(content="c", ratings={"rating": 1.0}),
    )
    compared = compare_ratings(Preferences.of([Preference(prompt="p", responses=answers)]), ties=True)

    assert [(e.chosen, e.rejected, e.tie) for e in compared[0].comparisons] == [(0, 2, True)]
