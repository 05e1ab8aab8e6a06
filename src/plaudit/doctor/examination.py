"""The examination: every check, what it found in order of severity, what it measured, and what did not apply."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plaudit.doctor.checks import choose
from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import SEVERITIES, Finding, Outcome, Severity, by_severity

KIND, VERSION = "plaudit doctor", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What the doctor found.

    Attributes:
        outcomes: by name of the check.
        titles: of the checks, in plain words, by name.
        data: what was examined: sources, records, responses, comparisons, groups; with which tokenizer, and whether
            with a model's rewards.
    """

    outcomes: Mapping[str, Outcome]
    titles: Mapping[str, str]
    data: Mapping[str, Any]

    @property
    def findings(self) -> list[Finding]:
        """All findings, the worst first."""
        return by_severity([finding for outcome in self.outcomes.values() for finding in outcome.findings])

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings there are of each severity."""
        seen = Counter(finding.severity for finding in self.findings)
        return {severity: seen[severity] for severity in SEVERITIES}

    def fails(self, on: Severity) -> bool:
        """Return whether something as bad as ``on``, or worse, was found."""
        return any(self.counts[one] for one in SEVERITIES[: SEVERITIES.index(on) + 1])

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "kind": KIND,
            "version": VERSION,
            "data": dict(self.data),
            "counts": self.counts,
            "findings": [one.to_json() for one in self.findings],
            "checks": {
                name: {"title": self.titles[name], **outcome.to_json(), "findings": [o.code for o in outcome.findings]}
                for name, outcome in self.outcomes.items()
            },
        }


def examine(examined: Examined, checks: Iterable[str] | None = None) -> Examination:
    """Return what the named checks find, all by default.

    Raises:
        plaudit.members.UnknownKind: there is no such check.
    """
    chosen = choose(checks)
    return Examination(
        outcomes={name: check(examined) for name, check in chosen.items()},
        titles={name: check.title for name, check in chosen.items()},
        data={
            "sources": list(examined.preferences.sources),
            "parts": {name: len(records) for name, records in examined.parts.items()},
            "against": list(examined.against),
            "records": len(examined.records),
            "responses": len(examined.contents),
            "comparisons": len(examined.edges),
            "groups": int(examined.preferences.groups.max(initial=-1)) + 1,
            "tokenizer": "" if examined.tokenize is None else examined.tokenize.name,
            "scored": examined.score is not None,
            "fingerprint": examined.preferences.fingerprint,
        },
    )
