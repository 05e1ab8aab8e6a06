"""Does one side win more often than the other?"""

from collections import Counter
from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Bools, Examined, Integers
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.doctor.rates import surely_above, surely_below, told
from plaudit.doctor.sides import fixed_fields, swapped
from plaudit.evaluation.intervals import Estimate

TOLERATED, WORRYING = 0.01, 0.05
"""How far from one half the whole interval must be for a note, and the rate for a warning."""


class SideBias:
    """How often the response that stood second was preferred, by annotator too.

    Where the preferred response always stands on one side, that is the file's order and nothing that anybody saw.
    """

    title: ClassVar[str] = "sides"
    codes: ClassVar[tuple[str, ...]] = ("side_bias",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the rate where it is surely off one half, and whether the sides were drawn."""
        if examined.edges.made:
            return Outcome(reason="the comparisons were made of ratings; nobody saw two sides")
        positions = _two_sided(examined)
        second = _second_won(examined, positions)
        if not positions.size:
            return Outcome(reason="the preferred response always stands on one side, so order says nothing of judges")
        edges = examined.edges
        wins = examined.rate(second, edges.group[positions], edges.weight[positions])
        measured = f"the second response won {told(wins)} of {positions.size:,} comparisons"
        if not (surely_above(wins, 0.5 + TOLERATED) or surely_below(wins, 0.5 - TOLERATED)):
            return Outcome(measured=measured)
        return Outcome(findings=(_finding(examined, positions, second, wins),), measured=measured)


def _two_sided(examined: Examined) -> Integers:
    """Return the decided comparisons of those sources in which either side wins now and then."""
    positions = examined.decided
    second = _second_won(examined, positions)
    names = [examined.records[at].source for at in examined.edges.record[positions].tolist()]
    number = np.unique(np.array(names, np.str_), return_inverse=True)[1]
    share = np.bincount(number, second) / np.maximum(np.bincount(number), 1)
    return positions[((share > 0) & (share < 1))[number]]


def _second_won(examined: Examined, positions: Integers) -> Bools:
    """Return for each comparison whether the response that its judge saw second won."""
    edges = examined.edges
    turned = np.array([swapped(edges.comparisons[at]) for at in positions.tolist()], np.bool_)
    return (edges.chosen[positions] > edges.rejected[positions]) ^ turned


def _finding(examined: Examined, positions: Integers, second: Bools, wins: Estimate) -> Finding:
    fields = fixed_fields(examined.records)
    cause = (
        f" Any two values of {' and '.join(repr(name) for name in fields)} always stand in the same order: a side "
        "stands for who wrote it, and the excess need not be the judges'."
        if fields
        else ""
    )
    side, rate = ("second", wins) if wins.value > 0.5 else ("first", _turned(wins))
    return Finding(
        code="side_bias",
        severity="warning" if abs(wins.value - 0.5) > WORRYING else "note",
        sentence=(
            f"The response on the {side} side won {told(rate)} of {positions.size:,} comparisons, where a half is "
            f"expected of sides that are drawn.{cause}"
        ),
        advice="Draw the sides anew for every task (the repair does so for the file), and estimate the judges' bias.",
        count=positions.size,
        repair="side_bias",
        numbers={"second_wins": wins},
        listings=_by_annotator(examined, positions, second),
    )


def _turned(wins: Estimate) -> Estimate:
    low, high = (None if end is None else 1 - end for end in (wins.high, wins.low))
    return Estimate(1 - wins.value, low, high, wins.reason)


def _by_annotator(examined: Examined, positions: Integers, second: Bools) -> tuple[Listing, ...]:
    """Return how often the second side won by annotator, those with most votes first."""
    who = [examined.edges.comparisons[at].annotator for at in positions.tolist()]
    votes = Counter(name for name in who if name)
    wins = Counter(name for name, won in zip(who, second.tolist(), strict=True) if won)
    if len(votes) < 2:
        return ()
    rows = [(name, count, f"{wins[name] / count:.1%}") for name, count in votes.most_common(20)]
    columns = ("annotator", "votes", "second side won")
    return (Listing("How often the second side won, by annotator", columns, tuple(rows)),)
