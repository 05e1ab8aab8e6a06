"""The load on the annotation app: a small run of it counts what was stored against what was acknowledged."""

import json

import pytest

from benchmarks.annotation.__main__ import main


@pytest.mark.slow
def test_a_small_load_loses_and_doubles_nothing(tmp_path, capsys) -> None:
    """Three annotators answer every comparison there is; the file says what was printed."""
    output = tmp_path / "load.json"

    assert main(["--annotators", "3", "--comparisons", "20", "--seconds", "300", "--output", str(output)]) == 0
    found = json.loads(output.read_text(encoding="utf-8"))
    assert (found["lost"], found["doubled"]) == (0, 0)
    assert found["answers"] == found["answer"]["n"] >= 20
    assert found["requests"]["n"] == found["answer"]["n"] + found["task"]["n"]
    assert "0 lost, 0 doubled" in capsys.readouterr().out
