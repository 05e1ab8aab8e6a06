"""What browsers send: bodies of bounded length, and answers out of their fields."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request

from plaudit.annotation.errors import BadAnswer
from plaudit.annotation.records import Answer

LONGEST_BODY = 1 << 20
MOST_FIELDS = 5_000
MARKED_STRENGTH = ("A", "B")

_SPAN = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)


class TooLong(ValueError):
    """A body that is longer than any form of ours."""


class BadForm(ValueError):
    """A body that is no form."""


class Fields:
    """The fields of a form: names, each with its values."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._last = dict(pairs)

    def __getitem__(self, name: str) -> str:
        """Return the last value of a field, or an empty text."""
        return self._last.get(name, "")

    def starting(self, prefix: str) -> dict[str, list[str]]:
        """Return the values of all fields whose names begin with ``prefix``, by the rest of the name."""
        found: dict[str, list[str]] = {}
        for name, value in self._pairs:
            if name.startswith(prefix):
                found.setdefault(name.removeprefix(prefix), []).append(value)
        return found


async def fields_of(request: Request) -> Fields:
    """Return the fields of a form that was sent as ``application/x-www-form-urlencoded`` in UTF-8.

    Raises:
        TooLong: it has more than `LONGEST_BODY` bytes; no more than those are read.
        BadForm: it is of another kind, or no such form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadForm(f"the content type is {kind[:60] or 'missing'!r}; it should be application/x-www-form-urlencoded")
    body = await _body(request)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadForm(f"the form cannot be read ({error}); it should be UTF-8, percent-encoded") from error
    return Fields(pairs)


async def _body(request: Request) -> bytes:
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > LONGEST_BODY:
            raise TooLong(f"the form has more than {LONGEST_BODY} bytes; no answer is that long")
        parts.append(part)
    return b"".join(parts)


def answer_of(fields: Fields) -> tuple[int, Answer]:
    """Return the assignment that a form answers, and the answer.

    What was left empty is left out; a strength that stands beside "as good" or "both bad" is left out too, for a page
    without JavaScript cannot take it back.

    Raises:
        BadAnswer: a field cannot be what it should be; the message names it.
    """
    assignment = _whole("assignment", fields["assignment"])
    seconds = _seconds(fields["seconds"])
    if fields["skip"]:
        return assignment, Answer(choice="skip", seconds=seconds)
    choice = fields["choice"]
    if not choice:
        raise BadAnswer("choice: nothing was chosen; choose a response, or skip")
    strength = fields["strength"] if choice in MARKED_STRENGTH else ""
    answer = Answer(
        choice=choice,
        strength=_whole("strength", strength) if strength else None,
        ranking=_ranking(fields.starting("rank.")) if choice == "ranked" else {},
        objectives={name: values[-1] for name, values in fields.starting("objective.").items() if values[-1]},
        spans={name: _spans(name, values) for name, values in fields.starting("span.").items()},
        reason=fields["reason"].replace("\r\n", "\n"),
        seconds=seconds,
    )
    return assignment, answer


def _whole(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise BadAnswer(f"{name} is {text[:40]!r}; it should be a whole number")
    return int(text)


def _seconds(text: str) -> float:
    """Return how long it took; what a page without JavaScript cannot say counts as 0."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if math.isfinite(found) and found >= 0 else 0.0


def _ranking(ranks: Mapping[str, Sequence[str]]) -> dict[str, int]:
    empty = [letter for letter, values in ranks.items() if not values[-1]]
    if empty:
        raise BadAnswer(f"rank of {', '.join(empty)}: it is missing; every response should have a rank")
    return {letter: _whole(f"rank of {letter[:8]}", values[-1]) for letter, values in ranks.items()}


def _spans(letter: str, values: Sequence[str]) -> tuple[tuple[int, int], ...]:
    spans = []
    for value in filter(None, values):
        found = _SPAN.fullmatch(value)
        if found is None:
            raise BadAnswer(f"span of {letter[:8]} is {value[:40]!r}; it should be two whole numbers, as in 12-40")
        spans.append((int(found[1]), int(found[2])))
    return tuple(spans)


def wants_json(request: Request) -> bool:
    """Return whether a script asks, rather than a browser that shows what comes back."""
    return "application/json" in request.headers.get("accept", "")


def dumped(value: Mapping[str, object]) -> bytes:
    """Return an object as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
