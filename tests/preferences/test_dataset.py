"""The Arrow-backed sequence."""

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Message, Preference, Response
from plaudit.preferences.writing import TableWriter

TEXTS = st.text(max_size=6)
FLOATS = st.floats(0, 100)
CONTENTS = TEXTS | st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXTS), max_size=2).map(tuple)
EXTRAS = st.dictionaries(
    TEXTS, st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=2), max_size=2
)
RESPONSES = st.builds(
    Response, content=CONTENTS, id=TEXTS, ratings=st.dictionaries(TEXTS, FLOATS, max_size=2), extra=EXTRAS
)


@st.composite
def records(draw: st.DrawFn) -> Preference:
    """Any record: conversations and texts, ties and strengths, annotators and extras."""
    responses = tuple(draw(st.lists(RESPONSES, min_size=1, max_size=4)))
    pairs = [(i, j) for i in range(len(responses)) for j in range(len(responses)) if i != j]
    edges = []
    for chosen, rejected in draw(st.lists(st.sampled_from(pairs), max_size=3)) if pairs else []:
        values: dict[str, st.SearchStrategy[Any]] = {
            "tie": st.booleans(),
            "strength": st.none() | FLOATS,
            "weight": FLOATS,
            "annotator": TEXTS,
        }
        drawn: dict[str, Any] = draw(
            st.fixed_dictionaries(values | {"objective": TEXTS, "reason": TEXTS, "extra": EXTRAS})
        )
        edges.append(Comparison(chosen=chosen, rejected=rejected, **drawn))
    names = {name: draw(TEXTS) for name in ("id", "source", "group")}
    return Preference(prompt=draw(CONTENTS), responses=responses, comparisons=tuple(edges), extra=draw(EXTRAS), **names)


def _pair(at: int, **more: object) -> Preference:
    responses = (Response(content=f"good {at}"), Response(content=f"poor {at}"))
    edge = Comparison(chosen=0, rejected=1)
    return Preference(prompt=f"q{at}", responses=responses, comparisons=(edge,), id=str(at), **more)  # type: ignore[arg-type]


PAIRS = [_pair(at, source="ab"[at % 2]) for at in range(6)]


@given(st.lists(records(), max_size=4))
def test_holds_any_record(given_records: list[Preference]) -> None:
    """Whatever a record holds comes back equal, by iteration and by index."""
    preferences = Preferences.of(given_records)

    assert list(preferences) == given_records
    assert [preferences[at] for at in range(len(preferences))] == given_records


@given(st.lists(records(), min_size=1, max_size=4))
def test_edges_are_the_comparisons(given_records: list[Preference]) -> None:
    """The arrays say what the objects say, the source's weight multiplied in."""
    preferences = Preferences.of(given_records, weight=0.5)
    for at, record in enumerate(preferences):
        edges = preferences.edges(at)
        strengths = [np.nan if edge.strength is None else edge.strength for edge in record.comparisons]

        assert edges.chosen.tolist() == [edge.chosen for edge in record.comparisons]
        assert edges.rejected.tolist() == [edge.rejected for edge in record.comparisons]
        assert edges.tie.tolist() == [edge.tie for edge in record.comparisons]
        np.testing.assert_array_equal(edges.strength, strengths)
        assert edges.weight.tolist() == [0.5 * edge.weight for edge in given_records[at].comparisons]


@given(st.lists(st.integers(-6, 5), max_size=8), st.data())
def test_views_are_selections(indices: list[int], data: st.DataObject) -> None:
    """Selecting, slicing and joining are what they are for lists."""
    preferences = Preferences.of(PAIRS)
    view = preferences.select(indices)
    expected = [PAIRS[at] for at in indices]
    cut = data.draw(st.integers(0, 8))

    assert list(view) == expected
    assert list(view[cut:]) == expected[cut:]
    assert list(view[::-2]) == expected[::-2]
    assert list(Preferences.concatenate([view, preferences, view[:cut]])) == expected + PAIRS + expected[:cut]


def test_indices_outside_are_refused() -> None:
    """An index beyond the end is an error, also in a selection."""
    preferences = Preferences.of(PAIRS)
    with pytest.raises(IndexError):
        preferences[6]
    with pytest.raises(IndexError, match="there are 6 records"):
        preferences.select([0, 6])
    with pytest.raises(IndexError, match="there are 0 records"):
        Preferences.of([]).select([0])


