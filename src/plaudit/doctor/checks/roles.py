"""Are the turns of conversations in an order, and of roles, that templates can write?"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined, quoted
from plaudit.doctor.finding import Finding, Outcome, plural
from plaudit.doctor.rates import told
from plaudit.doctor.speakers import KNOWN, SYNONYMS, messages, order_problem

MARKER = re.compile(
    r"<\|(?:im_start|im_end|eot_id|start_header_id|end_header_id|endoftext|begin_of_text|user|assistant|system)\|>"
    r"|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>"
    r"|(?:^|\n)\s*(?:Human|Assistant|User|### (?:Human|Assistant|Instruction|Response))\s*:",
)
"""Texts with which formats of conversations open and close turns."""
TOLERATED = 0.005
"""Share of responses with such a text that is nobody's worry."""


class Roles:
    """Roles that no template knows, turns in an order that templates refuse, turn markers inside words."""

    title: ClassVar[str] = "roles and turns"
    codes: ClassVar[tuple[str, ...]] = ("unknown_roles", "turn_order", "turn_markers")

    def __call__(self, examined: Examined) -> Outcome:
        """Return records with such turns, and responses with markers."""
        wrong: dict[str, list[int]] = defaultdict(list)
        strange: dict[str, list[int]] = defaultdict(list)
        for at, record in enumerate(examined.records):
            for role in {turn.role for turn in messages(record)} - KNOWN:
                strange[role].append(at)
            problem = order_problem(record)
            if problem:
                wrong[problem].append(at)
        findings = [*_unknown(examined, strange), *_order(examined, wrong), *_markers(examined)]
        return Outcome(findings=tuple(findings), measured=f"turns of {len(examined.records):,} records were followed")


def _unknown(examined: Examined, strange: dict[str, list[int]]) -> Iterator[Finding]:
    if not strange:
        return
    records = sorted({at for own in strange.values() for at in own})
    names = ", ".join(f"{role!r} ({plural(len(own), 'record')})" for role, own in sorted(strange.items()))
    mended = [role for role in strange if role in SYNONYMS]
    yield Finding(
        code="unknown_roles",
        severity="error",
        sentence=f"{plural(len(records), 'record')} with turns of roles that no template writes: {names}.",
        advice=f"The roles are {', '.join(sorted(KNOWN))}. The repair renames {', '.join(sorted(SYNONYMS))}.",
        count=len(records),
        places=examined.places(records),
        repair="unknown_roles" if mended else "",
        numbers={role: len(own) for role, own in strange.items()},
    )


def _order(examined: Examined, wrong: dict[str, list[int]]) -> Iterator[Finding]:
    if not wrong:
        return
    places = [(at, problem) for problem, own in wrong.items() for at in own]
    told_of = ", ".join(f"{len(own):,} × {problem}" for problem, own in wrong.items())
    yield Finding(
        code="turn_order",
        severity="warning",
        sentence=f"{plural(len(places), 'record')} with turns in an order that many templates refuse: {told_of}.",
        advice="Put them in order: a system turn at most at the head, then user and assistant in turn.",
        count=len(places),
        places=examined.places([at for at, _ in places], [problem for _, problem in places]),
        numbers={problem: len(own) for problem, own in wrong.items()},
    )


def _markers(examined: Examined) -> Iterator[Finding]:
    hits = [MARKER.search(text) for text in examined.texts]
    marked = np.array([hit is not None for hit in hits], np.bool_)
    if not marked.any():
        return
    share = examined.rate(marked, examined.preferences.groups[examined.owner])
    if share.value < TOLERATED:
        return
    records, first = np.unique(examined.owner[marked], return_index=True)
    remarks = [quoted(hit[0]) for hit in (hits[at] for at in np.flatnonzero(marked)[first]) if hit]
    yield Finding(
        code="turn_markers",
        severity="warning",
        sentence=(
            f"{int(marked.sum()):,} responses, {told(share)}, hold the text with which a turn begins or ends: another "
            "turn runs on inside them, or a template was applied before."
        ),
        advice="Read the conversation into turns of roles, and leave the template to whoever trains.",
        count=int(marked.sum()),
        places=examined.places(records, remarks),
        numbers={"responses": share},
    )
