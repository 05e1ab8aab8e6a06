"""Reading sources of every kind, and refusing what is wrong with them by name."""

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.members import UnknownKind
from plaudit.preferences.builtin import builtin_rows
from plaudit.preferences.formats.ratings import Ratings
from plaudit.preferences.formats.trl import Trl
from plaudit.preferences.reading import read, read_many
from plaudit.preferences.rows import BadRow, BadSource, Fields, Ledger
from tests.memory import PEAK

PAIRS = [{"prompt": f"q{at}", "chosen": f"good{at}", "rejected": f"poor{at}", "id": f"id{at}"} for at in range(4)]


def _jsonl(path: Path, rows: Iterable[Fields]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _gz(path: Path, rows: Iterable[Fields]) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def _parquet(path: Path, rows: Iterable[Fields]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def _csv(path: Path, rows: Iterable[Fields]) -> Path:
    listed = list(rows)
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    return path


@pytest.mark.parametrize(
    ("name", "write"), [("x.jsonl", _jsonl), ("x.jsonl.gz", _gz), ("x.parquet", _parquet), ("x.csv", _csv)]
)
def test_every_kind_of_file_reads_the_same(
    name: str, write: Callable[[Path, Iterable[Fields]], Path], tmp_path: Path
) -> None:
    """One set of rows, whatever it is stored as, gives the same records and the same fingerprint per source name."""
    preferences = read(write(tmp_path / name, PAIRS))

    assert list(Trl().write(preferences)) == PAIRS
    assert [preference.source for preference in preferences] == [f"file:{name}"] * 4
    assert preferences.column("row").to_pylist() == [1, 2, 3, 4]


def test_a_folder_reads_its_files_in_order(tmp_path: Path) -> None:
    """A folder is one source: its files sorted, each in its own format, anything else in it left alone."""
    _jsonl(tmp_path / "b.jsonl", PAIRS[:2])
    _csv(tmp_path / "a.csv", [{"text": "t", "rating": "1.5"}])
    (tmp_path / "notes.txt").write_text("not data")
    preferences = read(tmp_path)

    assert preferences[0].responses[0].ratings == {"rating": 1.5}
    assert [preference.id for preference in preferences[1:]] == ["id0", "id1"]
    assert list(preferences.sources) == [f"file:{tmp_path.name}"]


def test_several_sources_have_their_weights(tmp_path: Path) -> None:
    """Weights multiply comparisons; figures per source say what came from where."""
    one = _jsonl(tmp_path / "one.jsonl", [row | {"source": "own"} for row in PAIRS])
    two = _jsonl(tmp_path / "two.jsonl", PAIRS[:1])
    preferences = read_many([(one, 1.0), (two, 2.5)])
    figures = preferences.sources

    assert {name: (s.records, s.responses, s.comparisons, s.weight) for name, s in figures.items()} == {
        "own": (4, 8, 4, 4.0),
        "file:two.jsonl": (1, 2, 1, 2.5),
    }
    assert [preference.comparisons[0].weight for preference in preferences] == [1, 1, 1, 1, 2.5]
    assert preferences.edges(4).weight.tolist() == [2.5]


def test_weights_must_make_sense(tmp_path: Path) -> None:
    """A negative or infinite weight is refused, and so is an empty list of sources."""
    for weight in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="weight"):
            read(_jsonl(tmp_path / "x.jsonl", PAIRS), weight=weight)
    with pytest.raises(BadSource, match="no source"):
        read_many([])


def test_options_are_checked(tmp_path: Path) -> None:
    """Unknown ways to treat bad rows, and unknown formats, fail with the known ones."""
    path = _jsonl(tmp_path / "x.jsonl", PAIRS)
    with pytest.raises(ValueError, match="'skip'; it should be one of error, drop"):
        read(path, on_bad_row="skip")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of error, drop, keep"):
        read(path, on_flaw="mend")  # type: ignore[arg-type]
    with pytest.raises(UnknownKind, match="annotations, hh, rankings, ratings, trl"):
        read(path, format="sheet")


GOOD, TEXT = PAIRS[0], "good"
BAD_ROWS = {
    "not JSON": (b'{"prompt": ', "", "is not JSON"),
    "not an object": (b"[1, 2]", "", "is a list; it should be a JSON object"),
    "not UTF-8": (b'{"prompt": "\xff"}', "", "is not UTF-8"),
    "lone surrogate": (b'{"prompt": "a", "chosen": "b\\ud83d", "rejected": "c"}', "chosen", "surrogate pair"),
    "missing rejected": (b'{"prompt": "a", "chosen": "b"}', "rejected", "is missing"),
    "wrong chosen": (b'{"prompt": "a", "chosen": 1, "rejected": "c"}', "chosen", "is 1; it should be a text"),
    "wrong margin": (b'{"chosen": "b", "rejected": "c", "margin": NaN}', "margin", "is nan"),
    "empty response": (b'{"prompt": "a", "chosen": "b", "rejected": " \\n"}', "rejected", "empty"),
    "chosen equals rejected": (b'{"prompt": "a", "chosen": "b", "rejected": "b"}', "chosen", "is the same"),
    "duplicate id": (b'{"prompt": "a", "chosen": "b", "rejected": "c", "id": "id0"}', "id", "row 1 too"),
}


@pytest.mark.parametrize("reason", BAD_ROWS)
def test_bad_rows_are_named_or_counted(reason: str, tmp_path: Path) -> None:
    """Each kind of bad row is an error that names file, row and field; dropped, it is counted by its reason."""
    line, field, problem = BAD_ROWS[reason]
    path = tmp_path / "x.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n\n" + line + b"\n" + json.dumps(PAIRS[1]).encode())
    with pytest.raises(BadRow) as caught:
        read(path, format="trl")
    dropped = read(path, format="trl", on_bad_row="drop")

    assert (caught.value.file, caught.value.number, caught.value.field) == (str(path), 3, field)
    assert problem in str(caught.value)
    assert dropped.drops == {reason: 1}
    assert [preference.id for preference in dropped] == ["id0", "id1"]


