"""Responses that nobody has compared yet: what a pool of comparisons to be judged consists of.

No format of preferences, so nothing takes such rows by accident: who can use them asks for them
(``read(…, unjudged=True)``).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from plaudit.preferences.entries import take_entries
from plaudit.preferences.fields import content, content_id, overlay, plain, rest_of, spoken, take_identity, take_prompt
from plaudit.preferences.preference import Preference, Response
from plaudit.preferences.rows import Fields, Ledger, Row, each

KNOWN = ("rank", "ratings", "rating", "score")
"""Fields of a listed response that say something about it; a list with one of them is another format's."""


class Unjudged:
    """Responses to compare, nothing said about them: a list ``responses``, or ``response_a`` and ``response_b``."""

    needs: ClassVar[str] = "'responses' (texts, or objects with 'text'), or 'response_a' and 'response_b'; no label"
    example: ClassVar[tuple[Fields, ...]] = (
        {"prompt": "Name a colour.", "responses": ["Teal.", "Red.", "Blue."]},
        {"prompt": "Greet me.", "response_a": "Hello!", "response_b": "What?", "id": "greeting/1"},
    )

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a row lists responses and says nothing about them."""
        listed = fields.get("responses")
        if isinstance(listed, list):
            judged = any(isinstance(one, Mapping) and any(name in one for name in KNOWN) for one in listed)
            return not judged and "pairwise" not in fields
        return "response_a" in fields and "response_b" in fields and fields.get("label") is None

    def read(self, rows: Iterable[Row], ledger: Ledger | None = None) -> Iterator[Preference]:
        """Yield a record a row, without comparisons."""
        return each(rows, _preference, ledger)

    def write(self, preferences: Iterable[Preference]) -> Iterator[Fields]:
        """Yield a row a record: its prompt and the texts of its responses."""
        for one in preferences:
            listed = [plain(response.content) for response in one.responses]
            yield overlay({"prompt": plain(one.prompt), "responses": listed}, one.extra)


def _preference(row: Row) -> Preference:
    rest = rest_of(row)
    prompt = take_prompt(row, rest)
    if "responses" in rest:
        rest["responses"] = [_entry(one) for one in rest["responses"]]
        responses = take_entries(row, rest, prompt, ())
    else:
        sides = [(name, rest.pop(name)) for name in ("response_a", "response_b")]
        responses = tuple(Response(content=spoken(prompt, content(row, name, text))) for name, text in sides)
    if len(responses) < 2:
        raise row.bad("responses", "holds one response; a comparison needs at least two", "too few responses")
    identity = take_identity(rest)
    identity["id"] = identity["id"] or content_id(prompt, responses)
    return Preference(prompt=prompt, responses=responses, extra=rest, **identity)


def _entry(one: object) -> object:
    return {"text": one} if isinstance(one, str | list) else one
