"""Other tools' files: one file each, turning records into what the tool imports, and what it exports into records.

Both directions speak of `Preference`: a record a task, a comparison a vote by a named annotator.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, ClassVar, Protocol

from plaudit.preferences.fields import NOTE
from plaudit.preferences.preference import Comparison, Content, Message, Preference

BOTH_BAD = "tie (both bad)"
"""What ``raw_winner`` of a tie says where both responses were called bad."""


class BadExchange(ValueError):
    """A file of another tool that does not say what it should; the message names the task and the field."""


class Exchange(Protocol):
    """What every tool's file offers.

    Attributes:
        example: what the tool exports, parsed, with every feature that is read.
    """

    example: ClassVar[list[dict[str, Any]]]

    def write(self, preferences: Iterable[Preference]) -> list[dict[str, Any]]:
        """Return what the tool imports, as JSON: prompts, responses, and votes where there are any.

        Raises:
            BadExchange: a record has fewer responses than two.
        """
        ...

    def read(self, parsed: Any) -> Iterator[Preference]:
        """Yield the records of an export, parsed from JSON.

        Raises:
            BadExchange: a task is malformed; the message says which and where.
        """
        ...


def listed(parsed: Any, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the object of every task of an export.

    Raises:
        BadExchange: it is no list of objects.
    """
    if not isinstance(parsed, list):
        raise BadExchange(f"the {what} export is {type(parsed).__name__}; it should be a list of tasks")
    for at, task in enumerate(parsed, 1):
        if not isinstance(task, dict):
            raise BadExchange(f"{what} task {at}: is {str(task)[:40]!r}; it should be an object")
        yield f"{what} task {at}", task


def text_of(where: str, fields: Mapping[str, Any], name: str) -> str:
    """Return a text field.

    Raises:
        BadExchange: it is missing, or is no text.
    """
    found = fields.get(name)
    if not isinstance(found, str):
        has = ", ".join(fields) or "none"
        raise BadExchange(f"{where}: {name!r} is {str(found)[:40]!r}; it should be a text (there are: {has})")
    return found


def table_of(where: str, fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object field; empty where it is missing or null.

    Raises:
        BadExchange: it is something else.
    """
    found = fields.get(name) or {}
    if not isinstance(found, dict):
        raise BadExchange(f"{where}: {name!r} is {str(found)[:40]!r}; it should be an object")
    return found


def as_text(content: Content) -> str:
    """Return a content as people read it: a text, or turns under their roles."""
    if isinstance(content, str):
        return content
    if len(content) == 1 and content[0].role in ("user", "assistant"):
        return content[0].content
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in content)


def as_turns(content: Content) -> list[list[str]] | None:
    """Return what `as_text` would lose, to be kept beside it; None for plain text."""
    return None if isinstance(content, str) else [[turn.role, turn.content] for turn in content]


def content_of(text: str, turns: Any) -> Content:
    """Return a content from its text and its turns, if they still say the same; the inverse of the two above."""
    made: Content = tuple(Message(str(role), str(said)) for role, said in turns) if turns else text
    return made if as_text(made) == text else text


def kept_of(preference: Preference) -> dict[str, Any]:
    """Return what the tools have no field for, to be carried along and to come back with the export."""
    return {
        "id": preference.id,
        "source": preference.source,
        "prompt": as_turns(preference.prompt),
        "responses": [as_turns(response.content) for response in preference.responses],
        "extra": {name: value for name, value in preference.extra.items() if not name.startswith(NOTE)},
    }


def by_annotator(preference: Preference) -> dict[str, list[Comparison]]:
    """Return the overall votes of each annotator."""
    found: dict[str, list[Comparison]] = {}
    for edge in preference.comparisons:
        if not edge.objective:
            found.setdefault(edge.annotator, []).append(edge)
    return found


def ranks_of(edges: Iterable[Comparison], count: int) -> list[int]:
    """Return a rank a response by wins, 0 the best: the order that one annotator's votes name, if they name one."""
    wins = [0.0] * count
    for edge in edges:
        wins[edge.chosen] += 0.5 if edge.tie else 1.0
        wins[edge.rejected] += 0.5 if edge.tie else 0.0
    order = sorted(set(wins), reverse=True)
    return [order.index(won) for won in wins]


def edges_of(ranks: Sequence[int], annotator: str, **fields: Any) -> tuple[Comparison, ...]:
    """Return a comparison a pair of ranked responses; equal ranks are ties."""
    return tuple(
        Comparison(
            chosen=first if ranks[first] <= ranks[second] else second,
            rejected=second if ranks[first] <= ranks[second] else first,
            tie=ranks[first] == ranks[second],
            annotator=annotator,
            **fields,
        )
        for first, second in combinations(range(len(ranks)), 2)
    )


def require_responses(preference: Preference, what: str) -> None:
    """Raise `BadExchange` for a record with nothing to compare."""
    if len(preference.responses) < 2:
        count = len(preference.responses)
        raise BadExchange(f"record {preference.id!r} has {count} responses; a {what} task should have two or more")
