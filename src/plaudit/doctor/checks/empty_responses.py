"""Are there responses without words?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Outcome
from plaudit.doctor.rates import told
from plaudit.preferences.flaws import last_words


class EmptyResponses:
    """Responses that are empty or white space: there is nothing to judge, and comparisons with them teach nothing."""

    title: ClassVar[str] = "empty responses"
    codes: ClassVar[tuple[str, ...]] = ("empty_responses",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the records that hold one."""
        empty = np.array([not last_words(content).strip() for content in examined.contents], np.bool_)
        records = np.unique(examined.owner[empty])
        if not records.size:
            return Outcome(measured="no response is empty")
        holds = np.zeros(len(examined.records), np.bool_)
        holds[records] = True
        share = examined.rate(holds, examined.preferences.groups)
        edges = examined.edges
        judged = int((empty[edges.chosen] | empty[edges.rejected]).sum())
        won = int((empty[edges.chosen] & ~edges.tie).sum())
        finding = Finding(
            code="empty_responses",
            severity="error",
            sentence=(
                f"{records.size:,} of {len(holds):,} records, {told(share)}, hold an empty response; {judged:,} "
                f"comparisons rest on one, and in {won:,} of them it was preferred."
            ),
            advice="Take the empty responses out, or find out where their words were lost.",
            count=records.size,
            places=examined.places(records),
            repair="empty_responses",
            numbers={"records": share, "comparisons": judged, "preferred": won},
        )
        return Outcome(findings=(finding,), measured=f"{int(empty.sum()):,} responses are empty")
