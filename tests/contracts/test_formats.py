"""What every preference format keeps to; a new file in ``formats/`` is tested by being there."""

import copy
from typing import Any

import pytest

from plaudit import members
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.formats import Format
from plaudit.preferences.preference import Preference
from plaudit.preferences.rows import BadRow, Fields, Ledger, Row

NAMES = members.names("formats")


def _rows(rows: Any) -> list[Row]:
    return [Row(fields, "example.jsonl", at) for at, fields in enumerate(rows, 1)]


@pytest.fixture(params=NAMES)
def form(request: pytest.FixtureRequest) -> Format:
    """Every format, made without arguments."""
    made: Format = members.load("formats", request.param)()
    return made


def _read(form: Format) -> list[Preference]:
    return list(form.read(_rows(form.example)))


def test_reads_and_writes_its_example(form: Format) -> None:
    """Writing what was read gives the rows back, field for field, in order, and leaves the rows alone."""
    before = copy.deepcopy(form.example)

    assert list(form.write(_read(form))) == list(form.example)
    assert form.example == before


def test_written_rows_read_the_same(form: Format) -> None:
    """Reading, writing and reading again gives equal records."""
    first = _read(form)

    assert list(form.read(_rows(form.write(first)))) == first


def test_survives_the_arrow_table(form: Format) -> None:
    """Records are the same after a trip through the table."""
    assert list(Preferences.of(_read(form))) == _read(form)


@pytest.mark.parametrize("name", NAMES)
def test_only_its_own_format_fits(name: str) -> None:
    """Each example row fits the format it belongs to and no other."""
    for fields in members.load("formats", name).example:
        assert [other for other in NAMES if members.load("formats", other)().fits(fields)] == [name]


def test_identities_are_stable_and_distinct(form: Format) -> None:
    """Two readings give the same ids, none empty, none twice."""
    ids = [preference.id for preference in _read(form)]

    assert ids == [preference.id for preference in _read(form)]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_every_field_has_a_place(form: Format) -> None:
    """A field nobody knows lands in an extra, and is written back."""
    rows = [fields | {"marginalia": {"page": at}} for at, fields in enumerate(form.example)]
    records = list(form.read(_rows(rows)))

    assert list(form.write(records)) == rows


def _broken(form: Format) -> list[Fields]:
    """Return the example with its last row's texts turned into numbers."""
    *good, last = copy.deepcopy(form.example)
    texts = ("chosen", "rejected", "response_a", "text", "response", "responses")
    return [*good, last | {name: 7 for name in texts if name in last}]


def test_a_bad_row_is_named(form: Format) -> None:
    """A malformed row is named by file, row number and field."""
    rows = _broken(form)
    with pytest.raises(BadRow) as caught:
        list(form.read(_rows(rows)))

    assert caught.value.file == "example.jsonl"
    assert caught.value.number == len(rows)
    assert caught.value.field
    assert f"example.jsonl, row {len(rows)}, field '{caught.value.field}'" in str(caught.value)


def test_a_bad_row_is_dropped_and_counted(form: Format) -> None:
    """With a ledger that drops, the other rows come through and the drop has a reason."""
    ledger = Ledger(drop=True)
    kept = list(form.write(form.read(_rows(_broken(form)), ledger)))

    assert kept == list(form.example[:-1])
    assert sum(ledger.drops.values()) == 1
    assert all(ledger.drops)


def test_reserved_names_are_refused(form: Format) -> None:
    """A source cannot plant a format's own notes."""
    with pytest.raises(BadRow, match="reserved"):
        list(form.read(_rows([form.example[0] | {"plaudit:swapped": True}])))


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_reads(name: str) -> None:
    """The first line of its file is a sentence, and it says what columns it needs."""
    assert members.describe("formats", name).endswith((".", "."))
    assert members.load("formats", name).needs
