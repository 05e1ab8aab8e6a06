"""How small a difference could the test split show?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Bools, Examined, Integers
from plaudit.doctor.finding import Finding, Outcome
from plaudit.evaluation.power import detectable, unpaired
from plaudit.preferences.groups import units
from plaudit.preferences.split import deal

SHARE = 0.1
"""Share of the groups that training holds out as test, where nobody named a test split."""
WIDTH = 1.96
"""Standard errors from the middle of a 95 % interval to its end."""
TYPICAL = 0.8
"""Accuracy of a model to come."""
NAMES = ("test", "eval", "evaluation")
"""What a test split is called."""
TOLERATED, WORRYING = 0.15, 0.25
"""Differences from which it is a note, and a warning."""


class PowerOfTest:
    """The least difference in accuracy between two models that the test split would find.

    At level 0.05 with power 0.8, for models on different data of this kind. What spreads the verdicts of a model to
    come is not known; that of preferring the longer response is measured, over groups, and taken for it.
    """

    title: ClassVar[str] = "power of the test split"
    codes: ClassVar[tuple[str, ...]] = ("small_test",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the difference where it is too large to be of use."""
        if not len(examined.edges):
            return Outcome(reason="there are no comparisons")
        name, records = _test(examined)
        counted = examined.edges.weight > 0
        inside = np.isin(examined.edges.record, records) & counted
        groups, everywhere = (np.unique(examined.edges.group[own]).size for own in (inside, counted))
        error = _error(examined, counted) * np.sqrt(everywhere / max(groups, 1))
        if groups < 2 or not np.isfinite(error):
            return Outcome(reason=f"{name} has {groups} groups with comparisons, of {everywhere}: too few to tell")
        least, count = detectable(unpaired(error, error), groups), int(inside.sum())
        measured = f"{name}: {count:,} comparisons in {groups:,} groups show a difference of {least:.1%}"
        if least < TOLERATED:
            return Outcome(measured=measured)
        finding = Finding(
            code="small_test",
            severity="warning" if least > WORRYING else "note",
            sentence=(
                f"{name} has {count:,} comparisons in {groups:,} groups: two models on such data must "
                f"differ by {least:.1%} in accuracy to be told apart (level 0.05, power 0.8), and by less where both "
                "are measured on the same comparisons."
            ),
            advice="Hold out more (--set data.test_share), or do not choose between models by it.",
            count=count,
            numbers={"detectable": least, "groups": groups, "comparisons": count},
        )
        return Outcome(findings=(finding,), measured=measured)


def _error(examined: Examined, counted: Bools) -> float:
    """Return the standard error, over all groups, of the accuracy of preferring the longer response; NaN if unknown.

    It is no less than that of a model that is right in `TYPICAL` of independent comparisons: where lengths are equal,
    or the longer response always wins, that accuracy does not spread, and says nothing of a model's.
    """
    edges = examined.edges
    sizes = np.array([len(text) for text in examined.texts])
    apart = sizes[edges.chosen] - sizes[edges.rejected]
    hits = np.where(edges.tie | (apart == 0), 0.5, apart > 0)
    found = examined.rate(hits[counted], edges.group[counted], edges.weight[counted])
    if found.low is None or found.high is None:
        return float("nan")
    least = np.sqrt(TYPICAL * (1 - TYPICAL) / counted.sum())
    return float(max((found.high - found.low) / (2 * WIDTH), least))


def _test(examined: Examined) -> tuple[str, Integers]:
    """Return what is tested on, in words, and its records: a part called test, or what would be held out."""
    for name, records in examined.parts.items():
        if name.lower() in NAMES:
            return f"The part {name!r}", np.asarray(records, np.int64)
    found = units(examined.preferences)
    held = deal(found, [1 - SHARE, SHARE], examined.seed)[found.codes] == 1
    drawn = np.unique(np.repeat(np.arange(len(examined.records)), np.diff(found.offsets))[held])
    return f"A test split of {SHARE:.0%} of the groups", drawn
