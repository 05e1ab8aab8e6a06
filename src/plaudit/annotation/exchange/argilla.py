"""Argilla 2's record JSON (``dataset.records.to_json``): ``fields``, and ``responses`` by question and user.

Pairs are a label question (``response_1``, ``response_2``, ``tie``, ``both_bad``), longer lists a ranking question;
``reason`` is a text question and ``strength`` a rating. Users are UUIDs there: names become one by hashing, and come
back by the metadata that travels along. A ranking has no ties there; those of ours travel the same way.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from plaudit.annotation.exchange import (
    BOTH_BAD,
    BadExchange,
    as_text,
    by_annotator,
    content_of,
    edges_of,
    kept_of,
    listed,
    ranks_of,
    require_responses,
    table_of,
    text_of,
)
from plaudit.preferences.fields import content_id
from plaudit.preferences.preference import Comparison, Preference, Response

LABEL, RANKING, REASON, STRENGTH = "preference", "ranking", "reason", "strength"
KEPT = "plaudit"
_NAMES = uuid.UUID("5b1d7c7e-2a51-4a0e-9a55-0f9e5cfd1a10")
_ANN, _BOB = "0f0b9d7a-3c44-4a5e-8d0e-6f6d5a1c2b31", "7f1d2c3b-9a8e-4f5d-b6c7-1a2b3c4d5e6f"


class Argilla:
    """Records of an Argilla dataset.

    Args:
        prompt: the field with the prompt.
        response: what the fields of the responses begin with; a number from 1 follows.
    """

    example: ClassVar[list[dict[str, Any]]] = [
        {
            "id": "greeting/1",
            "fields": {"prompt": "Say hello.", "response_1": "Hello!", "response_2": "What?"},
            "metadata": {"topic": "manners"},
            "suggestions": {},
            "responses": {
                "preference": [
                    {"value": "response_1", "user_id": _ANN},
                    {"value": "both_bad", "user_id": _BOB},
                ],
                "reason": [{"value": "It is polite.", "user_id": _ANN}],
                "strength": [{"value": 2, "user_id": _ANN}],
            },
            "vectors": {},
            "_server_id": "c2a8f3de-5b0b-4b0e-8b0a-3c9d2e1f4a55",
        },
        {
            "id": "colours/1",
            "fields": {
                "prompt": "Name a colour.",
                "response_1": "Chair.",
                "response_2": "Teal.",
                "response_3": "Red.",
            },
            "metadata": {},
            "suggestions": {},
            "responses": {
                "ranking": [{"value": ["response_2", "response_3", "response_1"], "user_id": _BOB}],
            },
            "vectors": {},
            "_server_id": None,
        },
    ]

    def __init__(self, prompt: str = "prompt", response: str = "response_") -> None:
        self.prompt, self.response = prompt, response

    def write(self, preferences: Iterable[Preference]) -> list[dict[str, Any]]:
        """Return records to log; votes become responses of users."""
        return [self._record(preference) for preference in preferences]

    def _record(self, preference: Preference) -> dict[str, Any]:
        require_responses(preference, "Argilla")
        said = {f"{self.response}{at}": as_text(one.content) for at, one in enumerate(preference.responses, 1)}
        votes = by_annotator(preference)
        kept = kept_of(preference) | {"annotators": {_user(name): name for name in votes}}
        ranks = {_user(name): ranks_of(edges, len(said)) for name, edges in votes.items()}
        kept["ranks"] = {user: one for user, one in ranks.items() if len(said) > 2 and len(set(one)) < len(one)}
        return {
            "id": preference.id,
            "fields": {self.prompt: as_text(preference.prompt), **said},
            "metadata": {KEPT: json.dumps(kept)},
            "suggestions": {},
            "responses": _answers(votes, list(said), ranks),
            "vectors": {},
        }

    def read(self, parsed: Any) -> Iterator[Preference]:
        """Yield a record a record, with a vote a user."""
        for where, record in listed(parsed, "Argilla"):
            yield self._preference(where, record)

    def _preference(self, where: str, record: Mapping[str, Any]) -> Preference:
        fields, metadata = table_of(where, record, "fields"), table_of(where, record, "metadata")
        kept = _kept(where, metadata)
        names = [name for name in fields if name.startswith(self.response) and name != self.prompt]
        if len(names) < 2:
            raise BadExchange(
                f"{where}: 'fields' has {', '.join(fields) or 'none'}; it should have {self.response}1, …"
            )
        turns = kept.get("responses") or ()
        responses = tuple(
            Response(content=content_of(text_of(where, fields, name), turns[at] if at < len(turns) else None))
            for at, name in enumerate(names)
        )
        prompt = content_of(text_of(where, fields, self.prompt), kept.get("prompt"))
        extra = {name: value for name, value in metadata.items() if name != KEPT}
        name = record.get("id")
        return Preference(
            prompt=prompt,
            responses=responses,
            comparisons=tuple(_edges(where, table_of(where, record, "responses"), names, kept)),
            id=str(name) if name else content_id(prompt, responses),
            source=str(kept.get("source") or ""),
            extra={**table_of(where, kept, "extra"), **extra},
        )


def _user(name: str) -> str:
    """Return a name that is a user's number already as it is, any other as a number made from it."""
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(_NAMES, name))


