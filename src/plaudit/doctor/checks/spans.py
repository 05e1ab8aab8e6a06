"""Does span feedback lie inside the responses that it marks?"""

from typing import ClassVar

import numpy as np

from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Finding, Outcome
from plaudit.preferences.preference import Response
from plaudit.preferences.spans import BadSpans, marked_spans


class Spans:
    """Marked stretches of responses that begin or end outside, or are no ranges."""

    title: ClassVar[str] = "span feedback"
    codes: ClassVar[tuple[str, ...]] = ("bad_spans",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the responses whose spans cannot be what they say."""
        responses = [response for record in examined.records for response in record.responses]
        read = [_read(response) for response in responses]
        judged = sum(spans is not None for spans in read)
        if not judged:
            return Outcome(reason="no response has span feedback")
        wrong = np.array([isinstance(spans, str) for spans in read], np.bool_)
        measured = f"{judged:,} responses have span feedback, {int(wrong.sum()):,} of them none that can be right"
        if not wrong.any():
            return Outcome(measured=measured)
        records, first = np.unique(examined.owner[wrong], return_index=True)
        said = [spans for spans in read if isinstance(spans, str)]
        finding = Finding(
            code="bad_spans",
            severity="error",
            sentence=f"{int(wrong.sum()):,} of {judged:,} responses with span feedback have spans outside their text.",
            advice="See whether they count bytes, or another version of the text; the repair takes them off.",
            count=int(wrong.sum()),
            places=examined.places(records, [said[at] for at in first]),
            repair="bad_spans",
            numbers={"responses": int(wrong.sum()), "judged": judged},
        )
        return Outcome(findings=(finding,), measured=measured)


def _read(response: Response) -> object:
    """Return the spans, None where nobody judged them, or the words of what is wrong with them."""
    try:
        return marked_spans(response)
    except BadSpans as error:
        return str(error)
