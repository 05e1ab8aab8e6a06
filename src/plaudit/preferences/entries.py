"""Responses listed in one row: objects with ``text`` and, as it may be, ``ratings``, ``score``, ``rank``, ``id``."""

from collections.abc import Mapping

from plaudit.preferences.fields import NOTE, content, number, overlay, spoken, unspoken
from plaudit.preferences.preference import Content, Response
from plaudit.preferences.rows import Fields, Row

ATTRIBUTES = (
    *("rating", "score", "quality", "helpfulness", "correctness", "coherence", "complexity", "verbosity"),
    *("harmlessness", "honesty", "truthfulness", "instruction_following", "creativity", "humor", "toxicity"),
)
"""Names of number columns that are ratings wherever they stand."""

SCALARS = NOTE + "scalars"
"""Names of the ratings that stood beside the text instead of inside ``ratings``."""


def take_entries(row: Row, rest: Fields, prompt: Content, attributes: tuple[str, ...]) -> tuple[Response, ...]:
    """Take ``responses`` out of ``rest``; numbers under one of ``attributes`` are ratings, as is all in ``ratings``."""
    listed = rest.pop("responses", None)
    if not isinstance(listed, list) or not listed:
        raise row.wrong("responses", listed, "a list of at least one response")
    return tuple(_entry(row, f"responses[{i}]", entry, prompt, attributes) for i, entry in enumerate(listed))


def _entry(row: Row, field: str, entry: object, prompt: Content, attributes: tuple[str, ...]) -> Response:
    if not isinstance(entry, Mapping) or "text" not in entry:
        raise row.wrong(field, entry, "an object with a 'text'")
    rest = dict(entry)
    said = spoken(prompt, content(row, f"{field}.text", rest["text"]))
    if unspoken(said) == rest["text"]:
        del rest["text"]
    name = rest.pop("id") if isinstance(rest.get("id"), str) and rest["id"] else ""
    ratings = take_ratings(row, field + ".", rest, attributes)
    return Response(content=said, id=name, ratings=ratings, extra=rest)


def take_ratings(row: Row, where: str, rest: Fields, attributes: tuple[str, ...]) -> dict[str, float]:
    """Take the ratings out of ``rest``: those in ``ratings``, and numbers that stand under one of ``attributes``.

    A null stays in ``rest``: it is no rating.
    """
    ratings = _named(row, f"{where}ratings", rest)
    scalars = [name for name in attributes if rest.get(name) is not None and name not in ratings]
    for name in scalars:
        ratings[name] = number(row, where + name, rest.pop(name))
    if scalars:
        rest[SCALARS] = scalars
    return ratings


def _named(row: Row, field: str, rest: Fields) -> dict[str, float]:
    given = rest.get("ratings")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise row.wrong(field, given, "an object of attribute names and numbers")
    ratings = {name: number(row, f"{field}.{name}", value) for name, value in given.items() if value is not None}
    if given and len(ratings) == len(given):
        del rest["ratings"]
    return ratings


def entry_fields(response: Response) -> Fields:
    """Return a response as an object; the inverse of what `take_entries` does to one."""
    fields: Fields = {"text": unspoken(response.content)}
    if response.id:
        fields["id"] = response.id
    return overlay(fields | rating_fields(response), response.extra)


def rating_fields(response: Response) -> Fields:
    """Return a response's ratings as fields; the inverse of `take_ratings`."""
    scalars = response.extra.get(SCALARS, ())
    named = {name: value for name, value in response.ratings.items() if name not in scalars}
    return {name: response.ratings[name] for name in scalars} | ({"ratings": named} if named else {})
