"""How the report writes numbers: an estimate with its interval, a cell that sorts by its value."""

from collections.abc import Mapping, Sequence
from typing import Any

from plaudit.pages.blocks import Cell, Tone

Record = Mapping[str, Any]

NONE = "–"
"""Where there is no number."""

TITLES = {
    "accuracy": "accuracy",
    "log_likelihood": "log-likelihood",
    "expected_calibration_error": "calibration error (ECE)",
    "brier": "Brier score",
    "area_under_curve": "area under the ROC curve",
    "nll": "NLL",
    "ece": "ECE",
    "chosen_is": "the chosen one is",
    "longer_wins": "longer wins",
    "shorter_wins": "shorter wins",
}


def title(name: str) -> str:
    """Return what a metric, a baseline or a slice is called."""
    return TITLES.get(name, name.replace("_", " "))


def is_estimate(found: Any) -> bool:
    """Return whether a part of the record is a number with an interval."""
    return isinstance(found, Mapping) and {"value", "low", "high"} <= set(found)


def number(found: float | None, places: int = 3) -> str:
    """Return a number, or a dash."""
    if found is None:
        return NONE
    return (f"{found:,}" if isinstance(found, int) else f"{found:.{places}f}").replace("-", "−")


def estimate(found: Record | None, places: int = 3) -> str:
    """Return ``0.741 [0.720, 0.761]``; without interval the bare number; a dash where there is none."""
    if not found or found["value"] is None:
        return NONE
    if found["low"] is None:
        return number(found["value"], places)
    return f"{number(found['value'], places)} [{number(found['low'], places)}, {number(found['high'], places)}]"


def cell(found: Any, places: int = 3, tone: Tone = "plain") -> Cell:
    """Return a cell for an estimate, a number or a text; numbers sort by their value."""
    if is_estimate(found):
        return Cell(estimate(found, places), _order(found["value"]), tone)
    if isinstance(found, bool) or found is None:
        return Cell({True: "yes", False: "no", None: NONE}[found], None, tone)
    if isinstance(found, int | float):
        return Cell(number(found, places), float(found), tone)
    return Cell(str(found), None, tone)


def _order(value: float | None) -> float | None:
    return None if value is None else float(value)


def interval(found: Record, places: int = 3) -> str:
    """Return only the interval, or why there is none."""
    if found["low"] is None:
        return f"no interval: {found['reason']}" if found.get("reason") else "no interval"
    return f"95 %: {number(found['low'], places)} to {number(found['high'], places)}"


def bars(found: Sequence[Record], scale: float = 1.0) -> dict[str, Any]:
    """Return the error bars of estimates, as Plotly has them, times ``scale``."""
    above = [0.0 if one["high"] is None else (one["high"] - one["value"]) * scale for one in found]
    below = [0.0 if one["low"] is None else (one["value"] - one["low"]) * scale for one in found]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.2, "width": 3}
