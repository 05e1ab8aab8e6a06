"""How far would simple features of the surface get, without reading?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined, Floats
from plaudit.doctor.features import FEATURES
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.doctor.learned import drawn, probabilities, right, surface_differences, too_few
from plaudit.doctor.rates import surely_above, told

TOLERATED, WORRYING = 0.55, 0.65
"""Accuracies that the whole interval must exceed for a note, and for a warning."""


class SurfaceFeatures:
    """The cross-validated accuracy of counts of words, lines, lists, capitals and the like."""

    title: ClassVar[str] = "accuracy of surface features"
    codes: ClassVar[tuple[str, ...]] = ("surface_features",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the accuracy where it is clearly above chance."""
        if reason := too_few(examined):
            return Outcome(reason=reason)
        positions = drawn(examined)
        edges, apart = examined.edges, surface_differences(examined, positions)
        found = probabilities(apart, edges.group[positions], edges.weight[positions])
        accuracy = examined.rate(right(found), edges.group[positions], edges.weight[positions])
        measured = f"{len(FEATURES)} surface features are right in {told(accuracy)} of unseen comparisons"
        if not surely_above(accuracy, TOLERATED):
            return Outcome(measured=measured, listings=(_alone(apart),))
        finding = Finding(
            code="surface_features",
            severity="warning" if surely_above(accuracy, WORRYING) else "note",
            sentence=(
                f"Without reading a word, a logistic regression on {len(FEATURES)} counts (length, lists, capitals, …) "
                f"is right in {told(accuracy)} of {positions.size:,} unseen comparisons without ties."
            ),
            advice="A model that is no better than that has learned the surface; hold it against this number.",
            count=positions.size,
            numbers={"accuracy": accuracy},
            listings=(_alone(apart),),
        )
        return Outcome(findings=(finding,), measured=measured)


def _alone(apart: Floats) -> Listing:
    """Return how often the response with more of each feature won, the most telling first."""
    more, less = (apart > 0).sum(axis=0), (apart < 0).sum(axis=0)
    share = more / np.maximum(more + less, 1)
    order = np.argsort(-np.abs(share - 0.5) * np.sqrt(more + less), kind="stable")[:10]
    rows = tuple((FEATURES[at], int(more[at] + less[at]), f"{share[at]:.1%}") for at in order)
    return Listing("How often the response with more of it won", ("feature", "comparisons", "won"), rows)
