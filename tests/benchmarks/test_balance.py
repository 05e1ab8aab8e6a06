"""The table of ways to be rid of length: its figures are those of the product, each in its place."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import balance
from plaudit.calibration.debiasing import ADJUSTED, DIVIDED, debias, ways
from plaudit.preferences.balance import Standing
from tests.calibration.test_lengths import paid_by_length


def test_every_way_of_both_models_has_a_line() -> None:
    """The first line is the plain model as `debias` has it; a way that does not apply is told instead."""
    arms = {balance.PLAIN: paid_by_length(0, 80), balance.BALANCED: paid_by_length(0, 80, pay=0.0)}
    made, refused = balance.variants(arms, seed=0)
    found = ways(arms[balance.PLAIN], made, resamples=100, seed=0)
    standing = {balance.PLAIN: Standing(0.6, 100.0), balance.BALANCED: Standing(0.5, 80.0)}
    rows = [balance.row(name, standing, 100, way) for name, way in found.items()]
    alone = debias(arms[balance.PLAIN], resamples=100, seed=0)

    divided = {f"{arm}, {DIVIDED}" for arm in arms}
    assert set(refused) == divided - set(made) and set(refused) | set(made) >= divided
    assert rows[0]["accuracy"]["value"] == alone.ways["as it is"].accuracy.value
    assert rows[1]["reward"] == ADJUSTED
    assert rows[1]["correlation"]["value"] == alone.ways[ADJUSTED].correlation.value
    assert [one["effective"] for one in rows] == [standing[one["trained_on"]].effective for one in rows]
    unpaid = rows[[one["trained_on"] for one in rows].index(balance.BALANCED)]
    assert abs(unpaid["correlation"]["value"]) < abs(rows[0]["correlation"]["value"])
    table = balance.table(rows).splitlines()
    assert len(table) == 2 + len(rows) and all(line.count("|") == 10 for line in table)


def test_models_are_compared_on_the_same_comparisons_alone() -> None:
    """Other comparisons are refused by name, as their figures would not be of the same resamples."""
    one, other = paid_by_length(0, 40), paid_by_length(1, 40)
    with pytest.raises(ValueError, match="'other' has other comparisons"):
        ways(one, {"other": other}, resamples=100)


@pytest.mark.parametrize("arguments", [["--limit", "0"], ["--threads", "0"], ["--out", "a.md"], ["--data", "x"]])
def test_wrong_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Usage, and exit code 2."""
    with pytest.raises(SystemExit, match="2"):
        balance.parsed(arguments)
    assert arguments[0] in capsys.readouterr().err


def test_a_file_that_is_not_at_hand_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that would name its folder."""
    monkeypatch.setenv("PLAUDIT_SHARED_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="PLAUDIT_SHARED_DATA names the folder"):
        balance.configuration(balance.parsed(["--data", "hh-rlhf"]))


@pytest.mark.slow
def test_a_tiny_run_writes_the_table(tmp_path: Path) -> None:
    """Both models are trained on a few snippets; weights are halved between longer and shorter."""
    out = tmp_path / "balance.json"
    arguments = ["--limit", "300", "--resamples", "100", "--threads", "1", "--out", str(out)]
    assert balance.main(arguments) == 0
    rows = balance.json.loads(out.read_text())["rows"]

    assert {one["trained_on"] for one in rows} == {balance.PLAIN, balance.BALANCED}
    won = [one["longer_wins"] for one in rows if one["trained_on"] == balance.BALANCED]
    assert won == pytest.approx([0.5] * len(won)) and won
    assert np.isfinite([one["accuracy"]["value"] for one in rows]).all()
    assert balance.table(rows) in out.with_suffix(".md").read_text()
