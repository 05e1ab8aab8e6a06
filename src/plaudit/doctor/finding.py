"""What a check found: a code, how bad it is, a sentence with its numbers, rows to look at and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.sections import plain

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""

SHOWN = 10
"""Rows that a finding names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A row to look at.

    Attributes:
        record: its id.
        file: the source it was read from, ``""`` where it is not known.
        row: number of the row there, from 1; 0 where it is not known.
        remark: what is to be seen there.
    """

    record: str
    file: str = ""
    row: int = 0
    remark: str = ""

    def __str__(self) -> str:
        where = f"{self.file}, row {self.row}" if self.row else f"record {self.record}"
        return f"{where}: {self.remark}" if self.remark else where


@dataclass(frozen=True, slots=True)
class Listing:
    """A small table: what was counted.

    Attributes:
        caption: what it shows.
        columns: headings.
        rows: a text or a number a column.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that somebody should know or do before training.

    Attributes:
        code: what it is called.
        severity: ``error`` where training on it is wrong, ``warning`` where it misleads, ``note`` where it is to be
            known.
        sentence: what is so, with numbers, and intervals where they are rates.
        advice: what to do.
        count: of records (or comparisons, as the sentence says) concerned.
        places: rows to look at, at most `SHOWN`.
        repair: name of the repair that applies, or ``""``; see `plaudit.doctor.repairs`.
        numbers: those of the sentence, for programs.
        listings: tables.
        diff: two renderings of the same, compared line by line, or ``""``.
    """

    code: str
    severity: Severity
    sentence: str
    advice: str
    count: int = 0
    places: tuple[Place, ...] = ()
    repair: str = ""
    numbers: Mapping[str, Estimate | float | int | str] = field(default_factory=dict)
    listings: tuple[Listing, ...] = ()
    diff: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        found: dict[str, Any] = plain(asdict(self))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one check.

    Attributes:
        findings: nothing where all is well.
        measured: what was looked at, and the number that came of it, in a few words.
        reason: why the check does not apply to these preferences, else ``""``.
        listings: tables that are of interest whether or not something was found.
    """

    findings: tuple[Finding, ...] = ()
    measured: str = ""
    reason: str = ""
    listings: tuple[Listing, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return {
            "findings": [one.to_json() for one in self.findings],
            "measured": self.measured,
            "reason": self.reason,
            "listings": [plain(asdict(one)) for one in self.listings],
        }


def said_of(outcome: Outcome) -> str:
    """Return what a check without a finding has to say: what it measured, or why it does not apply."""
    return f"not applicable: {outcome.reason}" if outcome.reason else outcome.measured


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, the worst first; equally bad ones as they came."""
    return sorted(findings, key=lambda one: SEVERITIES.index(one.severity))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 record``, ``2,000 records``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
