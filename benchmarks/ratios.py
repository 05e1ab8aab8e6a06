"""Ratios with their spread.

Two systems take turns. Each pair of neighbouring repeats gives one ratio; their geometric mean is reported with a 95 %
interval from Student's t on their logarithms. Against a target the *unfavourable* end of the interval counts.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scipy.stats import t as student

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """A geometric mean of ratios with its interval.

    Attributes:
        mean, low, high: the geometric mean and the ends of its 95 % interval.
        each: the single ratios, in the order in which they were measured.
    """

    mean: float
    low: float
    high: float
    each: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio is to reach: at least, or at most, this value."""

    value: float
    sense: Literal["at least", "at most"] = "at least"

    def met(self, ratio: Ratio) -> bool:
        """Return whether the whole interval keeps to the target."""
        return ratio.low >= self.value if self.sense == "at least" else ratio.high <= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One thing that both did.

    Attributes:
        what: what they did, in words.
        unit: of the measured values.
        ours, peer: the values of each repeat, pair by pair.
        target: for the ratio of ours to the peer's, or None where there is none.
        note: what a reader has to know about it.
    """

    what: str
    unit: str
    ours: tuple[float, ...]
    peer: tuple[float, ...]
    target: Target | None = None
    note: str = ""

    @property
    def ratio(self) -> Ratio:
        """Ours over the peer's."""
        return ratio_of(self.ours, self.peer)

    def plain(self) -> dict[str, Any]:
        """Return everything about the comparison as JSON takes it."""
        found, target = self.ratio, self.target
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": statistics.geometric_mean(self.ours),
            "peer": statistics.geometric_mean(self.peer),
            "ratio": found.mean,
            "low": found.low,
            "high": found.high,
            "ratios": list(found.each),
            "target": None if target is None else f"{target.sense} {target.value:g}",
            "met": None if target is None else target.met(found),
            "note": self.note,
        }


def ratio_of(ours: Sequence[float], peer: Sequence[float]) -> Ratio:
    """Return the ratio of ``ours`` to ``peer``, value by value.

    Raises:
        ValueError: fewer than two pairs, different numbers of values, or a value that is not positive and finite.
    """
    if len(ours) != len(peer) or len(ours) < 2:
        raise ValueError(f"{len(ours)} values of ours and {len(peer)} of the peer's; two or more pairs are needed")
    bad = [value for value in (*ours, *peer) if not (math.isfinite(value) and value > 0)]
    if bad:
        raise ValueError(f"measured values must be positive and finite, not {bad[0]}")
    logs = [math.log(mine / theirs) for mine, theirs in zip(ours, peer, strict=True)]
    middle, count = statistics.fmean(logs), len(logs)
    half = float(student.ppf((1 + LEVEL) / 2, count - 1)) * statistics.stdev(logs) / math.sqrt(count)
    return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half), tuple(map(math.exp, logs)))


def table(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as lines of text, one each, under a heading."""
    rows = [("what", "plaudit", "peer", "ratio [low, high]", "target", ""), *map(_cells, comparisons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(comparison: Comparison) -> tuple[str, ...]:
    found = comparison.plain()
    ratio = f"{found['ratio']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"
    verdict = {None: "", True: "met", False: "missed"}[found["met"]]
    values = [f"{found[side]:.4g} {comparison.unit}" for side in ("ours", "peer")]
    return (comparison.what, *values, ratio, found["target"] or "none", verdict)
