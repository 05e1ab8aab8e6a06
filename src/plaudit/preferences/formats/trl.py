"""Pairs in ``chosen`` and ``rejected`` as TRL takes them: text or turns, the prompt given or implied, with ``margin``.

Four shapes: plain text or lists of turns, each with a ``prompt`` field or without. Without one, the prompt of lists of
turns is their longest common prefix in whole turns; plain texts keep an empty prompt, for where a text's prompt ends
cannot be told from its letters. Where ``prompt_format`` is ``hh`` the prompt is the conversation in ``messages``.
``tools``, ``chat_template_kwargs`` and whatever else the row holds are kept in ``extra``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from plaudit.preferences import dialogues
from plaudit.preferences.fields import (
    NOTE,
    content,
    content_id,
    identity_fields,
    number,
    overlay,
    plain,
    prompt_fields,
    rest_of,
    spoken,
    take_identity,
    take_prompt,
    unspoken,
    unwritable,
)
from plaudit.preferences.preference import Comparison, Content, Preference, Response
from plaudit.preferences.rows import Fields, Ledger, Row, each

IMPLICIT = NOTE + "implicit prompt"
_ASK = {"role": "user", "content": "Name a prime."}
_GOOD = {"role": "assistant", "content": "Seven."}
_POOR = {"role": "assistant", "content": "Nine."}


class Trl:
    """TRL's four pair layouts."""

    needs: ClassVar[str] = "'chosen' and 'rejected' (texts or lists of turns), with or without 'prompt'"
    example: ClassVar[tuple[Fields, ...]] = (
        {"prompt": "The sky is", "chosen": " blue.", "rejected": " loud.", "margin": 2},
        {"chosen": "The sky is blue.", "rejected": "The sky is loud."},
        {"prompt": [_ASK], "chosen": [_GOOD], "rejected": [_POOR], "margin": 0.5, "tools": [], "id": "primes/1"},
        {"chosen": [_ASK, _GOOD], "rejected": [_ASK, _POOR], "chat_template_kwargs": {"enable_thinking": False}},
        {
            "prompt": "\n\nHuman: Name a prime.\n\nAssistant:",
            "prompt_format": "hh",
            "messages": [_ASK],
            "chosen": "Eleven.",
            "rejected": "Six.",
        },
    )

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Return whether both sides are there, and are not whole dialogues in one text."""
        sides = (fields.get("chosen"), fields.get("rejected"))
        return None not in sides and ("prompt" in fields or not any(map(dialogues.is_dialogue, sides)))

    def read(self, rows: Iterable[Row], ledger: Ledger | None = None) -> Iterator[Preference]:
        """Yield a record with two responses a row: chosen first."""
        return each(rows, _preference, ledger)

    def write(self, preferences: Iterable[Preference]) -> Iterator[Fields]:
        """Yield a row a record; a record must be one strict comparison of two responses."""
        return map(_row, preferences)


def _preference(row: Row) -> Preference:
    rest = rest_of(row)
    sides = [_side(row, rest, field) for field in ("chosen", "rejected")]
    prompt, contents = _split(row, rest, *sides)
    _forget_regenerable(rest, prompt, contents)
    responses = tuple(Response(content=said) for said in contents)
    identity = take_identity(rest)
    identity["id"] = identity["id"] or content_id(prompt, responses)
    edge = Comparison(chosen=0, rejected=1, strength=_take_margin(row, rest))
    return Preference(prompt=prompt, responses=responses, comparisons=(edge,), extra=rest, **identity)


def _side(row: Row, rest: Fields, field: str) -> Content:
    if field not in rest:
        raise row.missing(field, "a text or a list of turns")
    said = content(row, field, rest[field])
    if said == ():
        raise row.wrong(field, [], "a list of at least one turn")
    return said


def _split(row: Row, rest: Fields, chosen: Content, rejected: Content) -> tuple[Content, tuple[Content, Content]]:
    """Return the prompt and the two responses to it."""
    if type(chosen) is not type(rejected):
        raise row.wrong("rejected", rest["rejected"], "of the same kind as 'chosen': both texts or both lists of turns")
    whole = isinstance(chosen, tuple) and isinstance(rest.get("prompt"), str | None)
    if isinstance(chosen, tuple) and isinstance(rejected, tuple) and whole and rest.get("prompt_format") != "hh":
        return _split_turns(row, rest, chosen, rejected)
    prompt = take_prompt(row, rest)
    return prompt, (spoken(prompt, chosen), spoken(prompt, rejected))


def _split_turns(
    row: Row, rest: Fields, chosen: tuple[Any, ...], rejected: tuple[Any, ...]
) -> tuple[Content, tuple[Content, Content]]:
    cut = dialogues.common_prefix(chosen, rejected)
    if not cut and rest.get("prompt"):
        raise row.wrong("prompt", rest["prompt"], "a list of turns, as 'chosen' and 'rejected' are, and share no turn")
    rest[IMPLICIT] = True
    return chosen[:cut], (chosen[cut:], rejected[cut:])


def _forget_regenerable(rest: Fields, prompt: Content, contents: tuple[Content, Content]) -> None:
    """Take out of ``rest`` the sides that writing will derive from the record."""
    for field, said in zip(("chosen", "rejected"), contents, strict=True):
        if _side_field(rest, prompt, said) == rest[field]:
            del rest[field]


def _side_field(extra: Mapping[str, Any], prompt: Content, said: Content) -> str | list[Fields]:
    if extra.get("prompt_format") == "hh":
        return unspoken(said)
    if extra.get(IMPLICIT) and isinstance(prompt, tuple) and isinstance(said, tuple):
        return plain(prompt + said)
    return plain(said)


def _take_margin(row: Row, rest: Fields) -> float | None:
    if rest.get("margin") is None:
        return None
    return number(row, "margin", rest.pop("margin"), least=0)


def _row(preference: Preference) -> Fields:
    if len(preference.responses) != 2 or len(preference.comparisons) != 1 or preference.comparisons[0].tie:
        raise unwritable(preference, "trl", "it is not one strict comparison of two responses")
    edge, extra = preference.comparisons[0], preference.extra
    fields = {} if extra.get(IMPLICIT) else prompt_fields(preference)
    for field, position in (("chosen", edge.chosen), ("rejected", edge.rejected)):
        fields[field] = _side_field(extra, preference.prompt, preference.responses[position].content)
    if edge.strength is not None:
        fields["margin"] = edge.strength
    return overlay(fields | identity_fields(preference), extra)