def test_fingerprint_says_what_is_in_it() -> None:
    """The same records have the same fingerprint however they are cut; order, content, weight and source change it."""
    preferences = Preferences.of(PAIRS)
    halves = Preferences.concatenate([preferences[:3], Preferences.of(PAIRS[3:])])
    doubled = Preferences.of(PAIRS + PAIRS).select(range(6, 12))
    others = [
        Preferences.of(PAIRS[:-1]),
        Preferences.of(PAIRS[::-1]),
        Preferences.of(PAIRS, weight=2),
        Preferences.of([*PAIRS[:-1], _pair(5, source="c")]),
        Preferences.of([*PAIRS[:-1], _pair(5, source="b", extra={"x": 1})]),
    ]
    prints = [found.fingerprint for found in (preferences, *others)]

    assert halves.fingerprint == doubled.fingerprint == preferences.fingerprint
    assert preferences.with_groups(list("abcdef")).fingerprint == preferences.fingerprint
    assert len(set(prints)) == len(prints)


def test_fingerprint_minds_the_borders_of_texts() -> None:
    """Moving a letter from one record's text to the next changes it."""
    one, other = (
        Preferences.of([Preference(prompt="", responses=(Response(content=text),)) for text in texts])
        for texts in (("ab", "c"), ("a", "bc"))
    )

    assert one.fingerprint != other.fingerprint


def test_groups_are_codes() -> None:
    """Group names become codes in order of appearance; without them asking is an error."""
    preferences = Preferences.of(PAIRS)
    with pytest.raises(ValueError, match=r"groups\.assign first"):
        _ = preferences.groups
    grouped = preferences.with_groups(list("xyxzyx"))
    view = preferences.select([5, 0]).with_groups(["p", "q"])

    assert grouped.groups.tolist() == [0, 1, 0, 2, 1, 0]
    assert grouped.select([3, 1, 3]).groups.tolist() == [0, 1, 0]
    assert [record.group for record in view] == ["p", "q"]
    with pytest.raises(ValueError, match="1 groups for 6 records"):
        preferences.with_groups(["x"])


def test_drops_add_up() -> None:
    """Joining adds what was lost on the way to each part."""
    one, other = Preferences.of(PAIRS), Preferences.of(PAIRS)
    one.drops.update({"empty response": 2})
    other.drops.update({"empty response": 1, "not JSON": 1})

    assert Preferences.concatenate([one, other]).drops == Counter({"empty response": 3, "not JSON": 1})


def test_records_must_make_sense() -> None:
    """No responses, comparisons of absent responses or of one with itself, and negative weights are refused."""
    one = (Response(content="a"), Response(content="b"))
    for responses, edge, problem in (
        ((), Comparison(chosen=0, rejected=1), "no response"),
        (one, Comparison(chosen=0, rejected=2), "compares responses 0 and 2; it has 2"),
        (one, Comparison(chosen=1, rejected=1), "compares responses 1 and 1"),
        (one, Comparison(chosen=0, rejected=1, weight=-1), "weight -1"),
        (one, Comparison(chosen=0, rejected=1, strength=float("nan")), "strength nan"),
    ):
        with pytest.raises(ValueError, match=problem):
            Preferences.of([Preference(prompt="", responses=responses, comparisons=(edge,), id="x")])


def test_large_tables_leave_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit batches go to a file that has no name afterwards; the content is the same, pickled too."""
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path))
    monkeypatch.setattr("plaudit.preferences.writing.BATCH_ROWS", 2)
    monkeypatch.setattr("plaudit.preferences.dataset.TableWriter", lambda: TableWriter(spill_bytes=1))
    spilled = Preferences.of(PAIRS)

    assert list(spilled) == PAIRS
    assert list((tmp_path / "preferences").iterdir()) == []
    assert list(pickle.loads(pickle.dumps(spilled.select([4, 1])))) == [PAIRS[4], PAIRS[1]]


def test_a_broken_off_spill_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the records end in an error, no file stays behind."""
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path))
    monkeypatch.setattr("plaudit.preferences.writing.BATCH_ROWS", 2)
    monkeypatch.setattr("plaudit.preferences.dataset.TableWriter", lambda: TableWriter(spill_bytes=1))
    bad = Preference(prompt="", responses=())
    with pytest.raises(ValueError, match="no response"):
        Preferences.of([*PAIRS, bad])

    assert list((tmp_path / "preferences").iterdir()) == []
