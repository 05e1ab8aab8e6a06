"""The command from end to end at its smallest: rows as they come, failures as rows, and going on where it stopped."""

import json

import pytest

from benchmarks.kinds import __main__ as command
from benchmarks.kinds import running
from benchmarks.kinds.setups import Line
from plaudit import members


@pytest.fixture
def arguments(tmp_path):
    """Arguments of the smallest run, writing into a temporary folder."""
    return ["--size", "smoke", "--threads", "1", "--out", str(tmp_path / "kinds.json"), "--work", str(tmp_path / "w")]


def read(tmp_path):
    return json.loads((tmp_path / "kinds.json").read_text())


@pytest.mark.slow
def test_objectives_and_architectures_are_trained_and_measured(arguments, tmp_path, monkeypatch):
    """Two of each and what ties are compared with, all lines with figures; resuming does only what is new."""
    only = "truth/synthetic,davidson/synthetic,ties dropped/synthetic,attributes/synthetic,two_tower/synthetic"
    assert command.main([*arguments, "--only", only]) == 0
    found = read(tmp_path)
    rows = {row["name"]: row for row in found["rows"]}

    assert set(rows) == {"truth", "davidson", "bradley_terry, ties dropped", "attributes", "two_tower"}
    assert all(row["status"] == "done" and row["accuracy"]["low"] is not None for row in rows.values())
    assert rows["attributes"]["form"] == "attributes"
    assert rows["two_tower"]["backbone"] == "encoder"
    assert rows["davidson"]["learned"]["nu"] > 0
    assert {row["name"]: bool(row["less"]) for row in found["ties"]} == {
        "truth": True, "davidson": True, "bradley_terry, ties dropped": False,
    }  # fmt: skip
    assert len(found["rows"]) + len(found["missing"]) == len(list(command.lines((0,))))
    assert list((tmp_path / "w").glob("line-*")) == []
    page = (tmp_path / "kinds.md").read_text()
    assert "| `two_tower` | pairs: 48 comparisons |" in page

    ran = []
    monkeypatch.setattr(command, "run", lambda line, settings: ran.append(line.id) or rows["truth"])
    command.main([*arguments, "--only", f"{only},chance/synthetic", "--resume"])
    assert ran == ["baselines/chance/synthetic/0"]


def test_a_line_that_fails_is_a_row_and_the_next_is_run(arguments, tmp_path, monkeypatch):
    """The reason stands in file and table, the exit status is 1, and resuming tries again."""
    names = members.names
    monkeypatch.setattr(members, "names", lambda kind_set: ["odd"] if kind_set == "objectives" else names(kind_set))
    only = ["--only", "odd/synthetic,chance/synthetic"]

    assert command.main([*arguments, *only]) == 1
    rows = {row["name"]: row for row in read(tmp_path)["rows"]}

    assert rows["chance"]["status"] == "done"
    assert rows["chance"]["nll"]["value"] == pytest.approx(0.6931, abs=1e-4)
    assert rows["odd"]["status"] == "failed"
    assert "odd" in rows["odd"]["reason"]
    assert "| `odd` | **failed**: " in (tmp_path / "kinds.md").read_text()

    ran = []
    monkeypatch.setattr(command, "run", lambda line, settings: ran.append(line.kind) or rows["odd"])
    assert command.main([*arguments, *only, "--resume"]) == 1
    assert ran == ["odd"]


def test_rows_of_other_settings_are_not_taken_for_these(arguments, tmp_path, capsys):
    """A row of another size is run again, and it is said how many were left out."""
    assert command.main([*arguments, "--only", "chance/synthetic"]) == 0
    changed = [*arguments, "--only", "chance/synthetic", "--resume", "--size", "tiny"]
    found = command.resumed(command.from_arguments(changed))

    assert found == {}
    assert "1 rows of" in capsys.readouterr().err


def test_rows_of_other_seeds_stay(arguments, tmp_path):
    """A second seed is added to the first one's rows; what is missing is told of both."""
    chance = [*arguments, "--only", "chance/synthetic"]
    assert command.main(chance) == 0
    assert command.main([*chance, "--resume", "--seeds", "1"]) == 0
    found = read(tmp_path)

    assert [row["id"] for row in found["rows"]] == ["baselines/chance/synthetic/0", "baselines/chance/synthetic/1"]
    assert "(seed 1)" not in (tmp_path / "kinds.md").read_text()  # baselines alone make no table
    assert {name.rpartition("/")[2] for name in found["missing"]} == {"0", "1"}


def test_a_line_whose_costs_are_gone_is_not_done(tmp_path):
    """What the comparison of ties needs is kept apart from the results and may have been removed."""
    row = {"status": "done", "ties": {"kept": "abc", "fitted": {}}}

    assert not command.done(row, tmp_path)
    assert command.done({"status": "done"}, tmp_path)
    assert not command.done({"status": "failed"}, tmp_path)
    assert not command.done(None, tmp_path)


def test_only_that_names_nothing_is_an_error(arguments, capsys):
    """Not an empty table."""
    assert command.main([*arguments, "--only", "nothing"]) == 2
    assert "names no line" in capsys.readouterr().err


def test_an_interrupted_line_ends_the_run(arguments, monkeypatch):
    """Ctrl-C is no failure of a line."""

    def interrupted(*_):
        raise running.Interrupted("stopped")

    monkeypatch.setattr(running, "_measured", interrupted)
    with pytest.raises(running.Interrupted):
        running.run(Line("baselines", "chance", "synthetic", 0), command.from_arguments(arguments))
