"""What the measuring processes share."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.arms import protocol
from benchmarks.machine import ROOT

REQUEST = {"warm_up": 8, "pairs": 16, "batch_size": 8}


def test_only_the_steps_after_the_warm_up_are_timed() -> None:
    """From the end of the first step to that of the last: 16 pairs in 4 seconds."""
    clock = protocol.StepClock(ends=[100.0, 101.0, 104.0], peaks=[5, 6, 7])

    found = clock.answer(REQUEST, before=3)

    assert found["pairs_per_second"] == 4.0
    assert found["step_seconds"] == [1.0, 3.0]
    assert (found["resident_before"], found["peak"]) == (3, 7)


def test_missing_steps_are_an_error() -> None:
    """A side that filtered pairs away would look fast."""
    with pytest.raises(ValueError, match="2 steps were done where 3"):
        protocol.StepClock(ends=[1.0, 2.0], peaks=[1, 1]).answer(REQUEST, before=0)


def test_the_peak_grows_with_what_is_held() -> None:
    """100 MB more in use raise the peak by about that, and it stays when they are gone.

    In a process of its own: this one may keep as much memory from earlier tests, and take it from there.
    """
    script = (
        "from benchmarks.arms import protocol\n"
        "before = protocol.resident()\n"
        "held = bytearray(100_000_000)\n"
        "held[::4096] = b'x' * len(held[::4096])\n"
        "del held\n"
        "print(protocol.peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert int(done.stdout) >= 90_000_000


def test_equal_rows_have_equal_digests() -> None:
    """The digest tells ids, their order and their borders apart."""
    rows = [[1, 2], [3]]

    assert protocol.digest(rows) == protocol.digest(iter(rows))
    assert len({protocol.digest(other) for other in (rows, [[3], [1, 2]], [[1], [2, 3]], [[1, 2, 3]])}) == 4


def test_a_request_is_answered_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is read from the first path, the answer lies in the second."""
    ask, reply = tmp_path / "ask", tmp_path / "reply"
    ask.write_text('{"number": 20}')
    monkeypatch.setattr(sys, "argv", ["arm", str(ask), str(reply)])

    protocol.answer(lambda request: {"twice": 2 * request["number"]})

    assert json.loads(reply.read_text()) == {"twice": 40}
