"""Are there rows that cannot be read, or ids that occur twice?"""

from typing import ClassVar

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import SHOWN, Finding, Outcome


class MalformedRows:
    """Rows that reading dropped: fields that are missing or wrong, ids of another record."""

    title: ClassVar[str] = "rows that cannot be read"
    codes: ClassVar[tuple[str, ...]] = ("malformed_rows",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return how many rows were dropped, by reason, and the first of each source."""
        lost = sum(examined.dropped.values())
        if not lost:
            return Outcome(measured="every row could be read")
        reasons = ", ".join(f"{count:,} × {reason}" for reason, count in examined.dropped.items())
        finding = Finding(
            code="malformed_rows",
            severity="error",
            sentence=f"{lost:,} rows cannot be read and are left out of all that follows: {reasons}.",
            advice="Mend them at their source, or leave them out.",
            count=lost,
            places=tuple(examined.unread[:SHOWN]),
            repair="malformed_rows",
            numbers=dict(examined.dropped),
        )
        return Outcome(findings=(finding,), measured=f"{lost:,} rows cannot be read")
