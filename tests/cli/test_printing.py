"""One strict JSON object, whatever the result holds."""

import io
import json
import math
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.cli._printing import _plain, emit, emit_lines


@dataclass(frozen=True, slots=True)
class Interval:
    """Something a workflow might return."""

    low: float
    high: float


def test_text_or_json_never_both(capsys: pytest.CaptureFixture[str]) -> None:
    """The text is printed as it is, the JSON as one line."""
    emit({"n": 3}, "three", as_json=False)
    emit({"n": 3}, "three", as_json=True)

    assert capsys.readouterr().out == 'three\n{"n": 3}\n'


def test_what_json_lacks_is_translated() -> None:
    """Dataclasses, paths, tuples and NumPy values have a JSON form; NaN and infinity are null."""
    result = {
        "interval": Interval(0.5, math.inf),
        "artefact": Path("runs") / "a",
        "rewards": np.array([1.5, np.nan]),
        "n": np.int64(3),
        "pair": (True, None),
    }

    assert _plain(result) == {
        "interval": {"low": 0.5, "high": None},
        "artefact": str(Path("runs") / "a"),
        "rewards": [1.5, None],
        "n": 3,
        "pair": [True, None],
    }


def test_what_has_no_json_form_is_refused() -> None:
    """Nothing is turned into its repr in silence."""
    with pytest.raises(TypeError, match="set"):
        emit({"ids": {1}}, "", as_json=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON))
def test_plain_json_passes_unchanged(result: dict[str, Any]) -> None:
    """What JSON can say is left alone, exactly."""
    assert json.loads(json.dumps(_plain(result), allow_nan=False)) == result


def test_each_row_is_printed_before_the_next_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows become lines one at a time; with --json they become one object at the end, or nothing where one raises."""
    printed = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(3):
            yield {"n": number}
            printed.append(capsys.readouterr().out)

    emit_lines(rows(), "rows", as_json=False)
    assert printed == [f'{{"n": {number}}}\n' for number in range(3)]
    emit_lines(({"n": number} for number in range(2)), "rows", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"rows": [{"n": 0}, {"n": 1}], "n": 2}
    with pytest.raises(ZeroDivisionError):
        emit_lines(({"n": 1 // number} for number in (1, 0)), "rows", as_json=True)
    assert capsys.readouterr().out == ""


@given(st.dictionaries(st.text(st.characters(exclude_categories=[])), JSON))
def test_a_row_is_one_line_whatever_it_holds(row: dict[str, Any]) -> None:
    """Line separators, half characters and control characters are escaped; the row is read back as it was."""
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) as out:
        emit_lines([row], "rows", as_json=False)
        printed = out.buffer.getvalue().decode("utf-8")

    assert printed.splitlines() == [printed.removesuffix("\n")]
    assert json.loads(printed) == row
