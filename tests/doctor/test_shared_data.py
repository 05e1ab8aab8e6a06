"""What the doctor says of larger files, against counts made from their rows by other means."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from plaudit.doctor.examination import Examination
from plaudit.doctor.finding import Finding
from plaudit.evaluation.intervals import Estimate
from plaudit.workflows.doctor import Examining, doctor

PANDALM, MT_BENCH = "pandalm.annotations.jsonl.gz", "mt_bench_human.annotations.jsonl.gz"


def rows_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def examined(path: Path, *checks: str) -> Examination:
    return doctor([str(path)], Examining(checks=list(checks), resamples=200))


def found(examination: Examination, code: str) -> Finding:
    return next(finding for finding in examination.findings if finding.code == code)


def test_empty_sides_are_found(shared_data: Path) -> None:
    """As many records hold an empty side as items of rows with one."""
    path = shared_data / PANDALM
    empty = {row["item_id"] for row in rows_of(path) if not row["response_a"].strip() or not row["response_b"].strip()}
    finding = found(examined(path, "empty_responses"), "empty_responses")
    assert finding.count == len(empty) > 50
    assert finding.severity == "error"


def test_the_excess_of_side_b_is_found_and_explained(shared_data: Path) -> None:
    """Side B wins as often as the rows say, and models always stand in one order."""
    path = shared_data / MT_BENCH
    labels = Counter(row["label"] for row in rows_of(path))
    examination = examined(path, "side_bias", "equal_responses")
    finding = found(examination, "side_bias")
    wins = finding.numbers["second_wins"]
    assert isinstance(wins, Estimate)
    assert wins.value == pytest.approx(labels["B"] / (labels["A"] + labels["B"]))
    assert "'model' always stand in the same order" in finding.sentence
    equal = sum(row["response_a"] == row["response_b"] for row in rows_of(path))
    assert found(examination, "equal_responses").count == equal > 0


def test_agreement_is_what_is_known_of_the_set(shared_data: Path) -> None:
    """The nominal alpha of the complete design is 0.864."""
    outcome = examined(shared_data / PANDALM, "agreement").outcomes["agreement"]
    assert "alpha 0.864" in outcome.measured


def test_the_same_prompts_in_two_files_are_found(shared_data: Path, tmp_path: Path) -> None:
    """Rows copied into another file are found there, as a split and as a file held against."""
    path = shared_data / "hh-rlhf-harmless.validation.jsonl.gz"
    some = tmp_path / "some.jsonl"
    some.write_text("".join(json.dumps(row) + "\n" for row in rows_of(path)[10:15]), encoding="utf-8")
    how = Examining(checks=["shared_prompts"], against=[str(some)], resamples=200)
    against = found(doctor([str(path)], how), "contamination")
    between = doctor([f"train={path}", f"test={some}"], Examining(checks=["shared_prompts"], resamples=200))
    assert against.count == 5
    assert [place.row for place in against.places] == [11, 12, 13, 14, 15]
    assert found(between, "shared_between_splits").count == 5


@pytest.mark.slow
def test_every_file_is_examined_whole(shared_data: Path) -> None:
    """All checks run on every file; each finding names its rows or none, and has a number in its sentence."""
    for path in sorted(shared_data.glob("*.jsonl.gz")):
        examination = doctor([str(path)], Examining(resamples=200))
        assert len(examination.outcomes) >= 20
        for finding in examination.findings:
            assert any(character.isdigit() for character in finding.sentence)
            assert all(place.row > 0 for place in finding.places)
