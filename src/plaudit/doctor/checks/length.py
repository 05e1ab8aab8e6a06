"""Does the longer response win, and how far would length alone get?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined, Floats
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.doctor.rates import surely_above, surely_below, told
from plaudit.evaluation.intervals import Estimate
from plaudit.preferences.balance import Unbalanceable, balance

TOLERATED, WORRYING = 0.02, 0.07
"""How far from one half the whole interval of the rate must be for a note, and for a warning."""


class Length:
    """How often the longer of two responses is preferred, and the accuracy of always saying so."""

    title: ClassVar[str] = "length"
    codes: ClassVar[tuple[str, ...]] = ("longer_wins", "shorter_wins")

    def __call__(self, examined: Examined) -> Outcome:
        """Return the rate where it is far enough from one half."""
        logs = np.log1p([float(len(text)) for text in examined.texts])
        edges, decided = examined.edges, examined.decided
        apart = logs[edges.chosen] - logs[edges.rejected]
        telling = decided[apart[decided] != 0]
        if not telling.size:
            return Outcome(reason="no comparison prefers one of two responses of different length")
        wins = examined.rate(apart[telling] > 0, edges.group[telling], edges.weight[telling])
        listings = (_deciles(apart[telling]),)
        measured = f"the longer response won {told(wins)} of {telling.size:,} comparisons"
        finding = _finding(examined, wins, apart)
        return Outcome(findings=(finding,) if finding else (), measured=measured, listings=listings)


def _finding(examined: Examined, wins: Estimate, apart: Floats) -> Finding | None:
    longer = surely_above(wins, 0.5 + TOLERATED)
    if not longer and not surely_below(wins, 0.5 - TOLERATED):
        return None
    far = surely_above(wins, 0.5 + WORRYING) or surely_below(wins, 0.5 - WORRYING)
    alone = _alone(examined, apart if longer else -apart)
    which = "longer" if longer else "shorter"
    rate = wins if longer else _other(wins)
    return Finding(
        code=f"{which}_wins",
        severity="warning" if far else "note",
        sentence=(
            f"The {which} response won {told(rate)} of the comparisons that prefer one of two responses of different "
            f"length; preferring it always is right in {told(alone)} of all comparisons."
        ),
        advice=f"Hold every model against that number. {_balanced(examined, apart)}",
        count=int((examined.edges.weight > 0).sum()),
        numbers={"longer_wins": wins, "length_alone": alone},
    )


def _other(wins: Estimate) -> Estimate:
    return Estimate(
        1 - wins.value, None if wins.high is None else 1 - wins.high, None if wins.low is None else 1 - wins.low
    )


def _alone(examined: Examined, apart: Floats) -> Estimate:
    """Return the accuracy of one direction of length on all comparisons of weight, ties one half."""
    edges = examined.edges
    counted = edges.weight > 0
    hits = np.where(edges.tie | (apart == 0), 0.5, apart > 0)
    return examined.rate(hits[counted], edges.group[counted], edges.weight[counted])


def _balanced(examined: Examined, apart: Floats) -> str:
    """Return what balancing the weights by length would cost."""
    try:
        found = balance(apart, examined.edges.tie, examined.edges.weight)
    except Unbalanceable as reason:
        return f"Balancing weights by length is not possible: {reason}."
    return (
        f"--set data.balance=length weighs comparisons until length says nothing; {found.kept:,} of them are then "
        f"worth {found.after.effective:,.0f}."
    )


def _deciles(apart: Floats) -> Listing:
    """Return how often the longer won, by how far apart the lengths are."""
    ranks = np.argsort(np.argsort(np.abs(apart), kind="stable"), kind="stable")
    tenth = ranks * 10 // len(apart)
    rows = []
    for at in np.unique(tenth):
        own = apart[tenth == at]
        times = np.exp(np.abs(own).max())
        rows.append((int(at) + 1, f"up to {times:.2f} times", own.size, f"{(own > 0).mean():.1%}"))
    columns = ("decile", "longer by", "comparisons", "longer wins")
    return Listing("How often the longer response wins, by difference in length", columns, tuple(rows))
