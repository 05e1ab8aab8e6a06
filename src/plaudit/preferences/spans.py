"""Span feedback: which stretches of a response somebody marked as wrong.

It stands in a response's ``extra`` as the source gave it, ``{"feedback": {"errors": [{"start": 283, "end": 401}]}}``,
counted in characters of the response's words, ``end`` not included. An empty list says that somebody read the response
and marked nothing; without ``errors`` nobody judged its spans.
"""

from collections.abc import Mapping
from typing import Any

from plaudit.preferences.preference import Response

FEEDBACK, ERRORS = "feedback", "errors"

Spans = tuple[tuple[int, int], ...]
"""Begin and end of each marked stretch, in characters."""


class BadSpans(ValueError):
    """Span feedback that cannot be what it says; the message names the field."""

    reason = "bad_span_feedback"


def words_of(response: Response) -> str:
    """Return the text whose characters span feedback counts.

    Raises:
        BadSpans: the response has several turns, so there is no such text.
    """
    content = response.content
    if isinstance(content, str):
        return content
    if len(content) != 1:
        raise BadSpans(f"{FEEDBACK}.{ERRORS} counts the characters of one text, and the response has {len(content)}")
    return content[0].content


def marked_spans(response: Response) -> Spans | None:
    """Return the stretches of ``response`` that were marked as wrong, or None where nobody judged its spans.

    Raises:
        BadSpans: the feedback is no list of ranges within the response.
    """
    feedback = response.extra.get(FEEDBACK)
    errors = feedback.get(ERRORS) if isinstance(feedback, Mapping) else None
    if errors is None:
        return None
    if not isinstance(errors, list | tuple):
        raise BadSpans(f"{FEEDBACK}.{ERRORS} is {errors!r}; it should be a list of objects with 'start' and 'end'")
    length = len(words_of(response))
    return tuple(_span(f"{FEEDBACK}.{ERRORS}[{place}]", error, length) for place, error in enumerate(errors))


def _span(where: str, error: Any, length: int) -> tuple[int, int]:
    ends: list[Any] = [error.get(name) for name in ("start", "end")] if isinstance(error, Mapping) else []
    if len(ends) != 2 or not all(isinstance(end, int) and not isinstance(end, bool) for end in ends):
        raise BadSpans(f"{where} is {error!r}; it should have whole numbers 'start' and 'end'")
    start, end = ends
    if not 0 <= start < end <= length:
        raise BadSpans(
            f"{where} runs from {start} to {end}; a span lies within the response, which has {length} characters, and "
            "ends after it starts"
        )
    return start, end
