"""How far do people agree, and how right could any model be?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined, Integers
from plaudit.doctor.finding import Finding, Outcome
from plaudit.doctor.rates import surely_below, told
from plaudit.doctor.repeats import repeated_records
from plaudit.evaluation.ceiling import Ceiling, ceiling
from plaudit.evaluation.intervals import Estimate
from plaudit.labels.agreement import agreement
from plaudit.labels.votes import NoVotes, Votes
from plaudit.predictions import Predictions
from plaudit.preferences.preference import Preference

ENOUGH, LITTLE = 0.8, 0.65
"""Agreements below which the whole interval must lie for a note, and for a warning."""


class Agreement:
    """How often two votes on the same two responses, under one objective, are the same, and the ceiling this implies.

    Responses to one prompt count as the same where their texts are the same, in whichever records they stand; copies
    of a record that name no annotator count once.
    """

    title: ClassVar[str] = "agreement"
    codes: ClassVar[tuple[str, ...]] = ("low_agreement",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the agreement where it leaves little to learn."""
        if examined.edges.made or not examined.decided.size:
            return Outcome(reason="nobody compared two responses and preferred one")
        found = ceiling(_votes(examined), examined.resamples, examined.seed)
        if found is None:
            return Outcome(reason="no two responses were judged more than once")
        measured = (
            f"two votes on the same responses agree in {told(found.agreement)} ({found.votes:,} votes on "
            f"{found.pairs:,} pairs); no model can be right in more than {told(found.highest)} of votes without ties"
        )
        alpha = _alpha(examined)
        measured += f"; Krippendorff's alpha {alpha}" if alpha else ""
        if not surely_below(found.agreement, ENOUGH):
            return Outcome(measured=measured)
        return Outcome(findings=(_finding(found, alpha),), measured=measured)


def _alpha(examined: Examined) -> Estimate | None:
    """Return Krippendorff's alpha of named annotators (nominal, ties kept), None where no two judged the same."""
    try:
        votes = Votes.of(examined.records)
        found = agreement(votes, resamples=examined.resamples, seed=examined.seed)
    except NoVotes:
        return None
    return found.figures["alpha_nominal"]


def _finding(found: Ceiling, alpha: Estimate | None) -> Finding:
    return Finding(
        code="low_agreement",
        severity="warning" if surely_below(found.agreement, LITTLE) else "note",
        sentence=(
            f"Two votes on the same two responses agree in {told(found.agreement)} of cases ({found.votes:,} votes on "
            f"{found.pairs:,} pairs, ties left out); no model can be right in more than {told(found.highest)} of votes."
            + (f" Krippendorff's alpha of named annotators is {alpha}." if alpha else "")
        ),
        advice="Hold accuracies against that. Weigh by agreement (--set data.confidence=agreement) or aggregate.",
        count=found.votes,
        numbers={
            "agreement": found.agreement,
            "ceiling": found.highest,
            **({"alpha_nominal": alpha} if alpha else {}),
        },
    )


def _votes(examined: Examined) -> Predictions:
    """Return the comparisons as predictions without rewards; each text is a response to a prompt under an objective."""
    edges = examined.edges
    chosen, rejected = (_named(examined, side) for side in (edges.chosen, edges.rejected))
    number = {name: at for at, name in enumerate(dict.fromkeys([*chosen, *rejected]))}
    first, second = (np.array([number[name] for name in names], np.int64) for names in (chosen, rejected))
    group = np.zeros(len(number), np.int64)
    group[first] = group[second] = examined.preferences.groups[edges.record]
    copies = [at for at in repeated_records(examined.records) if _unnamed(examined.records[at])]
    differ = (first != second) & ~np.isin(edges.record, copies)
    return Predictions(
        rewards=np.zeros(len(number)),
        chosen=first[differ],
        rejected=second[differ],
        outcome=np.where(edges.tie, 0.5, 1.0)[differ],
        weight=edges.weight[differ],
        strength=np.full(int(differ.sum()), np.nan),
        response_group=group,
        lengths=np.zeros(len(number), np.int64),
    )


def _named(examined: Examined, responses: Integers) -> list[tuple[str, str, str]]:
    """Return prompt, text and objective of one response of each comparison."""
    keys, edges = examined.response_keys, examined.edges
    prompts = [examined.prompt_keys[record] or f"#{record}" for record in edges.record.tolist()]
    return [
        (prompt, keys[at], edge.objective)
        for prompt, at, edge in zip(prompts, responses.tolist(), edges.comparisons, strict=True)
    ]


def _unnamed(record: Preference) -> bool:
    return not any(edge.annotator for edge in record.comparisons)
