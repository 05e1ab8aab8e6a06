"""The whole machinery on tiny models, against the real peers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.machine import ROOT
from benchmarks.settings import PARTS

pytestmark = [pytest.mark.slow, pytest.mark.peers]


def test_a_smoke_run_measures_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides train on the same ids with equal losses and gradients, and every part leaves its raw figures."""
    out = tmp_path / "results.json"
    monkeypatch.setenv("PLAUDIT_PEERS", os.environ.get("PLAUDIT_PEERS", sys.executable))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))

    command = [sys.executable, "-m", "benchmarks", "--smoke", "--threads", "1", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert set(found["raw"]) == set(PARTS)
    assert found["failed"] == found["skipped"] == {}
    assert found["found"]["equality"]["gradient_difference"] < 1e-3
    assert all(len(answers) == 2 for answers in found["raw"]["train"].values())
    assert found["versions"]["arms"]["train.trl"]["trl"]
    assert found["found"]["minilm"]["float32"]["rank_correlation"] > 0.99