def test_half_characters_beside_whole_ones(tmp_path: Path) -> None:
    """An escaped pair is a character; half of one is found in names and deep inside."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(rb'{"chosen": "\ud83d\ude00", "rejected": "c"}')

    assert read(path)[0].responses[0].content == "\U0001f600"
    for line, field in (
        (rb'{"chosen": "a", "rejected": "b", "x": [{"y": "\uDE00"}]}', r"x\[0\]\.y"),
        (rb'{"\ud83d": 1}', "a name"),
    ):
        path.write_bytes(line)
        with pytest.raises(BadRow, match=f"field '{field}"):
            read(path, format="trl")


def test_cyclic_rankings_are_refused(tmp_path: Path) -> None:
    """A ranking that goes round is named; contradicting votes between two responses are not a cycle."""
    three = {"responses": [{"text": text} for text in "abc"], "pairwise": [1, 2, 1]}
    vote = {"prompt": "q", "response_a": "a", "response_b": "b", "annotator": "x"}
    with pytest.raises(BadRow, match=r"row 1, field 'responses\[\d\].text': the ranking is cyclic: response \d over"):
        read(_jsonl(tmp_path / "x.jsonl", [three]))
    kept = read(_jsonl(tmp_path / "x.jsonl", [three]), on_flaw="keep")
    votes = read(_jsonl(tmp_path / "y.jsonl", [vote | {"label": label} for label in "AB"]))

    assert len(kept[0].comparisons) == 3
    assert len(votes[0].comparisons) == 2


def test_ties_may_be_equal(tmp_path: Path) -> None:
    """Two equal responses that tie are no flaw."""
    row = {"responses": [{"text": "a", "rank": 1}, {"text": "a", "rank": 1}]}

    assert read(_jsonl(tmp_path / "x.jsonl", [row]))[0].comparisons[0].tie


def test_mixed_formats_name_both_rows(tmp_path: Path) -> None:
    """A file of two formats is refused with a row of each; dropping, the first row's format stays."""
    path = _jsonl(tmp_path / "x.jsonl", [*PAIRS, {"text": "t", "rating": 1}])
    with pytest.raises(BadSource, match="mixed formats: row 1 is trl, row 5 is ratings"):
        read(path)

    assert read(path, on_bad_row="drop").drops == {"another format (ratings)": 1}


