"""Absolute ratings: one or several named attributes a response, with a prompt or without.

A row is one response (``text`` or ``response``) or lists several (``responses``). Ratings stand in ``ratings``, or as
numbers under one of the names in ``attributes``. Consecutive one-response rows with the same prompt share a record;
without a prompt every row is a record of its own. Comparisons are not read here: `compare_ratings` makes them.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, ClassVar

from plaudit.preferences.entries import ATTRIBUTES, entry_fields, rating_fields, take_entries, take_ratings
from plaudit.preferences.fields import (
    NOTE,
    content,
    content_id,
    identity_fields,
    overlay,
    prompt_fields,
    rest_of,
    spoken,
    take_identity,
    take_prompt,
    unspoken,
    unwritable,
)
from plaudit.preferences.preference import Content, Preference, Response
from plaudit.preferences.rows import BadRow, Fields, Ledger, Row

ONE = NOTE + "one response a row"
_SHARED = ("prompt", "prompt_format", "messages", "source")


class Ratings:
    """Absolute ratings of responses.

    Args:
        attributes: names of number columns that are ratings (besides everything inside ``ratings``).
    """

    needs: ClassVar[str] = "'text' or 'response' (or a list 'responses'), each with 'ratings', 'rating' or 'score'"
    example: ClassVar[tuple[Fields, ...]] = (
        {"id": "m1", "text": "A joy from start to end.", "rating": 3.25, "votes": [4, 3, 3, 3]},
        {"prompt": "Add 2 and 2.", "response": "4", "helpfulness": 4, "verbosity": 0, "language": "en"},
        {"prompt": "Add 2 and 2.", "response": "22", "helpfulness": 0, "verbosity": 0, "language": "en"},
        {
            "prompt": "Greet me.",
            "responses": [{"text": "Hello!", "ratings": {"warmth": 0.5, "wit": None}}, {"text": "No.", "score": -1}],
        },
    )

    def __init__(self, attributes: tuple[str, ...] = ATTRIBUTES) -> None:
        self.attributes = attributes

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Return whether there is a response, or a list of them, with ratings and without ranks."""
        listed = fields.get("responses")
        if isinstance(listed, list):
            return "pairwise" not in fields and any(self._rated(entry) for entry in listed)
        return ("text" in fields or "response" in fields) and self._rated(fields)

    def _rated(self, fields: object) -> bool:
        return (
            isinstance(fields, Mapping)
            and "rank" not in fields
            and not fields.keys().isdisjoint(("ratings", *self.attributes))
        )

    def read(self, rows: Iterable[Row], ledger: Ledger | None = None) -> Iterator[Preference]:
        """Yield a record a row, or one for consecutive one-response rows with the same prompt."""
        ledger = ledger or Ledger()
        for _, run in groupby(self._parsed(rows, ledger), key=_run):
            (ledger.row, preference), *others = run
            yield _joined([preference, *(other for _, other in others)]) if others else preference

    def _parsed(self, rows: Iterable[Row], ledger: Ledger) -> Iterator[tuple[Row, Preference]]:
        for row in rows:
            try:
                yield row, self._several(row) if "responses" in row.fields else self._one(row)
            except BadRow as error:
                ledger.bad(error)

    def _several(self, row: Row) -> Preference:
        rest = rest_of(row)
        prompt = take_prompt(row, rest)
        responses = take_entries(row, rest, prompt, self.attributes)
        identity = take_identity(rest)
        identity["id"] = identity["id"] or content_id(prompt, responses)
        return Preference(prompt=prompt, responses=responses, extra=rest, **identity)

    def _one(self, row: Row) -> Preference:
        rest = rest_of(row)
        prompt = take_prompt(row, rest)
        identity = take_identity(rest)
        response = self._response(row, rest, prompt, identity["id"])
        extra = {name: rest.pop(name) for name in (*_SHARED, NOTE + "messages") if name in rest}
        identity["id"] = identity["id"] or content_id(prompt, (response,))
        return Preference(prompt=prompt, responses=(response,), extra=extra | {ONE: True}, **identity)

    def _response(self, row: Row, rest: Fields, prompt: Content, name: str) -> Response:
        field = "text" if "text" in rest else "response"
        if field not in rest:
            raise row.missing("text", "the response, a text or a list of turns")
        said = spoken(prompt, content(row, field, rest[field]))
        ratings = take_ratings(row, "", rest, self.attributes)
        if not ratings:
            raise row.missing("ratings", f"an object, or a number under one of: {', '.join(self.attributes)}")
        rest[NOTE + "field"] = field
        if unspoken(said) == rest[field]:
            del rest[field]
        return Response(content=said, id=name, ratings=ratings, extra=rest)

    def write(self, preferences: Iterable[Preference]) -> Iterator[Fields]:
        """Yield the rows of each record; comparisons have no field here."""
        for preference in preferences:
            if preference.comparisons:
                raise unwritable(preference, "ratings", "it has comparisons")
            if preference.extra.get(ONE):
                yield from (_one_row(preference, response) for response in preference.responses)
            else:
                yield _several_row(preference)


def _run(parsed: tuple[Row, Preference]) -> object:
    """Return what consecutive rows of one record have in common; the row itself where it stands alone."""
    row, preference = parsed
    if not preference.prompt or not preference.extra.get(ONE):
        return row.file, row.number, id(row)
    return row.file, preference.prompt, preference.source, sorted(preference.extra.items(), key=lambda kept: kept[0])


def _joined(run: list[Preference]) -> Preference:
    first, responses = run[0], tuple(preference.responses[0] for preference in run)
    return Preference(
        prompt=first.prompt,
        responses=responses,
        id=content_id(first.prompt, responses),
        source=first.source,
        extra=first.extra,
    )


def _one_row(preference: Preference, response: Response) -> Fields:
    fields = prompt_fields(preference) | identity_fields(preference)
    fields.pop("id", None)
    if response.id:
        fields["id"] = response.id
    fields[response.extra.get(NOTE + "field", "text")] = unspoken(response.content)
    return overlay(overlay(fields | rating_fields(response), response.extra), preference.extra)


def _several_row(preference: Preference) -> Fields:
    fields = prompt_fields(preference) | {"responses": [entry_fields(response) for response in preference.responses]}
    return overlay(fields | identity_fields(preference), preference.extra)
