"""The comparison of those that learn from ties: every line's costs beside those of ``bradley_terry`` without ties."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kinds.figures import mean_of, plain
from benchmarks.kinds.setups import DROPPED
from plaudit.predictions import Floats, Predictions

FOLDER = "ties"
RIVALS = ("constant share", "fitted")
"""The ways in which ``bradley_terry`` is given a tie, each a rival of its own."""


def keep(work: Path, key: str, predictions: Predictions, costs: Mapping[str, Floats]) -> None:
    """Keep the costs of the comparisons with ties of one line, for the comparison once others are there."""
    (work / FOLDER).mkdir(parents=True, exist_ok=True)
    predictions.save(work / FOLDER / f"{key}.predictions.npz")
    np.savez(work / FOLDER / f"{key}.npz", **costs)  # type: ignore[arg-type]


def kept(work: Path, key: str) -> bool:
    """Return whether the costs of a line are there."""
    return (work / FOLDER / f"{key}.npz").is_file() and (work / FOLDER / f"{key}.predictions.npz").is_file()


def compare(work: Path, rows: Sequence[Mapping[str, Any]], resamples: int) -> list[dict[str, Any]]:
    """Return a row for every line that was judged with ties, with differences from ``bradley_terry`` without them.

    Differences are of the same comparisons on the same resamples; without the line that had no ties there are none.

    Args:
        work: where costs were kept.
        rows: of the table.
        resamples: behind each interval.
    """
    judged = [row for row in rows if row["status"] == "done" and "ties" in row and kept(work, row["ties"]["kept"])]
    return [_compared(work, row, _reference(judged, row), resamples) for row in judged]


def _reference(rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    same = [other for other in rows if (other["data"], other["seed"]) == (row["data"], row["seed"])]
    return next((other for other in same if other["variant"] == DROPPED), None)


def _compared(
    work: Path, row: Mapping[str, Any], reference: Mapping[str, Any] | None, resamples: int
) -> dict[str, Any]:
    predictions = Predictions.load(work / FOLDER / f"{row['ties']['kept']}.predictions.npz")
    costs = _costs(work, row)
    found: dict[str, Any] = {
        **{name: row[name] for name in ("set", "kind", "name", "data", "seed", "variant")},
        "comparisons": len(predictions),
        "ties": float(np.mean(predictions.outcome == 0.5)),
        "fitted": row["ties"]["fitted"],
        "learned": row.get("learned", {}),
        "nll": {way: plain(mean_of(values, predictions, resamples)) for way, values in costs.items()},
        "less": {},
    }
    if reference is None or reference["key"] == row["key"]:
        return found
    rival, own = _costs(work, reference), costs.get("own", costs.get("fitted"))
    assert own is not None
    pairs = {way: (rival[way], own) for way in RIVALS} | {"decided": (rival["decided"], costs["decided"])}
    found["less"] = {
        way: plain(mean_of(theirs - ours, predictions, resamples)) for way, (theirs, ours) in pairs.items()
    }
    return found


def _costs(work: Path, row: Mapping[str, Any]) -> dict[str, Floats]:
    with np.load(work / FOLDER / f"{row['ties']['kept']}.npz") as kept_costs:
        return {way: np.asarray(kept_costs[way], np.float64) for way in kept_costs.files}
