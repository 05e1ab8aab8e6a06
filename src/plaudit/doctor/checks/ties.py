"""How many comparisons are ties?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Outcome
from plaudit.doctor.rates import told

WORTH_KNOWING, MANY = 0.02, 0.4
"""Shares of ties from which it is a note, and from which a warning."""


class Ties:
    """The share of comparisons in which neither response was preferred."""

    title: ClassVar[str] = "ties"
    codes: ClassVar[tuple[str, ...]] = ("ties",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the share, where it is worth knowing."""
        edges = examined.edges
        if not len(edges):
            return Outcome(reason="there are no comparisons")
        if edges.made:
            return Outcome(reason="the comparisons were made of ratings; nobody called two responses equal")
        share = examined.rate(edges.tie, edges.group)
        measured = f"{told(share)} of comparisons are ties"
        if share.value < WORTH_KNOWING:
            return Outcome(measured=measured)
        finding = Finding(
            code="ties",
            severity="warning" if share.value > MANY else "note",
            sentence=(
                f"{int(edges.tie.sum()):,} of {len(edges):,} comparisons, {told(share)}, are ties; no model can be "
                f"right in more than {1 - share.value / 2:.1%} of all comparisons, a tie counting one half."
            ),
            advice="Learn from them with an objective that knows ties (rao_kupper, davidson), or leave them out.",
            count=int(edges.tie.sum()),
            places=examined.places(np.unique(edges.record[edges.tie])),
            repair="ties",
            numbers={"comparisons": share},
        )
        return Outcome(findings=(finding,), measured=measured)
