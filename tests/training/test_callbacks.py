"""The line that shows how a run goes."""

import io

import pytest

from plaudit.training.callbacks import ProgressLine

STEP = {
    "kind": "step",
    "step": 3,
    "epoch": 0.3,
    "loss": 0.51234,
    "running_loss": 0.6,
    "accuracy": 0.75,
    "margin": 0.25,
    "learning_rate": 1e-5,
    "pairs_per_second": 12.34,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        """Claim to be one."""
        return True


def test_the_line_holds_what_was_promised() -> None:
    """Loss, running loss, accuracy, margin, learning rate, pairs a second and the time left are in it."""
    stream = io.StringIO()
    ProgressLine(10, stream)(STEP)
    for part in ("step 3/10", "loss 0.5123", "running 0.6000", "75.0%", "+0.250", "1.00e-05", "12.3 pairs/s", "left"):
        assert part in stream.getvalue()


def test_a_terminal_gets_one_live_line() -> None:
    """On a terminal each step overwrites the last; a shorter line leaves nothing of the longer one."""
    stream = Terminal()
    line = ProgressLine(1000, stream)
    line({**STEP, "step": 999, "loss": 1234.5})
    line(STEP)
    line({"kind": "evaluation", "step": 3, "epoch": 0.3, "nll": 0.5, "best": True})
    shown = stream.getvalue().split("\r")
    assert len(shown) == 4 and "\n" not in "".join(shown[:3])
    assert len(shown[2]) >= len(shown[1]) and "(best so far)" in shown[3] and shown[3].endswith("\n")


def test_elsewhere_lines_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a log there is a plain line now and then, and always the last step."""
    stream = io.StringIO()
    line = ProgressLine(100, stream, every=10.0)
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for step in range(1, 101):
        now[0] += 1.0
        line({**STEP, "step": step})
    lines = stream.getvalue().splitlines()
    assert 10 <= len(lines) <= 12 and lines[-1].startswith("step 100/100")


def test_steps_without_comparisons_show_no_accuracy() -> None:
    """Where an objective has no comparisons the line leaves accuracy and margin out."""
    stream = io.StringIO()
    ProgressLine(10, stream)({**STEP, "accuracy": None, "margin": None})
    assert "accuracy" not in stream.getvalue() and "margin" not in stream.getvalue()


def test_the_time_left_counts_from_where_a_run_went_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run resumed at step 90 that took 10 s for two steps has 8 steps, 40 s, left."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    line = ProgressLine(100, stream, every=0.0, _began=now[0])
    now[0] = 105.0
    line({**STEP, "step": 91})
    now[0] = 110.0
    line({**STEP, "step": 92})
    assert stream.getvalue().splitlines()[-1].endswith("0:40 left")


@pytest.mark.parametrize("kind", ["epoch", "evaluation"])
def test_other_rows_are_lines_of_their_own(kind: str) -> None:
    """The end of an epoch and a validation are shown with their numbers."""
    stream = io.StringIO()
    ProgressLine(10, stream)({"kind": kind, "step": 5, "epoch": 1.0, "loss": 0.25, "seconds": 3.0, "best": False})
    assert "loss 0.25" in stream.getvalue() and "seconds" not in stream.getvalue()
