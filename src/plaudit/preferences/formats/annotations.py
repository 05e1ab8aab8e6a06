"""One row an annotator's vote between ``response_a`` and ``response_b``: ``label`` A, B or tie, reasons kept.

Rows of the same item (``item_id``, else the same prompt and responses) share a record, with a comparison a vote. They
need not be neighbours, but no more than ``window`` other items may begin among them. Sides may be swapped from
vote to vote. Fields in pairs (``model_a``, ``model_b``) go to the responses; other fields go to the record where all
its votes agree on them, else to the vote.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from plaudit.preferences.fields import (
    NOTE,
    content,
    content_id,
    identity_fields,
    number,
    overlay,
    prompt_fields,
    rest_of,
    spoken,
    take_identity,
    take_prompt,
    unspoken,
    unwritable,
)
from plaudit.preferences.preference import Comparison, Content, Preference, Response
from plaudit.preferences.rows import BadRow, Fields, Ledger, Row

SWAPPED = NOTE + "swapped"
VOTE_FIELDS = (
    "annotator_kind", "raw_winner", "confidence", "seconds", "created", "judge", "votes", "probability",
)  # fmt: skip
_CODES = {"A": (0, 1, False), "B": (1, 0, False), "TIE": (0, 1, True)}
_TEXTS = ("annotator", "objective", "reason")


@dataclass(slots=True)
class _Vote:
    """A row taken apart: what it is about, what it says, and what else it holds."""

    row: Row
    prompt: Content
    sides: tuple[Response, Response]
    edge: dict[str, Any]
    rest: Fields


class Annotations:
    """Votes between two responses, one row each.

    Args:
        vote_fields: fields that belong to the vote even where all votes of an item agree on them.
        window: items kept open while waiting for more of their votes.
    """

    needs: ClassVar[str] = "'response_a', 'response_b' and 'label' (A, B or tie)"
    example: ClassVar[tuple[Fields, ...]] = tuple(
        {
            "item_id": "greeting/1",
            "prompt": "Say hello.",
            "response_a": "Hello!",
            "response_b": "What?",
            "model_a": "north",
            "model_b": "south",
            **vote,
        }
        for vote in (
            {"annotator": "ann", "label": "A", "reason": "It is polite."},
            {"annotator": "bob", "label": "tie", "raw_winner": "tie (both bad)"},
            {"annotator": "cyd", "label": "B", "strength": 0.5, "weight": 2, "objective": "brevity"},
        )
    )

    def __init__(self, vote_fields: tuple[str, ...] = VOTE_FIELDS, window: int = 4096) -> None:
        self.vote_fields = vote_fields
        self.window = window

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Return whether the two sides are there."""
        return "response_a" in fields and "response_b" in fields

    def read(self, rows: Iterable[Row], ledger: Ledger | None = None) -> Iterator[Preference]:
        """Yield a record an item, when its window has passed."""
        ledger = ledger or Ledger()
        waiting: OrderedDict[str, list[_Vote]] = OrderedDict()
        for row in rows:
            try:
                _file_vote(waiting, _vote(row))
            except BadRow as error:
                ledger.bad(error)
            if len(waiting) > self.window:
                yield self._preference(waiting.popitem(last=False)[1], ledger)
        for votes in waiting.values():
            yield self._preference(votes, ledger)

    def _preference(self, votes: list[_Vote], ledger: Ledger) -> Preference:
        first = votes[0]
        ledger.row = first.row
        shared = {name: value for name, value in first.rest.items() if self._is_shared(name, value, votes)}
        kept = [{name: value for name, value in vote.rest.items() if name not in shared} for vote in votes]
        edges = [Comparison(**vote.edge, extra=extra) for vote, extra in zip(votes, kept, strict=True)]
        identity = take_identity(shared, "item_id")
        identity["id"] = identity["id"] or content_id(first.prompt, first.sides)
        return Preference(
            prompt=first.prompt, responses=first.sides, comparisons=tuple(edges), extra=shared, **identity
        )

    def _is_shared(self, name: str, value: object, votes: list[_Vote]) -> bool:
        if name in self.vote_fields or name in (SWAPPED, "label", *_TEXTS):
            return False
        return all(name in vote.rest and vote.rest[name] == value for vote in votes)

    def write(self, preferences: Iterable[Preference]) -> Iterator[Fields]:
        """Yield a row a vote; a record must have two responses and at least one comparison."""
        for preference in preferences:
            if len(preference.responses) != 2 or not preference.comparisons:
                raise unwritable(preference, "annotations", "it is not votes between two responses")
            shared = prompt_fields(preference) | identity_fields(preference, "item_id")
            yield from (_row(preference, edge, shared) for edge in preference.comparisons)


