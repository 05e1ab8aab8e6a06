"""The larger files: every field of every row survives."""

import gzip
import json
from pathlib import Path

import pytest

from plaudit import members
from plaudit.preferences.groups import assign
from plaudit.preferences.reading import read

FILES = {
    "fine_grained_rlhf.rankings": ("rankings", 500, 500, 3000),
    "hh-rlhf-harmless.train": ("hh", 1412, 1412, 1412),
    "hh-rlhf-harmless.validation": ("hh", 300, 300, 300),
    "llama_factory_demo": ("trl", 600, 600, 600),
    "mt_bench_human.annotations": ("annotations", 2991, 1240, 2991),
    "oasst2_filtered.rankings": ("rankings", 202, 202, 502),
    "pandalm.annotations": ("annotations", 2997, 999, 2997),
}


@pytest.mark.parametrize("name", FILES)
def test_rows_survive(name: str, shared_data: Path) -> None:
    """The format is told from the columns; read through the table and written back, the rows are the source's rows."""
    form, rows, records, comparisons = FILES[name]
    path = shared_data / f"{name}.jsonl.gz"
    preferences = read(path, on_flaw="keep")
    written = list(members.load("formats", form)().write(preferences))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        source = [json.loads(line) for line in lines]

    assert sorted(json.dumps(row, sort_keys=True) for row in written) == sorted(
        json.dumps(row, sort_keys=True) for row in source
    )
    assert (len(written), len(preferences)) == (rows, records)
    assert sum(figures.comparisons for figures in preferences.sources.values()) == comparisons
    assert not preferences.drops


def test_flawed_rows_are_named_or_counted(shared_data: Path) -> None:
    """By default an empty side is an error that names the row; dropped, it is counted."""
    path = shared_data / "hh-rlhf-harmless.validation.jsonl.gz"
    with pytest.raises(ValueError, match="row 208, field 'chosen': the response is empty"):
        read(path)
    dropped = read(path, on_bad_row="drop")

    assert dropped.drops == {"empty response": 1}
    assert len(dropped) == 299


def test_repeated_prompts_share_a_group(shared_data: Path) -> None:
    """The 80 questions of one set and the 170 of another are 80 and 170 groups."""
    for name, groups in (("mt_bench_human.annotations", 80), ("pandalm.annotations", 170)):
        assigned = assign(read(shared_data / f"{name}.jsonl.gz", on_flaw="keep"))

        assert len(set(assigned.groups)) == groups
