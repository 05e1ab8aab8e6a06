"""Every selector of the folder keeps the contract of selectors; a new file is tested by being there."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import members
from plaudit.labels.batches import CHOSEN, RANDOM, draw
from plaudit.labels.pool import BadPool, Pool
from plaudit.labels.selection import fitting, needs_of
from tests.labels.pools import drawn, turned

NAMES = members.names("selectors")
every_selector = pytest.mark.parametrize("name", NAMES)


def chosen(name: str, pool: Pool, count: int, seed: int = 0) -> list[int]:
    found: Any = members.load("selectors", name)()(pool, count, np.random.default_rng(seed))
    assert found.dtype == np.int64
    return list(found)


def test_all_that_were_asked_for_are_there() -> None:
    """The five strategies are kinds of the set."""
    assert {"random", "margin", "disagreement", "bald", "d_optimal"} <= set(NAMES)


@every_selector
@settings(max_examples=15)
@given(seed=st.integers(0, 99), size=st.integers(1, 12), share=st.floats(0, 1))
def test_so_many_places_none_twice(name: str, seed: int, size: int, share: float) -> None:
    """Of any pool, as many as asked for, up to all of it; each is a place of the pool."""
    count = round(share * size)
    found = chosen(name, drawn(seed, size, 2, 2), count, seed)

    assert len(found) == len(set(found)) == count
    assert set(found) <= set(range(size))


@every_selector
def test_the_seed_decides(name: str) -> None:
    """The same seed gives the same places; where all are alike, another seed draws others."""
    alike = Pool(np.zeros(30), np.zeros((2, 30)), (np.zeros((30, 2)), np.zeros((30, 2))))

    assert chosen(name, drawn(), 9, 3) == chosen(name, drawn(), 9, 3)
    assert chosen(name, alike, 9, 3) == chosen(name, alike, 9, 3) != chosen(name, alike, 9, 4)


@every_selector
@settings(max_examples=15)
@given(seed=st.integers(0, 99), order=st.permutations(range(20)))
def test_neither_order_nor_sides_count(name: str, seed: int, order: list[int]) -> None:
    """In another order, or with the sides of all comparisons exchanged, the same comparisons come in the same order."""
    pool = drawn(seed, 20, 3, 4)
    wanted = chosen(name, pool, 8, seed)

    assert [order[place] for place in chosen(name, pool.select(order), 8, seed)] == wanted
    assert chosen(name, turned(pool), 8, seed) == wanted


@every_selector
def test_a_shorter_list_is_the_beginning_of_a_longer_one(name: str) -> None:
    """Places are ranked: whoever stops early has labelled the most wanted."""
    assert chosen(name, drawn(), 12)[:5] == chosen(name, drawn(), 5)


@every_selector
def test_the_pool_is_left_as_it_was(name: str) -> None:
    """Choosing changes no array."""
    pool, before = drawn(), drawn()
    chosen(name, pool, 10)

    assert np.array_equal(pool.margins, before.margins)
    assert pool.members is not None
    assert before.members is not None
    assert np.array_equal(pool.members, before.members)


@every_selector
@pytest.mark.parametrize("count", [-1, 41])
def test_more_than_there_is_is_refused(name: str, count: int) -> None:
    """The message says how many there are."""
    with pytest.raises(BadPool, match="from 40; ask for 0 to 40"):
        chosen(name, drawn(), count)


@every_selector
def test_what_is_missing_is_said(name: str) -> None:
    """A pool of margins alone: a selector that needs more says what, and names those that would do."""
    bare = Pool(np.arange(5.0))
    if not needs_of(name):
        assert len(chosen(name, bare, 3)) == 3
        return
    with pytest.raises(BadPool, match=f"needs {needs_of(name)[0]}, and this pool has none.*margin, random"):
        chosen(name, bare, 3)
    assert name not in fitting(bare)
    assert name in fitting(drawn())


@every_selector
@settings(max_examples=10)
@given(seed=st.integers(0, 99), count=st.integers(1, 20), share=st.floats(0.01, 1))
def test_every_batch_has_its_random_arm(name: str, seed: int, count: int, share: float) -> None:
    """A share, rounded and at least one, is marked as random; it is the same one whatever chooses the rest."""
    pool, select = drawn(seed, 24, 2, 2), members.load("selectors", name)()
    batch = draw(select, pool, count, random_share=share, seed=seed)
    other = draw(members.load("selectors", "margin")(diversity=0.0), pool, count, random_share=share, seed=seed)

    assert len(set(batch.places.tolist())) == len(batch) == count
    assert set(batch.arms) <= {RANDOM, CHOSEN}
    if name == "random":
        assert (batch.arms == RANDOM).all()
    else:
        assert len(batch.of(RANDOM)) == max(1, int(np.floor(share * count + 0.5)))
        assert batch.of(RANDOM).tolist() == other.of(RANDOM).tolist()
