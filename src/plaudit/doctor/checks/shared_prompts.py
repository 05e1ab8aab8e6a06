"""Do splits, or other files, hold the same prompts?"""

from collections.abc import Sequence
from itertools import combinations
from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.leaks import Leak, find_leak

UNIT = "prompts (or near-duplicates of them, or responses without a prompt)"


class SharedPrompts:
    """What the parts of the data share with each other and with the files they are held against.

    Units are those of splitting: a prompt with its near-duplicates, or without a prompt a response.
    """

    title: ClassVar[str] = "prompts shared between splits and with other files"
    codes: ClassVar[tuple[str, ...]] = ("shared_between_splits", "contamination")

    def __call__(self, examined: Examined) -> Outcome:
        """Return each pair of parts, and each other file, that shares something."""
        parts = {name: examined.preferences.select(list(own)) for name, own in examined.parts.items() if len(own)}
        if len(parts) < 2 and not examined.against:
            return Outcome(reason="there is one part, and no other file to hold it against (--against)")
        findings = [
            _between(examined, (one, other), find_leak(parts[one], parts[other]), examined.parts[one])
            for one, other in combinations(parts, 2)
        ]
        findings += [_with(examined, name, held) for name, held in examined.against.items()]
        found = tuple(finding for finding in findings if finding)
        looked = f"{len(parts)} parts, {len(examined.against)} other files: {len(found)} pairs share prompts"
        return Outcome(findings=found, measured=looked)


def _between(examined: Examined, names: tuple[str, str], leak: Leak, records: Sequence[int]) -> Finding | None:
    if not leak.groups:
        return None
    there = np.asarray(records)[_records(leak)]
    return Finding(
        code="shared_between_splits",
        severity="error",
        sentence=(
            f"{leak.groups:,} {UNIT} of {names[0]} are in {names[1]} too, in {leak.records:,} of its {len(records):,} "
            f"records."
        ),
        advice="Split by prompt (plaudit does), or take them out of what is learned from (--set data.on_leak=drop).",
        count=leak.records,
        places=examined.places(there),
        numbers={"groups": leak.groups, "records": leak.records},
        listings=_examples(examined, there),
    )


def _with(examined: Examined, name: str, held: Preferences) -> Finding | None:
    leak = find_leak(examined.preferences, held)
    if not leak.groups:
        return None
    there = _records(leak)
    return Finding(
        code="contamination",
        severity="error",
        sentence=(
            f"{leak.groups:,} {UNIT} are in {name} too: {leak.records:,} of {len(examined.records):,} records here "
            f"({leak.records / len(examined.records):.1%})."
        ),
        advice=f"Take them out before what is learned here is measured on {name}.",
        count=leak.records,
        places=examined.places(there),
        repair="contamination",
        numbers={"groups": leak.groups, "records": leak.records},
        listings=_examples(examined, there),
    )


def _records(leak: Leak) -> np.ndarray:
    """Return the positions of the records of the first set that hold something shared."""
    return np.flatnonzero(np.logical_or.reduceat(leak.shared, leak.units.offsets[:-1]))


def _examples(examined: Examined, records: np.ndarray) -> tuple[Listing, ...]:
    texts = [examined.prompts[at] or examined.texts[examined.offsets[at]] for at in records[:5].tolist()]
    return (Listing("What is shared, for example", ("text",), tuple((text[:300],) for text in texts)),)