def test_dialogues_and_texts_do_not_mix(tmp_path: Path) -> None:
    """Rows with the same columns but another notation are another format too."""
    path = _jsonl(
        tmp_path / "x.jsonl",
        [{"chosen": f"\n\nHuman: q\n\nAssistant: {t}", "rejected": "\n\nHuman: q\n\nAssistant: b"} for t in "ac"]
        + [{"chosen": "a", "rejected": "b"}],
    )
    with pytest.raises(BadSource, match="row 1 is hh, row 3 is trl"):
        read(path)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"question": "q", "answer": "a"}], r"its columns \(question, answer\) fit no format.*rankings: 'responses'"),
        (
            [{"chosen": "a", "rejected": "b", "response_a": "c", "response_b": "d"}],
            "fit several formats.*annotations, trl",
        ),
        ([], "it holds no rows"),
    ],
)
def test_wrong_columns_and_empty_files(rows: list[Fields], problem: str, tmp_path: Path) -> None:
    """Columns that fit nothing (or too much) are listed beside what formats need; an empty file is said to be empty."""
    with pytest.raises(BadSource, match=problem):
        read(_jsonl(tmp_path / "x.jsonl", rows))


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    """When every row is dropped the reasons are told."""
    path = _jsonl(tmp_path / "x.jsonl", [{"chosen": "a", "rejected": "a"}, {"chosen": "b", "rejected": ""}])
    with pytest.raises(BadSource, match="no row is left; dropped: 1 × chosen equals rejected, 1 × empty response"):
        read(path, on_bad_row="drop")


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    """A path that is not there, an empty folder, an unknown ending and damaged files each say so."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.txt").write_text("hello")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"chosen": "a", "rejected": "b"}\n' * 999)[:-20])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "cells.csv").write_text("chosen,rejected,chosen\n1,2,3\n")
    for name, problem in (
        ("absent.jsonl", "no such file or folder"),
        ("folder", "holds no file that ends in .jsonl, .jsonl.gz, .parquet, .csv"),
        ("x.txt", "cannot tell what it is"),
        ("cut.jsonl.gz", "damaged"),
        ("cut.parquet", "damaged"),
        ("cells.csv", "same name"),
    ):
        with pytest.raises(BadSource, match=problem) as caught:
            read(tmp_path / name)
        assert name in str(caught.value)


def test_csv_rows_must_have_the_headers_cells(tmp_path: Path) -> None:
    """A csv record with a cell too many or too few, or bytes that are no text, is named."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"chosen,rejected\na,b\nc\nd,e,f\ng,\xff\n")

    assert read(path, on_bad_row="drop").drops == {"wrong number of cells": 2, "not UTF-8": 1}
    with pytest.raises(BadRow, match="row 2: has 1 cells; the header names 2 columns"):
        read(path)


def test_csv_cells_hold_structures_and_numbers(tmp_path: Path) -> None:
    """Turns and lists stand as JSON in their cells; number columns are numbers; other texts stay texts."""
    turns = json.dumps([{"role": "user", "content": "q"}])
    path = _csv(
        tmp_path / "x.csv", [{"prompt": turns, "chosen": "[1, 2]", "rejected": "{", "margin": "0.5", "year": "1"}]
    )
    with pytest.raises(BadSource, match="fit no format"):
        read(_csv(tmp_path / "y.csv", [{"prompt": turns}]))
    record = read(path)[0]

    assert record.prompt[0].content == "q"  # type: ignore[union-attr]
    assert record.responses[0].content[0].content == "[1, 2]"  # type: ignore[union-attr]
    assert record.comparisons[0].strength == 0.5
    assert record.extra["year"] == "1"


def test_parquet_values_that_json_lacks(tmp_path: Path) -> None:
    """Decimals become their text; bytes are refused by field."""
    rows = [{"chosen": "a", "rejected": "b", "price": Decimal("1.50")}]

    assert read(_parquet(tmp_path / "x.parquet", rows))[0].extra == {"price": "1.50"}
    with pytest.raises(BadRow, match="bytes"):
        read(_parquet(tmp_path / "y.parquet", [{"chosen": "a", "rejected": "b", "blob": b"\x00"}]))


def test_equal_rows_have_ids_of_their_own(tmp_path: Path) -> None:
    """Rows without ids get ids from their content; equal ones are counted up, and stay the same from run to run."""
    path = _jsonl(tmp_path / "x.jsonl", [{"chosen": "a", "rejected": "b"}] * 3)
    ids = [preference.id for preference in read(path)]

    assert ids == [ids[0], ids[0] + "#2", ids[0] + "#3"]
    assert ids == [preference.id for preference in read(path)]
    assert list(Trl().write(read(path))) == [{"chosen": "a", "rejected": "b"}] * 3