def _answers(
    votes: Mapping[str, list[Comparison]], names: list[str], ranks: Mapping[str, list[int]]
) -> dict[str, list[dict[str, Any]]]:
    said: dict[str, list[dict[str, Any]]] = {}
    for name, edges in votes.items():
        first, user = edges[0], _user(name)
        if len(names) == 2:
            tie = "both_bad" if first.extra.get("raw_winner") == BOTH_BAD else "tie"
            said.setdefault(LABEL, []).append({"value": tie if first.tie else names[first.chosen], "user_id": user})
        else:
            order = sorted(range(len(names)), key=lambda at, by=ranks[user]: (by[at], at))  # type: ignore[misc]
            said.setdefault(RANKING, []).append({"value": [names[at] for at in order], "user_id": user})
        for question, value in ((STRENGTH, first.strength), (REASON, first.reason)):
            if value not in (None, ""):
                said.setdefault(question, []).append({"value": value, "user_id": user})
    return said


def _kept(where: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    text = metadata.get(KEPT)
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except (TypeError, ValueError) as error:
        raise BadExchange(f"{where}: metadata {KEPT!r} is {str(text)[:40]!r}; it should be JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadExchange(f"{where}: metadata {KEPT!r} is {str(text)[:40]!r}; it should be a JSON object")
    return found


def _edges(where: str, said: Mapping[str, Any], names: list[str], kept: Mapping[str, Any]) -> Iterator[Comparison]:
    people = table_of(where, kept, "annotators")
    beside = {question: dict(_by_user(where, said, question)) for question in (STRENGTH, REASON)}
    for question in (LABEL, RANKING):
        for user, value in _by_user(where, said, question):
            ranks = table_of(where, kept, "ranks").get(user) or _ranks(where, value, names)
            strength = beside[STRENGTH].get(user)
            tied = isinstance(value, str) and value in ("tie", "both_bad")
            yield from edges_of(
                ranks,
                str(people.get(user, user)),
                strength=float(strength) if isinstance(strength, int | float) and not tied else None,
                reason=str(beside[REASON].get(user, "")),
                extra={"raw_winner": BOTH_BAD} if value == "both_bad" else {},
            )


def _by_user(where: str, said: Mapping[str, Any], question: str) -> Iterator[tuple[str, Any]]:
    for one in said.get(question) or ():
        if not isinstance(one, dict) or "value" not in one:
            raise BadExchange(f"{where}: responses to {question!r} hold {str(one)[:40]!r}; each should have a 'value'")
        yield str(one.get("user_id") or ""), one["value"]


def _ranks(where: str, value: Any, names: list[str]) -> list[int]:
    """Return a rank a response; older exports write ``{"value": …, "rank": …}`` in place of names in order."""
    if isinstance(value, str) and len(names) == 2:
        if value not in (*names, "tie", "both_bad"):
            raise BadExchange(f"{where}: {LABEL!r} is {value!r}; it should be one of {', '.join(names)}, tie, both_bad")
        return [int(name != value) for name in names] if value in names else [0, 0]
    order = value if isinstance(value, list) else []
    placed = {
        (one.get("value") if isinstance(one, dict) else one): (one.get("rank", at) if isinstance(one, dict) else at)
        for at, one in enumerate(order)
    }
    if sorted(map(str, placed)) != sorted(names) or any(not isinstance(rank, int) for rank in placed.values()):
        raise BadExchange(f"{where}: {RANKING!r} is {str(value)[:60]}; it should name each of {', '.join(names)} once")
    dense = {rank: at for at, rank in enumerate(sorted(set(placed.values())))}
    return [dense[placed[name]] for name in names]
