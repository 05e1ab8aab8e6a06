"""The page of training curves holds the history's numbers and opens offline."""

import pytest

from plaudit.pages.curves import points, smoothed, write

HISTORY = [
    {"kind": "step", "step": 1, "loss": 0.7, "accuracy": 0.5, "learning_rate": 1e-5},
    {"kind": "evaluation", "step": 1, "nll": 0.69, "accuracy": 0.55},
    {"kind": "step", "step": 2, "loss": 0.5, "accuracy": None, "learning_rate": 0.0},
]


def test_points_skip_rows_without_the_key():
    """Only rows of the kind that have a value count."""
    assert points(HISTORY, "step", "loss") == ([1, 2], [0.7, 0.5])
    assert points(HISTORY, "step", "accuracy") == ([1], [0.5])
    assert points(HISTORY, "evaluation", "nll") == ([1], [0.69])


def test_smoothing_keeps_constants_and_starts_at_the_first_value():
    """The moving average is corrected for its start."""
    assert smoothed([3.0, 3.0, 3.0]) == pytest.approx([3.0, 3.0, 3.0])
    assert smoothed([1.0, 2.0], keep=0.5) == pytest.approx([1.0, (0.5 * 1 * 0.5 + 0.5 * 2) / 0.75])


def test_the_page_is_one_file_with_its_script(tmp_path):
    """The page loads nothing from elsewhere and names its panels."""
    path = write(HISTORY, tmp_path / "training.html")
    assert path is not None
    text = path.read_text(encoding="utf-8")

    assert "learning rate" in text
    assert 'src="http' not in text
