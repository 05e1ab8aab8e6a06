"""Are records, or votes of one annotator, there twice?"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Outcome
from plaudit.doctor.rates import told
from plaudit.doctor.repeats import repeated_records, repeated_votes


class Duplicates:
    """Records with the same prompt, responses and verdicts; votes of one annotator on the same two, given again."""

    title: ClassVar[str] = "duplicate records and votes"
    codes: ClassVar[tuple[str, ...]] = ("duplicate_records", "duplicate_votes")

    def __call__(self, examined: Examined) -> Outcome:
        """Return the copies, the first of each not among them."""
        first = repeated_records(examined.records)
        again = {at: votes for at, record in enumerate(examined.records) if (votes := repeated_votes(record))}
        count = sum(map(len, again.values()))
        measured = f"{len(first):,} of {len(examined.records):,} records and {count:,} votes are there twice"
        findings = (*_records(examined, first), *_votes(examined, again, count))
        return Outcome(findings=findings, measured=measured)


def _records(examined: Examined, first: dict[int, int]) -> Iterator[Finding]:
    if not first:
        return
    copies = np.zeros(len(examined.records), np.bool_)
    copies[list(first)] = True
    share = examined.rate(copies, examined.preferences.groups)
    remarks = [f"the same as {examined.place(at)}" for at in first.values()]
    yield Finding(
        code="duplicate_records",
        severity="warning",
        sentence=f"{len(first):,} records, {told(share)}, are copies of an earlier one.",
        advice="Keep one of each: copies count as much again, and pretend to more data than there is.",
        count=len(first),
        places=examined.places(list(first), remarks),
        repair="duplicate_records",
        numbers={"records": share},
    )


def _votes(examined: Examined, again: dict[int, list[int]], count: int) -> Iterator[Finding]:
    if not count:
        return
    whose = [examined.records[at].comparisons[votes[0]].annotator for at, votes in again.items()]
    yield Finding(
        code="duplicate_votes",
        severity="warning",
        sentence=f"{count:,} votes in {len(again):,} records repeat a vote of the same annotator on the same two.",
        advice="Keep one of each, unless the annotator was asked again on purpose.",
        count=count,
        places=examined.places(list(again), [f"by {who}" for who in whose]),
        repair="duplicate_votes",
        numbers={"votes": count},
    )
