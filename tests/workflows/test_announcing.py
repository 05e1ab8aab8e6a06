"""Of several processes one speaks."""

import json

import pytest

from plaudit.cli._printing import emit
from plaudit.workflows.announcing import is_first, to_stderr


@pytest.mark.parametrize(
    ("world", "rank", "speaks"), [(None, None, True), ("1", "3", True), ("2", "0", True), ("2", "1", False)]
)
def test_the_first_process_speaks(monkeypatch, capsys, world, rank, speaks):
    """Results and progress come from rank 0, and from a process that is alone, whatever its number."""
    for name, value in (("WORLD_SIZE", world), ("RANK", rank)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    emit({"n": 1}, "one", as_json=True)
    to_stderr("working")
    printed = capsys.readouterr()

    assert is_first() is speaks
    assert (printed.out, printed.err) == ((json.dumps({"n": 1}) + "\n", "working\n") if speaks else ("", ""))
