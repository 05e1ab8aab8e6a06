"""Fields that formats share: prompts, contents, identities, numbers. Reading takes a field out of the row's rest.

What cannot be told from the record again stays in the rest, under its own name; the rest becomes ``extra``, and writing
lays ``extra`` over the fields it derives from the record. So every row can be written back exactly. Keys that begin
with ``plaudit:`` are notes of a format to itself; they are never written and no source may use them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from plaudit.preferences import dialogues
from plaudit.preferences.preference import Content, Message, Preference, Response
from plaudit.preferences.rows import Fields, Row, Unwritable

NOTE = "plaudit:"
DERIVED = "content:"
GIVEN = ("file:", "hub:", "builtin:")
"""Prefixes of source names that reading gave to rows without one; they are not written back."""


class Identity(TypedDict):
    """The fields of a record that say which it is."""

    id: str
    source: str


def rest_of(row: Row) -> Fields:
    """Return a copy of the row's fields, from which parsing takes what it understands."""
    for name in row.fields:
        if name.startswith(NOTE):
            raise row.bad(name, f"names that begin with {NOTE!r} are reserved", "reserved field")
    return dict(row.fields)


def number(row: Row, field: str, value: object, least: float = -math.inf) -> float:
    """Return ``value`` unchanged (an int stays one) if it is a finite number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise row.wrong(field, value, "a number")
    if not math.isfinite(value) or value < least:
        raise row.wrong(field, value, "a finite number" + (f" of at least {least:g}" if least > -math.inf else ""))
    return value


def content(row: Row, field: str, value: object) -> Content:
    """Return a field's text, or its turns (a list of objects with ``role`` and ``content``)."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise row.wrong(field, value, "a text or a list of turns")
    return tuple(_message(row, f"{field}[{i}]", turn) for i, turn in enumerate(value))


def _message(row: Row, field: str, turn: object) -> Message:
    right = "an object with a text 'role' and a text 'content'"
    if not isinstance(turn, Mapping) or not isinstance(turn.get("role"), str):
        raise row.wrong(field, turn, right)
    if not isinstance(turn.get("content"), str):
        raise row.wrong(f"{field}.content", turn.get("content"), "a text (other media are not supported)")
    return Message(turn["role"], turn["content"])


def plain(value: Content) -> str | list[Fields]:
    """Return a content as a field: a text, or a list of turns."""
    return value if isinstance(value, str) else [{"role": turn.role, "content": turn.content} for turn in value]


def spoken(prompt: Content, response: Content) -> Content:
    """Return a plain-text response to a conversation as the assistant's turn; anything else as it is."""
    if isinstance(prompt, tuple) and prompt and isinstance(response, str):
        return (Message("assistant", response),)
    return response


def unspoken(response: Content) -> str | list[Fields]:
    """Return a response as a field: one assistant's turn as its text, more turns as a list."""
    if isinstance(response, tuple) and len(response) == 1 and response[0].role == "assistant":
        return response[0].content
    return plain(response)


def take_prompt(row: Row, rest: Fields) -> Content:
    """Take the prompt out of ``rest``: ``messages`` if ``prompt_format`` is ``hh``, else ``prompt``; ``""`` if none."""
    form = rest.get("prompt_format", "plain")
    if form not in ("plain", "hh"):
        raise row.wrong("prompt_format", form, "'plain' or 'hh'")
    if form == "hh":
        return _take_dialogue(row, rest)
    if rest.get("prompt") is None:
        return ""
    prompt = content(row, "prompt", rest["prompt"])
    if prompt and plain(prompt) == rest["prompt"]:
        del rest["prompt"]
    return prompt


def _take_dialogue(row: Row, rest: Fields) -> Content:
    if "messages" in rest:
        turns = content(row, "messages", rest["messages"])
        if isinstance(turns, str) or not turns:
            raise row.wrong("messages", turns, "a list of at least one turn")
        if plain(turns) == rest["messages"]:
            del rest["messages"]
    else:
        rest[NOTE + "messages"] = False
        turns = _open_dialogue(row, rest.get("prompt"))
    if rest.get("prompt") == _as_text(turns):
        del rest["prompt"]
    return turns


def _open_dialogue(row: Row, text: object) -> tuple[Message, ...]:
    if not isinstance(text, str) or not dialogues.is_dialogue(text):
        raise row.wrong("prompt", text, "a dialogue that opens with '\\n\\nHuman:', as prompt_format is 'hh'")
    turns = dialogues.parse(text)
    return turns[:-1] if text.endswith(dialogues.OPEN) else turns


def _as_text(turns: Content) -> str | None:
    known = isinstance(turns, tuple) and all(turn.role in dialogues.LABELS for turn in turns)
    return dialogues.render(turns) + dialogues.OPEN if known and isinstance(turns, tuple) else None


def prompt_fields(preference: Preference) -> Fields:
    """Return the fields that hold the prompt; the inverse of `take_prompt`."""
    if preference.extra.get("prompt_format") != "hh":
        return {"prompt": plain(preference.prompt)} if preference.prompt else {}
    fields: Fields = {} if preference.extra.get(NOTE + "messages") is False else {"messages": plain(preference.prompt)}
    text = _as_text(preference.prompt)
    return fields if text is None else {"prompt": text} | fields


def take_identity(rest: Fields, field: str = "id") -> Identity:
    """Take the id (from ``field``) and ``source`` out of ``rest``; a number as id stays there too."""
    return Identity(id=_take_name(rest, field), source=_take_name(rest, "source"))


def _take_name(rest: Fields, field: str) -> str:
    value = rest.get(field)
    if value is None or isinstance(value, list | dict):
        return ""
    if isinstance(value, str) and value and not value.startswith((DERIVED, *GIVEN)):
        del rest[field]
    return str(value)


def identity_fields(preference: Preference, field: str = "id") -> Fields:
    """Return id and source as fields, unless they were derived by reading; the inverse of `take_identity`."""
    fields: Fields = {}
    if preference.id and not preference.id.startswith(DERIVED):
        fields[field] = preference.id
    if preference.source and not preference.source.startswith(GIVEN):
        fields["source"] = preference.source
    return fields


def content_id(prompt: Content, responses: Sequence[Response]) -> str:
    """Return an identity derived from what the record says, for rows that bring none."""
    said = json.dumps([plain(prompt), *(plain(response.content) for response in responses)])
    return DERIVED + hashlib.sha256(said.encode("ascii")).hexdigest()[:20]


def overlay(fields: Fields, extra: Mapping[str, Any]) -> Fields:
    """Return ``fields`` overlaid by ``extra`` without the formats' own notes."""
    return fields | {name: value for name, value in extra.items() if not name.startswith(NOTE)}


def unwritable(preference: Preference, form: str, why: str) -> Unwritable:
    """Return the error for a record that ``form`` has no fields for."""
    return Unwritable(
        f"record {preference.id!r} of {preference.source or 'no source'} cannot be written as {form}: {why}"
    )
