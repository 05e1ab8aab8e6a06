"""Cleaning: only what was chosen, row by row, in any kind of file, once and for all."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.doctor.cleaning import Cleaned, clean
from plaudit.doctor.repairs import MALFORMED, REPAIRS, UnknownRepair, mend
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.reading import read
from plaudit.preferences.rows import BadRow, BadSource

ALL = [code for code in REPAIRS if code != "contamination"]
PAIRS: list[dict[str, Any]] = [
    {"prompt": "Hi?", "chosen": "Hello.", "rejected": "Go.", "margin": 1.5, "note": {"b": 1, "a": [2]}},
    {"prompt": "Bye?", "chosen": "See you.", "rejected": " "},
    {"prompt": "Hi?", "chosen": "Hello.", "rejected": "Go.", "margin": 1.5},
    {"prompt": "Same?", "chosen": "Yes.", "rejected": "Yes."},
    {"prompt": "Up?", "chosen": "Down.", "rejected": "Left."},
    {"prompt": "Up?", "chosen": "Left.", "rejected": "Down."},
]
VOTE = {"item_id": "i", "prompt": "Sky?", "response_a": "Blue.", "response_b": "Red.", "model_a": "x", "model_b": "y"}
VOTES = [
    {**VOTE, "annotator": "ann", "label": "A", "turn": 1},
    {**VOTE, "annotator": "ann", "label": "A", "turn": 2},
    {**VOTE, "annotator": "bob", "label": "tie"},
    {**VOTE, "item_id": "j", "response_b": "", "annotator": "bob", "label": "A"},
]
RANKED = [
    {"prompt": "Name.", "responses": [{"text": "a", "rank": 0}, {"text": "", "rank": 1}, {"text": "c", "rank": 1}]},
    {"prompt": "Nome.", "responses": [{"text": "a", "rank": 0}, {"text": "a", "rank": 1}, {"text": "c", "rank": 2}]},
    {
        "prompt": "Ring.",
        "responses": [{"text": "a"}, {"text": "b"}, {"text": "c"}, {"text": "d"}],
        "pairwise": [1, 2, 0, 2, 1, 1],
        "feedback_on_response_0": {"errors": [{"start": 0, "end": 9}]},
    },
]


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def cleaned(tmp_path: Path, data: bytes, *codes: str, name: str = "in.jsonl") -> tuple[Cleaned, bytes]:
    (tmp_path / name).write_bytes(data)
    done = clean(tmp_path / name, codes, tmp_path / f"out.{name}")
    return done, done.output.read_bytes()


def test_only_the_chosen_repair_is_done_and_the_rest_stays_byte_for_byte(tmp_path: Path) -> None:
    """Odd spacing, order of keys and escapes of rows that nobody touches are as they were."""
    odd = b'{"rejected" :"No.",  "chosen":"Caf\\u00e9.","prompt":"What?"}\r\n'
    _, out = cleaned(tmp_path, odd + lines(*PAIRS), "empty_responses")
    assert out == odd.replace(b"\r\n", b"\n") + lines(*(row for row in PAIRS if row["rejected"] != " "))


def test_the_ledger_names_every_row_that_was_touched(tmp_path: Path) -> None:
    """One line a row: which, of which record, what was done, for which repairs and why."""
    done, out = cleaned(tmp_path, lines(*PAIRS), *ALL)
    told = [json.loads(line) for line in done.ledger.read_text().splitlines()]
    assert [(one["row"], one["done"], one["repairs"]) for one in told if one["done"] == "dropped"] == [
        (2, "dropped", ["empty_responses"]),
        (3, "dropped", ["duplicate_records"]),
        (4, "dropped", ["equal_responses"]),
        (5, "dropped", ["contradictory_votes"]),
        (6, "dropped", ["contradictory_votes"]),
    ]
    assert out.count(b"\n") == 1
    assert all(one["why"] for one in told)


def test_votes_go_row_by_row(tmp_path: Path) -> None:
    """A vote given twice and a tie go; the others of the item stay, a field that votes shared among them."""
    done, out = cleaned(tmp_path, lines(*VOTES), "duplicate_votes", "ties", "empty_responses")
    assert out == lines(VOTES[0])
    assert [(one.row, one.repairs) for one in done.treated] == [
        (2, ("duplicate_votes",)),
        (3, ("ties",)),
        (4, ("empty_responses",)),
    ]


def test_sides_are_exchanged_whole(tmp_path: Path) -> None:
    """Texts, models and labels move together, so the winner is the same text; doing it again changes nothing."""
    rows = [
        {**VOTE, "item_id": str(at), "response_b": f"Red {at}.", "annotator": "a", "label": "A"} for at in range(40)
    ]
    done, out = cleaned(tmp_path, lines(*rows), "side_bias")
    found = [json.loads(line) for line in out.splitlines()]
    turned = [row for row in found if row["label"] == "B"]
    assert 10 < len(turned) < 30
    assert len(done.treated) == len(turned)
    assert all((row["response_b"], row["model_b"]) == ("Blue.", "x") for row in turned)
    again, same = cleaned(tmp_path, out, "side_bias")
    assert (same, again.treated) == (out, ())


def test_rankings_lose_responses_and_comparisons(tmp_path: Path) -> None:
    """What is written is read as the record that was meant: ranks left alone, pairs named where they must be."""
    _, out = cleaned(tmp_path, lines(*RANKED), "empty_responses", "equal_responses", "ties", "bad_spans")
    rows = [json.loads(line) for line in out.splitlines()]
    (tmp_path / "again.jsonl").write_bytes(out)
    records = list(read(tmp_path / "again.jsonl"))
    edges = [[(one.chosen, one.rejected) for one in record.comparisons] for record in records]
    assert [response["text"] for response in rows[0]["responses"]] == ["a", "c"]
    assert edges == [[(0, 1)], [(0, 2), (1, 2)], [(0, 1), (2, 0), (2, 1), (1, 3), (2, 3)]]
    assert rows[2]["feedback_on_response_0"] == {}


@pytest.mark.parametrize("rows", [PAIRS, VOTES, RANKED], ids=["pairs", "votes", "rankings"])
def test_cleaning_twice_changes_nothing(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """The clean file is clean."""
    _, out = cleaned(tmp_path, lines(*rows), *ALL)
    done, again = cleaned(tmp_path, out, *ALL)
    assert (again, done.treated) == (out, ())


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "p", "q"]),
            st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=3, max_size=3),
            st.lists(st.tuples(st.permutations(range(3)), st.booleans(), st.sampled_from(["", "ann"])), max_size=4),
        ),
        max_size=5,
    )
)
def test_repairs_settle(made: list[tuple[str, list[str], list[tuple[list[int], bool, str]]]]) -> None:
    """Whatever is wrong with records, repairs come to an end, and find nothing to do in what they have made."""
    records = [
        Preference(
            prompt=prompt,
            responses=tuple(Response(content=text) for text in texts),
            comparisons=tuple(
                Comparison(chosen=order[0], rejected=order[1], tie=tie, annotator=who) for order, tie, who in votes
            ),
            id=str(at),
        )
        for at, (prompt, texts, votes) in enumerate(made)
    ]
    repairs = {code: REPAIRS[code] for code in ALL}
    left = [record for record in mend(records, repairs).records if record is not None]
    again = mend(left, repairs)
    assert (again.records, again.done) == (left, {})


def test_every_kind_of_file_keeps_its_kind(tmp_path: Path) -> None:
    """Compressed lines, csv with line breaks in cells, and parquet with dates come out as they went in."""
    _, packed = cleaned(tmp_path, gzip.compress(lines(*PAIRS)), "empty_responses", name="a.jsonl.gz")
    assert gzip.decompress(packed) == lines(*(row for row in PAIRS if row["rejected"] != " "))
    text = 'prompt,chosen,rejected\r\n"Two\nlines?",Yes.,No.\r\nUp?,Left., \r\n"Q",  "A",B\r\n'
    _, table = cleaned(tmp_path, text.encode(), "empty_responses", name="a.csv")
    assert table.decode() == text.replace("Up?,Left., \r\n", "")
    day = pa.array([19000, 19001, 19002], pa.date32())
    columns = {"prompt": ["p", "q", "r"], "chosen": ["a", "", "c"], "rejected": ["b", "b", "d"], "day": day}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    done = clean(tmp_path / "a.parquet", ["empty_responses"], tmp_path / "b.parquet")
    assert pq.read_table(done.output).equals(pa.table(columns).take([0, 2]))


def test_rewritten_rows_of_csv_and_parquet(tmp_path: Path) -> None:
    """A row that changes is written as its kind of file has it, with its other fields."""
    rows = [
        {**VOTE, "item_id": str(at), "response_b": f"Red {at}.", "annotator": "a", "label": "A"} for at in range(12)
    ]
    with (tmp_path / "v.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    done = [clean(tmp_path / f"v.{kind}", ["side_bias"], tmp_path / f"w.{kind}") for kind in ("csv", "parquet")]
    texts = [[[one.content for one in record.responses] for record in read(each.output)] for each in done]
    assert texts[0] == texts[1]
    assert len(done[0].treated) == len(done[1].treated) > 0


def test_rows_that_cannot_be_read(tmp_path: Path) -> None:
    """They stop the cleaning, with the way out, or are left out and named in the ledger, where that is chosen."""
    data = lines(PAIRS[0]) + b"{broken\n" + lines({"prompt": "x", "chosen": 3, "rejected": "y"}, PAIRS[4])
    with pytest.raises(BadRow, match=r"row 2.*--repair malformed_rows"):
        cleaned(tmp_path, data, "ties")
    done, out = cleaned(tmp_path, data, MALFORMED)
    assert out == lines(PAIRS[0], PAIRS[4])
    assert [(one.row, one.repairs) for one in done.treated] == [(2, (MALFORMED,)), (3, (MALFORMED,))]
    twice = lines({**PAIRS[0], "id": "k"}, {**PAIRS[4], "id": "k"})
    with pytest.raises(BadRow, match="'k' is the id of an earlier record"):
        cleaned(tmp_path, twice, "ties")
    assert cleaned(tmp_path, twice, MALFORMED)[1] == lines({**PAIRS[0], "id": "k"})


def test_what_cannot_be_done_is_refused(tmp_path: Path) -> None:
    """Unknown repairs, other kinds of file, the same file, nothing left, nothing there: each says what would do."""
    (tmp_path / "in.jsonl").write_bytes(lines(*PAIRS))
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    with pytest.raises(UnknownRepair, match="there is no repair 'typos'; those there are: malformed_rows,"):
        clean(source, ["typos"], out)
    with pytest.raises(UnknownRepair, match="no repair was chosen"):
        clean(source, [], out)
    with pytest.raises(BadSource, match=r"should end in \.jsonl or \.jsonl\.gz"):
        clean(source, ["ties"], tmp_path / "out.csv")
    with pytest.raises(BadSource, match="it is the file to be cleaned"):
        clean(source, ["ties"], source)
    with pytest.raises(BadSource, match="no such file"):
        clean(tmp_path / "none.jsonl", ["ties"], out)
    with pytest.raises(ValueError, match="--against"):
        clean(source, ["contamination"], out)
    source.write_bytes(lines(PAIRS[1]))
    with pytest.raises(BadSource, match="nothing would be left of 1 rows"):
        clean(source, ["empty_responses"], out)
    assert not out.exists()


def test_contamination_takes_out_what_others_hold(tmp_path: Path) -> None:
    """Records whose prompt is in the other file go, near-duplicates of it too."""
    (tmp_path / "other.jsonl").write_bytes(lines({"prompt": "HI ?", "chosen": "1", "rejected": "2"}))
    (tmp_path / "in.jsonl").write_bytes(lines(*PAIRS))
    held = read(tmp_path / "other.jsonl")
    done = clean(tmp_path / "in.jsonl", ["contamination"], tmp_path / "out.jsonl", against=[held])
    assert [one.row for one in done.treated] == [1, 3]
