"""Do votes on the same responses contradict each other, or go round in a circle?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from plaudit.doctor.circles import circles
from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Outcome, Place
from plaudit.doctor.rates import told

Judged = Mapping[tuple[str, str, str], Sequence[int]]
"""Prompt, annotator and objective to the positions of their strict comparisons."""


class Contradictions:
    """Comparisons of one annotator (or of nobody named) on the same prompt that no order of the responses satisfies.

    Two people who differ are no contradiction: that is disagreement, which the check of agreement measures.
    """

    title: ClassVar[str] = "contradictory and cyclic preferences"
    codes: ClassVar[tuple[str, ...]] = ("contradictory_votes", "cyclic_preferences")

    def __call__(self, examined: Examined) -> Outcome:
        """Return pairs that the same judge decided both ways, and circles of three or more responses."""
        if not examined.decided.size:
            return Outcome(reason="there are no comparisons that prefer one response")
        turned: list[int] = []
        round_: list[int] = []
        for positions in _judged(examined).values():
            both, circle = circles([_ends(examined, at) for at in positions])
            turned += [positions[at] for at in both]
            round_ += [positions[at] for at in circle]
        findings = [*_contradictory(examined, turned), *_cyclic(examined, round_)]
        counted = f"{len(turned):,} of {examined.decided.size:,} comparisons contradict another, {len(round_):,} circle"
        return Outcome(findings=tuple(findings), measured=counted)


def _judged(examined: Examined) -> Judged:
    found: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for at in examined.decided.tolist():
        record, edge = int(examined.edges.record[at]), examined.edges.comparisons[at]
        prompt = examined.prompt_keys[record] or f"#{record}"
        found[prompt, edge.annotator, edge.objective].append(at)
    return found


def _ends(examined: Examined, at: int) -> tuple[str, str]:
    keys, edges = examined.response_keys, examined.edges
    return keys[edges.chosen[at]], keys[edges.rejected[at]]


def _contradictory(examined: Examined, turned: Sequence[int]) -> list[Finding]:
    if not turned:
        return []
    hits = np.zeros(len(examined.edges), np.bool_)
    hits[list(turned)] = True
    share = examined.rate(hits[examined.decided], examined.edges.group[examined.decided])
    named = sum(bool(examined.edges.comparisons[at].annotator) for at in turned)
    return [
        Finding(
            code="contradictory_votes",
            severity="warning",
            sentence=(
                f"{len(turned):,} comparisons, {told(share)}, are contradicted: the same judge preferred each of two "
                f"responses to the other ({named:,} of them by a named annotator)."
            ),
            advice="Keep neither, or ask again; a model that sees both learns that the responses are equal.",
            count=len(turned),
            places=_where(examined, turned),
            repair="contradictory_votes",
            numbers={"comparisons": share, "by_named_annotators": named},
        )
    ]


def _cyclic(examined: Examined, circle: Sequence[int]) -> list[Finding]:
    if not circle:
        return []
    hits = np.zeros(len(examined.edges), np.bool_)
    hits[list(circle)] = True
    share = examined.rate(hits[examined.decided], examined.edges.group[examined.decided])
    return [
        Finding(
            code="cyclic_preferences",
            severity="warning",
            sentence=(
                f"{len(circle):,} comparisons, {told(share)}, go round in a circle: by one judge, a response is "
                f"preferred to itself by way of others."
            ),
            advice="Ask again, or leave the circle out; listwise objectives cannot use such a record at all.",
            count=len(circle),
            places=_where(examined, circle),
            repair="cyclic_preferences",
            numbers={"comparisons": share},
        )
    ]


def _where(examined: Examined, positions: Sequence[int]) -> tuple[Place, ...]:
    """Return the records of some comparisons, each once, with who judged there."""
    first: dict[int, str] = {}
    for at in positions:
        first.setdefault(int(examined.edges.record[at]), examined.edges.comparisons[at].annotator)
    return examined.places(list(first), [f"by {who}" if who else "" for who in first.values()])
