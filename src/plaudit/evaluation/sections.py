"""Sections: the numbers of one set of comparisons, and the flags a reader should see first."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from plaudit.evaluation.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a reader of the numbers should know first.

    Attributes:
        code: a stable name: ``collapsed``, ``not_above_chance``, ``not_above_length``, ``equal_rewards``, ``ties``,
            ``identical_sides``, ``few_groups``.
        sentence: what was seen, with the figures.
    """

    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The numbers of one set of comparisons.

    Attributes:
        comparisons: number of comparisons.
        groups: number of groups they fall into.
        ties: share of comparisons that people called a tie, by number.
        equal_rewards: share of comparisons whose two rewards are exactly equal, by number.
        metrics: metric to its estimate.
        baselines: baseline to the estimate of its accuracy.
    """

    comparisons: int
    groups: int
    ties: float
    equal_rewards: float
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def plain(value: Any) -> Any:
    """Return nested dicts and sequences as JSON takes them: numbers that are not finite are None."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
