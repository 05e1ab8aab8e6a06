"""``plaudit kinds``."""

import json

import pytest

from plaudit.cli import main
from plaudit.members import SETS, describe, names


def test_every_kind_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The text names every set and, under it, every kind beside the first line of its docstring."""
    assert main(["kinds"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line for line in lines if line and not line.startswith(" ")] == list(SETS)
    for kind_set in SETS:
        for name in names(kind_set):
            assert any(line.split() == [name, *describe(kind_set, name).split()] for line in lines)


def test_json_is_one_object_with_every_set(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints sets, their kinds and descriptions as one line."""
    assert main(["kinds", "--json"]) == 0
    printed = capsys.readouterr().out

    assert printed.count("\n") == 1
    assert json.loads(printed) == {s: {n: describe(s, n) for n in names(s)} for s in SETS}


def test_one_set_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A set's name narrows the list to it."""
    assert main(["kinds", "objectives", "--json"]) == 0

    assert list(json.loads(capsys.readouterr().out)) == ["objectives"]


def test_an_unknown_set_names_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is refused with the list of right ones."""
    assert main(["kinds", "losses"]) == 1

    printed = capsys.readouterr().err
    assert all(kind_set in printed for kind_set in SETS)