@given(st.lists(st.fixed_dictionaries({"chosen": st.text(), "rejected": st.text()}, optional={"x": st.floats()})))
def test_any_texts_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Fields]) -> None:
    """Whatever characters texts hold, they come back; what cannot be kept is refused, never changed."""
    path = _jsonl(tmp_path_factory.mktemp("any") / "x.jsonl", rows)
    try:
        back = list(Trl().write(read(path, format="trl", on_flaw="keep")))
    except BadSource:
        assert not rows
    else:
        assert json.dumps(back, sort_keys=True) == json.dumps(rows, sort_keys=True)


def _builtin(folder: Path, ground: str, votes: str) -> Path:
    (folder / "amazonReviewSnippets_GroundTruth.txt").write_text(ground, encoding="utf-8")
    (folder / "amazonReviewSnippets_anonDataRatings.txt").write_text("\ufeff" + votes, encoding="utf-8")
    return folder


def test_builtin_ratings(tmp_path: Path) -> None:
    """Each line is one response with its mean, spread and votes, its id the unit's, its review the group."""
    _builtin(tmp_path, "1_1\t-0.5\tbad \tthing\r\n1_2\t2.0\tfine\n", "1_1\t-0.5\t0.5\t[0, -1]\r\n1_2\t2\t0\t[2, 2]\n")
    rows = list(builtin_rows("product-ratings", tmp_path, Ledger()))
    first = next(Ratings().read(rows)).responses[0]

    assert (first.content, first.id, first.ratings) == ("bad \tthing", "1_1", {"rating": -0.5})
    assert first.extra["votes"] == [0, -1]
    assert (first.extra["sd"], first.extra["group"]) == (0.5, "1")
    assert list(Ratings().write(Ratings().read(rows))) == [row.fields for row in rows]


def test_builtin_errors(tmp_path: Path) -> None:
    """Unknown names list the known ones; missing files, broken lines and unrated snippets are named."""
    with pytest.raises(BadSource, match="are: builtin:movie-ratings, builtin:product-ratings"):
        read("builtin:tweets")
    with pytest.raises(BadSource, match=r"amazonReviewSnippets_anonDataRatings\.txt: the file is missing"):
        list(builtin_rows("product-ratings", tmp_path, Ledger()))
    _builtin(tmp_path, "1_1\tx\tbad\n", "1_1\t-0.5\t0.5\t[0]\n")
    with pytest.raises(BadRow, match=r"GroundTruth\.txt, row 1: is not id, mean and text"):
        list(builtin_rows("product-ratings", tmp_path, Ledger()))
    _builtin(tmp_path, "1_2\t1\tfine\n", "1_1\t-0.5\t0.5\t[0]\n")
    with pytest.raises(BadRow, match="row 1, field 'id': has no line in"):
        list(builtin_rows("product-ratings", tmp_path, Ledger()))


def test_no_torch() -> None:
    """Reading preferences imports neither torch nor transformers, nor the hub's library before it is needed."""
    code = (
        "import sys, pkgutil, importlib, plaudit.preferences as room\n"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(room.__path__, room.__name__ + '.')]\n"
        "print([name for name in ('torch', 'transformers', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


MEMORY = """
import json, sys
from plaudit.preferences.reading import read
preferences = read(sys.argv[1])
records, comparisons = len(preferences), sum(s.comparisons for s in preferences.sources.values())
last = preferences[len(preferences) - 1].responses[0].content
print(json.dumps([records, comparisons, last, peak() / 2**30]))
"""


@pytest.mark.slow
def test_a_million_rows_fit(tmp_path: Path) -> None:
    """A million rows (0.9 GB of JSON) are read with less than 1.5 GB resident."""
    path = tmp_path / "million.jsonl"
    filler = "some words that fill the line up to what a short dialogue has " * 4
    with path.open("w", encoding="utf-8") as stream:
        for at in range(1_000_000):
            stream.write(
                json.dumps({"prompt": f"{at} {filler}", "chosen": f"good {at} {filler}", "rejected": f"poor {filler}"})
            )
            stream.write("\n")
    environment = {"PLAUDIT_CACHE": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path))}
    command = [sys.executable, "-c", PEAK + MEMORY, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    records, comparisons, last, gibibytes = json.loads(done.stdout)

    assert (records, comparisons) == (1_000_000, 1_000_000)
    assert last == f"good 999999 {filler}"
    assert gibibytes < 1.5
    assert list((tmp_path / "preferences").iterdir()) == []