def _file_vote(waiting: OrderedDict[str, list[_Vote]], vote: _Vote) -> None:
    """Put a vote with the others of its item, the sides turned as in the first of them."""
    item = vote.row.fields.get("item_id")
    key = f"{item!r}" if item is not None else content_id(vote.prompt, vote.sides)
    others = waiting.get(key)
    if others is None:
        waiting[key] = [vote]
        return
    others.append(_turned(vote, others[0]))


def _turned(vote: _Vote, first: _Vote) -> _Vote:
    row = vote.row
    if vote.prompt != first.prompt:
        raise row.bad("prompt", f"differs from the item's in row {first.row.number}", "vote about another prompt")
    if vote.sides == first.sides:
        return vote
    if vote.sides[::-1] != first.sides:
        field = "response_a" if vote.sides[0] not in first.sides else "response_b"
        problem = f"is a vote about responses that the item in row {first.row.number} does not have"
        raise row.bad(field, problem, "vote about unknown responses")
    edge = vote.edge | {"chosen": 1 - vote.edge["chosen"], "rejected": 1 - vote.edge["rejected"]}
    return _Vote(row, vote.prompt, first.sides, edge, vote.rest | {SWAPPED: True})


def _vote(row: Row) -> _Vote:
    rest = rest_of(row)
    prompt = take_prompt(row, rest)
    sides = (_take_side(row, rest, prompt, "_a"), _take_side(row, rest, prompt, "_b"))
    return _Vote(row, prompt, sides, _take_edge(row, rest), rest)


def _take_side(row: Row, rest: Fields, prompt: Content, suffix: str) -> Response:
    field = "response" + suffix
    if field not in row.fields:
        raise row.missing(field, "a text or a list of turns")
    partner = {"_a": "_b", "_b": "_a"}[suffix]
    paired = [name for name in row.fields if name.endswith(suffix) and name[:-2] + partner in row.fields]
    extra = {name[:-2]: rest.pop(name) for name in paired}
    said = spoken(prompt, content(row, field, extra["response"]))
    if unspoken(said) == extra["response"]:
        del extra["response"]
    return Response(content=said, extra=extra)


def _take_edge(row: Row, rest: Fields) -> dict[str, Any]:
    label = rest.get("label")
    if not isinstance(label, str) or label.upper() not in _CODES:
        raise row.bad("label", f"is {label!r}; it should be 'A', 'B' or 'tie'", "vote about unknown responses")
    chosen, rejected, tie = _CODES[label.upper()]
    edge: dict[str, Any] = {"chosen": chosen, "rejected": rejected, "tie": tie}
    if label in ("A", "B", "tie"):
        del rest["label"]
    for name in _TEXTS:
        if isinstance(rest.get(name), str) and rest[name]:
            edge[name] = rest.pop(name)
    for name in ("strength", "weight"):
        if rest.get(name) is not None:
            edge[name] = number(row, name, rest.pop(name), least=0)
    return edge


def _row(preference: Preference, edge: Comparison, shared: Fields) -> Fields:
    swapped = bool(edge.extra.get(SWAPPED))
    fields = dict(shared)
    for suffix, response in zip("ba" if swapped else "ab", preference.responses, strict=True):
        sides = overlay({"response": unspoken(response.content)}, response.extra)
        fields |= {f"{name}_{suffix}": value for name, value in sides.items()}
    fields["label"] = "tie" if edge.tie else "AB"[edge.chosen ^ swapped]
    fields |= {name: getattr(edge, name) for name in _TEXTS if getattr(edge, name)}
    fields |= {} if edge.strength is None else {"strength": edge.strength}
    fields |= {} if edge.weight == 1 else {"weight": edge.weight}
    return overlay(overlay(fields, preference.extra), edge.extra)
