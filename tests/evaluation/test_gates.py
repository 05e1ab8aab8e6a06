"""Bounds on numbers of a record: what holds, what is broken, and what is no gate."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.evaluation.gates import BadGates, Gate, judge, parts, read_gates, table
from plaudit.evaluation.table import text

RECORD = {
    "accuracy": 0.74,
    "overall": {"accuracy": {"value": 0.74, "low": 0.7, "high": 0.78, "reason": ""}},
    "few": {"value": 0.9, "low": None, "high": None, "reason": "3 groups; an interval needs at least 20"},
    "none": {"value": None, "low": None, "high": None, "reason": "its value is nan"},
    "list": [{"n": 3}, {"n": 4}],
    "word": "high",
    "flag": True,
    "as long": {"a.b": 1},
}


def verdict(**gate):
    [found] = judge([Gate(**gate)], RECORD)
    return found


@pytest.mark.parametrize(
    ("gate", "holds"),
    [
        ({"path": "accuracy", "min": 0.74}, True),
        ({"path": "accuracy", "max": 0.74}, True),
        ({"path": "accuracy", "min": 0.7401}, False),
        ({"path": "accuracy", "max": 0.7399}, False),
        ({"path": "overall.accuracy", "min": 0.74}, True),
        ({"path": "overall.accuracy", "of": "low", "min": 0.74}, False),
        ({"path": "overall.accuracy", "of": "low", "min": 0.7}, True),
        ({"path": "overall.accuracy", "of": "high", "max": 0.75}, False),
        ({"path": "list.1.n", "min": 4, "max": 4}, True),
        ({"path": '"as long"."a.b"', "min": 1}, True),
    ],
)
def test_a_bound_is_kept_or_broken(gate, holds) -> None:
    """Bounds are inclusive, on the value or on the end of the interval that was named; paths go into lists too."""
    assert verdict(**gate).holds is holds


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ({"path": "overal.accuracy", "min": 0}, "no 'overal'"),
        ({"path": "overall.accuracy.mean", "min": 0}, "no 'mean'"),
        ({"path": "list.2.n", "min": 0}, "2 entries"),
        ({"path": "list.-1", "min": 0}, "2 entries"),
        ({"path": "accuracy.low", "min": 0}, "no table"),
        ({"path": "accuracy", "of": "low", "min": 0}, "without an interval"),
        ({"path": "few", "of": "low", "min": 0}, "3 groups"),
        ({"path": "none", "min": 0}, "not known"),
        ({"path": "overall", "min": 0}, "a table"),
        ({"path": "list", "min": 0}, "a list"),
        ({"path": "word", "min": 0}, "a text"),
        ({"path": "flag", "min": 0}, "True"),
    ],
)
def test_what_cannot_be_checked_is_broken(gate, words) -> None:
    """A path that leads nowhere, a missing interval and what is no number break the gate, and say so."""
    found = verdict(**gate)

    assert not found.holds
    assert found.found is None
    assert words in found.reason


@settings(deadline=None, max_examples=50)
@given(keys=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6), min_size=1, max_size=4))
def test_any_key_can_be_named(keys) -> None:
    """Quoted as TOML quotes them, keys of any characters come back as they are."""
    assert parts(".".join(json.dumps(key, ensure_ascii=False) for key in keys)) == tuple(keys)


@settings(deadline=None)
@given(path=st.text() | st.text(alphabet="ab.\"' =0#[]{}\n\\", max_size=12))
def test_a_path_is_a_key_or_refused(path) -> None:
    """No text smuggles a value or a comment into what is read as a key."""
    try:
        found = parts(path)
    except ValueError:
        return

    assert found
    assert parts(".".join(json.dumps(key) for key in found)) == found


@settings(deadline=None, max_examples=40)
@given(content=st.text(max_size=200) | st.binary(max_size=50))
def test_any_file_is_read_or_refused_by_name(tmp_path_factory, content) -> None:
    """Whatever a file holds, reading it gives gates or an error that names the file."""
    path = tmp_path_factory.mktemp("gates") / "gates.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))

    with pytest.raises(BadGates, match=r"gates\.toml"):
        read_gates(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "there is no gate"),
        ("gate = 3", "there is no gate"),
        ("gate = [3]", "gate 1: 3 is no table"),
        ("[[gates]]\npath = 'a'\nmin = 1", "'gates'"),
        ("[[gate]]\nmin = 1", "gate 1: path is missing"),
        ("[[gate]]\npath = 'a'", "gate 1: there is neither min nor max"),
        ("[[gate]]\npath = 'a'\nmin = 1\n[[gate]]\npath = 'a b'\nmin = 1", "gate 2: path is 'a b'"),
        ("[[gate]]\npath = 'a'\nmin = 2\nmax = 1", "min 2 is above max 1"),
        ("[[gate]]\npath = 'a'\nmin = nan", "min is nan"),
        ("[[gate]]\npath = 'a'\nmin = '1'", "min is '1'; it must be a number"),
        ("[[gate]]\npath = 'a'\nmin = true", "min is True; it must be a number"),
        ("[[gate]]\npath = 3\nmin = 1", "path is 3; it must be a text"),
        ("[[gate]]\npath = 'a'\nof = 'lo'\nmin = 1", "of is 'lo'"),
        ("[[gate]]\npath = 'a'\nminimum = 1", "'minimum' is unknown"),
    ],
)
def test_what_is_no_gate_is_refused(content, words, tmp_path) -> None:
    """The error names the file, the gate and the key."""
    path = tmp_path / "gates.toml"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(BadGates) as caught:
        read_gates(path)

    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_a_file_of_gates_is_read_and_shown(tmp_path) -> None:
    """The gates come in their order, and the table says which are broken and why."""
    path = tmp_path / "gates.toml"
    path.write_text("[[gate]]\npath='accuracy'\nmin=0.7\n[[gate]]\npath='few'\nof='low'\nmin=0.5", encoding="utf-8")

    judged = judge(read_gates(path), RECORD)

    assert [one.holds for one in judged] == [True, False]
    assert [one.to_json()["bound"] for one in judged] == ["0.7 or more", "0.5 or more"]
    assert "1 of 2 broken" in text(table(judged))
