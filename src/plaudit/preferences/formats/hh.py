r"""Pairs of whole dialogues in ``chosen`` and ``rejected``, as hh-rlhf has them: ``"\n\nHuman: …\n\nAssistant: …"``.

The prompt is the longest common prefix of turns after which both go on with the assistant; a response may have several
turns. Each text is given back exactly.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from plaudit.preferences import dialogues
from plaudit.preferences.fields import content_id, identity_fields, overlay, rest_of, take_identity, unwritable
from plaudit.preferences.preference import Comparison, Message, Preference, Response
from plaudit.preferences.rows import Fields, Ledger, Row, each


class Hh:
    """The hh-rlhf layout: two dialogues that share a beginning."""

    needs: ClassVar[str] = "'chosen' and 'rejected', dialogues that open with '\\n\\nHuman:', and no 'prompt'"
    example: ClassVar[tuple[Fields, ...]] = (
        {
            "chosen": "\n\nHuman: May I eat this mushroom?\n\nAssistant: Only if an expert has named it.",
            "rejected": "\n\nHuman: May I eat this mushroom?\n\nAssistant: Sure!",
        },
        {
            "chosen": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Bye\n\nAssistant: Good night",
            "rejected": "\n\nHuman: Hi\n\nAssistant:",
            "collected": 2021,
        },
    )

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Return whether either side is a dialogue and there is no prompt."""
        sides = (fields.get("chosen"), fields.get("rejected"))
        return "prompt" not in fields and None not in sides and any(map(dialogues.is_dialogue, sides))

    def read(self, rows: Iterable[Row], ledger: Ledger | None = None) -> Iterator[Preference]:
        """Yield a record with two responses a row: chosen first."""
        return each(rows, _preference, ledger)

    def write(self, preferences: Iterable[Preference]) -> Iterator[Fields]:
        """Yield a row a record; a record must be one strict comparison of two responses to a conversation."""
        return map(_row, preferences)


def _preference(row: Row) -> Preference:
    rest = rest_of(row)
    chosen, rejected = _take_dialogue(row, rest, "chosen"), _take_dialogue(row, rest, "rejected")
    cut = dialogues.common_prefix(chosen, rejected)
    responses = (Response(content=chosen[cut:]), Response(content=rejected[cut:]))
    identity = take_identity(rest)
    identity["id"] = identity["id"] or content_id(chosen[:cut], responses)
    return Preference(
        prompt=chosen[:cut],
        responses=responses,
        comparisons=(Comparison(chosen=0, rejected=1),),
        extra=rest,
        **identity,
    )


def _take_dialogue(row: Row, rest: Fields, field: str) -> tuple[Message, ...]:
    if field not in rest:
        raise row.missing(field, "a dialogue")
    text = rest[field]
    if not isinstance(text, str) or not dialogues.is_dialogue(text):
        raise row.wrong(field, text, "a dialogue that opens with '\\n\\nHuman:'")
    turns = dialogues.parse(text)
    if turns[-1].role != "assistant":
        raise row.bad(field, "does not end with an Assistant turn; nothing in it can be judged", "no assistant turn")
    if dialogues.render(turns) == text:
        del rest[field]
    return turns


def _row(preference: Preference) -> Fields:
    if len(preference.responses) != 2 or len(preference.comparisons) != 1 or preference.comparisons[0].tie:
        raise unwritable(preference, "hh", "it is not one strict comparison of two responses")
    edge = preference.comparisons[0]
    fields: Fields = {}
    for field, position in (("chosen", edge.chosen), ("rejected", edge.rejected)):
        fields[field] = _text(preference, preference.responses[position])
    return overlay(fields | identity_fields(preference), preference.extra)


def _text(preference: Preference, response: Response) -> str:
    prompt, said = preference.prompt, response.content
    if isinstance(said, str) or (isinstance(prompt, str) and prompt):
        raise unwritable(preference, "hh", "it is plain text, not turns")
    try:
        return dialogues.render((*prompt, *said) if isinstance(prompt, tuple) else said)
    except ValueError as error:
        raise unwritable(preference, "hh", str(error)) from error
