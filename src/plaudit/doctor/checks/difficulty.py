"""Are the comparisons of all degrees of difficulty?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined, Floats
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.doctor.learned import by_words, too_few
from plaudit.doctor.rates import surely_above, told

EASY = 0.9
"""Probability from which a comparison is easy."""
TOLERATED = 0.6
"""Share of easy comparisons that the whole interval must exceed for a warning."""
BANDS = ((0.9, 1.0, "easy"), (0.6, 0.9, "clear"), (0.4, 0.6, "open"), (0.1, 0.4, "contrary"), (0.0, 0.1, "against"))


class Difficulty:
    """How sure words and surface are of labels that they have not seen: a set of easy comparisons teaches little."""

    title: ClassVar[str] = "difficulty"
    codes: ClassVar[tuple[str, ...]] = ("easy_comparisons",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the share of easy comparisons where it is most of them."""
        if reason := too_few(examined):
            return Outcome(reason=reason)
        unseen, edges = by_words(examined), examined.edges
        easy = unseen.probability >= EASY
        at = unseen.positions
        share = examined.rate(easy, edges.group[at], edges.weight[at])
        measured = f"{told(share)} of comparisons are easy for words and surface"
        listings = (_bands(unseen.probability),)
        if not surely_above(share, TOLERATED):
            return Outcome(measured=measured, listings=listings)
        finding = Finding(
            code="easy_comparisons",
            severity="warning",
            sentence=(
                f"{told(share)} of the comparisons are decided by words and surface with a probability of {EASY:.0%} "
                "or more: single words tell the chosen response from the rejected one."
            ),
            advice="Look for what gives them away; add comparisons between responses of one source.",
            count=int(easy.sum()),
            places=examined.places(np.unique(edges.record[at[easy]])),
            numbers={"easy": share},
            listings=listings,
        )
        return Outcome(findings=(finding,), measured=measured)


def _bands(probability: Floats) -> Listing:
    """Return how the comparisons are spread from easy to against."""
    rows = []
    for low, high, name in BANDS:
        own = (probability >= low) & ((probability < high) | (high == 1))
        rows.append((name, f"{low} to {high}", int(own.sum()), f"{own.mean():.1%}"))
    columns = ("difficulty", "probability of the label", "comparisons", "share")
    return Listing("Difficulty for words and surface, every comparison unseen", columns, tuple(rows))
