"""A CSV of scores from anywhere becomes predictions, exactly, or is refused by row and column."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.predictions.scores import BadScores, read_scores

FULL = """group,chosen_id,rejected_id,chosen,rejected,outcome,weight,strength,chosen_length,rejected_length,slice.source
p1,a,b,1.5,0.25,1,2,0.5,10,20,hh
p1,a,c,1.5,-1,0.5,,,10,30,"oa, sst"
p2,d,e,0,3,,1,,5,5,
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "scores.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_column_has_its_place(tmp_path: Path) -> None:
    """Rewards, ids, groups, outcomes, weights, strengths, lengths and slices; what is empty has its default."""
    found = read_scores(written(tmp_path, FULL))

    assert found.margins.tolist() == [1.25, 2.5, -3.0]
    assert found.ids == ("a", "d", "b", "c", "e")
    assert found.chosen.tolist() == [0, 0, 1] and found.rejected.tolist() == [2, 3, 4]
    assert found.response_group.tolist() == [0, 1, 0, 0, 1] and not found.by_response
    assert (found.outcome.tolist(), found.weight.tolist()) == ([1, 0.5, 1], [2, 1, 1])
    assert found.strength[0] == 0.5 and np.isnan(found.strength[1:]).all()
    assert found.lengths.tolist() == [10, 5, 20, 30, 5]
    assert found.slices["source"].tolist() == ["hh", "oa, sst", ""]


def test_two_columns_are_enough(tmp_path: Path) -> None:
    """Only rewards: every row is a prompt of its own, won by its first response; a byte-order mark is no name."""
    found = read_scores(written(tmp_path, "\ufeffchosen,rejected\n1,2\n3,0.5\n"))
    assert found.margins.tolist() == [-1, 2.5]
    assert (found.group_count, found.ids, found.by_response) == (2, (), False)


def test_ids_that_come_back_are_the_unit_without_groups(tmp_path: Path) -> None:
    """Without groups responses in several rows are drawn; where none comes back, rows are."""
    head = "chosen_id,rejected_id,chosen,rejected\n"
    assert read_scores(written(tmp_path, head + "a,b,1,0\nb,c,0,2\n")).by_response
    apart = read_scores(written(tmp_path, head + "a,b,1,0\nc,d,0,2\n"))
    assert not apart.by_response and apart.group_count == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no column 'chosen'; there are: none"),
        ("chosen,score\n1,2\n", "there is no column 'rejected'"),
        ("chosen,rejected,winner\n1,2,a\n", "no column is called 'winner'; there can be: chosen, rejected, group"),
        ("chosen,rejected,chosen\n1,2,3\n", "there are 2 columns 'chosen'"),
        ("chosen,rejected,chosen_id\n1,2,a\n", "chosen_id and rejected_id go together"),
        ("chosen,rejected\n1,2\n1\n", "row 2 has 1 fields; there are 2 columns"),
        ("chosen,rejected\n1,2\n1,much\n", "row 2: rejected is 'much'; it must be a finite number"),
        ("chosen,rejected\n1,\n", "row 1: rejected is ''; it must be a finite number"),
        ("chosen,rejected\nnan,1\n", "row 1: chosen is 'nan'"),
        ("chosen,rejected\ninf,1\n", "row 1: chosen is 'inf'"),
        ("chosen,rejected,weight\n1,2,-1\n", "weight of comparison 0 is -1.0"),
        ("chosen,rejected,weight\n1,2,nan\n", "row 1: weight is 'nan'"),
        ("chosen,rejected,outcome\n1,2,0\n", "outcome of comparison 0 is 0.0; it must be 1"),
        ("chosen,rejected,chosen_length,rejected_length\n1,2,3,4.5\n", "row 1: rejected_length is '4.5'"),
        (
            "chosen,rejected,chosen_length,rejected_length\n1,2,-3,4\n",
            "row 1: chosen_length is '-3'; it must be a whole",
        ),
        (
            "chosen,rejected,chosen_id,rejected_id\n1,2,a,b\n3,2,a,c\n",
            "row 1: 'a' has another reward here than further",
        ),
        ("chosen,rejected,group,chosen_id,rejected_id\n1,2,p,a,b\n1,0,q,a,c\n", "'a' has another group here"),
        ("chosen,rejected,chosen_id,rejected_id\n1,2,a,b\n1,0,a,\n", "row 2: rejected_id is empty"),
        ('chosen,rejected\n1,"2\n', "unexpected end of data"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str, tmp_path: Path) -> None:
    """Each fault is refused with the file, the row and the column."""
    with pytest.raises(BadScores, match=message) as refused:
        read_scores(written(tmp_path, text))
    assert "scores.csv" in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8."""
    (tmp_path / "scores.csv").write_bytes(b"chosen,rejected\n\xff\xfe,1\n")
    with pytest.raises(BadScores, match="utf-8"):
        read_scores(tmp_path / "scores.csv")


rows = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.text(max_size=5)), max_size=20)


@given(rows)
def test_numbers_and_labels_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, drawn: list) -> None:
    """Whatever a program writes with Python's csv module is read back to the last digit and character."""
    import csv

    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["chosen", "rejected", "slice.label"])
        writer.writerows(drawn)
    found = read_scores(path)
    assert found.rewards.tolist() == [row[0] for row in drawn] + [row[1] for row in drawn]
    assert found.slices["label"].tolist() == [row[2] for row in drawn]
