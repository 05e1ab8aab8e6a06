"""Are compared responses the same, or nearly?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Bools, Examined, quoted
from plaudit.doctor.finding import Finding, Outcome
from plaudit.doctor.rates import told
from plaudit.preferences.near_duplicates import band_hashes, jaccard

SIMILARITY = 0.95
"""Jaccard of shingles from which two responses to one prompt are nearly the same."""
WORRYING = 0.02
"""Share of near-identical pairs that is worth a word."""


class EqualResponses:
    """Comparisons between responses that are the same, letter by letter or but for a few of them.

    Candidates are pairs that share a band of MinHash, confirmed by their exact Jaccard.
    """

    title: ClassVar[str] = "identical and near-identical responses"
    codes: ClassVar[tuple[str, ...]] = ("equal_responses", "near_equal_responses")

    def __call__(self, examined: Examined) -> Outcome:
        """Return comparisons of equal sides, and of nearly equal ones where there are many."""
        edges = examined.edges
        if not len(edges):
            return Outcome(reason="there are no comparisons")
        keys = np.array(examined.response_keys)
        equal = keys[edges.chosen] == keys[edges.rejected]
        near = _near(examined, ~equal)
        findings = [*_equal(examined, equal), *_nearly(examined, near)]
        counted = f"{int(equal.sum()):,} of {len(edges):,} comparisons have equal sides, {int(near.sum()):,} nearly"
        return Outcome(findings=tuple(findings), measured=counted)


def _near(examined: Examined, apart: Bools) -> Bools:
    """Return which comparisons have sides that are nearly the same, bool [M]."""
    edges = examined.edges
    used = np.unique(np.concatenate([edges.chosen[apart], edges.rejected[apart]]))
    place = np.zeros(len(examined.contents), np.int64)
    place[used] = np.arange(used.size)
    bands = band_hashes(examined.normalised[at] for at in used)
    near = np.zeros(len(edges), np.bool_)
    found: dict[tuple[int, int], bool] = {}
    shared = np.zeros(len(edges), np.bool_)
    shared[apart] = (bands[place[edges.chosen[apart]]] == bands[place[edges.rejected[apart]]]).any(axis=1)
    for at in np.flatnonzero(shared):
        pair = min(edges.chosen[at], edges.rejected[at]), max(edges.chosen[at], edges.rejected[at])
        if pair not in found:
            found[pair] = jaccard(examined.normalised[pair[0]], examined.normalised[pair[1]]) >= SIMILARITY
        near[at] = found[pair]
    return near


def _equal(examined: Examined, equal: Bools) -> list[Finding]:
    if not equal.any():
        return []
    edges = examined.edges
    strict = equal & ~edges.tie
    records = np.array(list(dict.fromkeys([*edges.record[strict], *edges.record[equal]])), np.int64)
    share = examined.rate(equal, edges.group)
    return [
        Finding(
            code="equal_responses",
            severity="error" if strict.any() else "note",
            sentence=(
                f"{int(equal.sum()):,} comparisons, {told(share)}, are between two equal responses; in "
                f"{int(strict.sum()):,} of them one was preferred all the same."
            ),
            advice="Take these comparisons out: there is nothing to tell apart, so a preference is noise.",
            count=int(equal.sum()),
            places=examined.places(records),
            repair="equal_responses",
            numbers={"comparisons": share, "preferred": int(strict.sum())},
        )
    ]


def _nearly(examined: Examined, near: Bools) -> list[Finding]:
    edges = examined.edges
    if not near.any():
        return []
    share = examined.rate(near, edges.group)
    if share.value < WORRYING:
        return []
    records, firsts = np.unique(edges.record[near], return_index=True)
    remarks = [quoted(examined.texts[at]) for at in edges.chosen[near][firsts]]
    return [
        Finding(
            code="near_equal_responses",
            severity="warning",
            sentence=(
                f"{int(near.sum()):,} comparisons, {told(share)}, are between responses that share at least "
                f"{SIMILARITY:.0%} of their text."
            ),
            advice="See what sets them apart; where it is white space or a cut, they teach a model noise.",
            count=int(near.sum()),
            places=examined.places(records, remarks),
            numbers={"comparisons": share},
        )
    ]
