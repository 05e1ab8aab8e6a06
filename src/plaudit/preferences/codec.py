"""Records as columns: contents and extras as JSON, comparisons as number lists, and what is looked up often."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from plaudit.preferences.preference import Comparison, Content, Message, Preference, Response

SCHEMA = pa.schema(
    [
        ("id", pa.large_string()),
        ("source", pa.large_string()),
        ("prompt", pa.large_string()),
        ("responses", pa.large_string()),
        ("extra", pa.large_string()),
        ("chosen", pa.list_(pa.int32())),
        ("rejected", pa.list_(pa.int32())),
        ("tie", pa.list_(pa.bool_())),
        ("strength", pa.list_(pa.float64())),
        ("vote_weight", pa.list_(pa.float64())),
        ("votes", pa.large_string()),
        ("size", pa.int32()),
        ("vote_total", pa.float64()),
        ("weight", pa.float64()),
        ("group", pa.large_string()),
        ("file", pa.large_string()),
        ("row", pa.int64()),
    ]
)
"""``tie``, ``strength``, ``vote_weight``, ``votes`` are null where every comparison has the default. ``weight`` is the
source's; ``vote_total`` the sum of the comparisons' own; ``size`` the number of responses."""

CONTENT = (
    "id",
    "source",
    "prompt",
    "responses",
    "extra",
    "chosen",
    "rejected",
    "tie",
    "strength",
    "vote_weight",
    "votes",
)
"""The columns that make up a record's identity in a fingerprint, with ``weight``."""

Columns = dict[str, Any]


def encode(preference: Preference, weight: float = 1.0, file: str = "", row: int = 0) -> Columns:
    """Return a record as one value a column.

    Raises:
        ValueError: a comparison names a response that is not there, or a weight or strength is negative or not finite.
        TypeError: an extra holds what JSON cannot.
        UnicodeEncodeError: a text holds a lone surrogate.
    """
    _check_edges(preference)
    edges = preference.comparisons
    return _texts(preference) | {
        "chosen": [edge.chosen for edge in edges],
        "rejected": [edge.rejected for edge in edges],
        "tie": [edge.tie for edge in edges] if any(edge.tie for edge in edges) else None,
        "strength": [edge.strength for edge in edges] if any(edge.strength is not None for edge in edges) else None,
        "vote_weight": [edge.weight for edge in edges] if any(edge.weight != 1 for edge in edges) else None,
        "votes": _votes(edges),
        "size": len(preference.responses),
        "vote_total": float(sum(edge.weight for edge in edges)),
        "weight": weight,
        "group": preference.group,
        "file": file,
        "row": row,
    }


def _texts(preference: Preference) -> Columns:
    texts = {
        "id": preference.id,
        "source": preference.source,
        "prompt": _json(_packed(preference.prompt)),
        "responses": _json([_packed_response(response) for response in preference.responses]),
        "extra": _json(preference.extra) if preference.extra else "",
    }
    for text in texts.values():
        text.encode("utf-8")
    return texts


def _check_edges(preference: Preference) -> None:
    known = range(len(preference.responses))
    if not known:
        raise ValueError(f"record {preference.id!r} has no response; it should have at least one")
    for edge in preference.comparisons:
        if edge.chosen not in known or edge.rejected not in known or edge.chosen == edge.rejected:
            pair = f"{edge.chosen} and {edge.rejected}"
            raise ValueError(f"record {preference.id!r} compares responses {pair}; it has {len(known)}, from 0")
        for name, value in (("weight", edge.weight), ("strength", edge.strength)):
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(
                    f"record {preference.id!r} has a comparison with {name} {value}; it should be 0 or more"
                )


_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _packed(content: Content) -> str | list[list[str]]:
    return content if isinstance(content, str) else [[turn.role, turn.content] for turn in content]


def _packed_response(response: Response) -> list[Any]:
    return [_packed(response.content), response.id, dict(response.ratings), dict(response.extra)]


def _votes(edges: Sequence[Comparison]) -> str | None:
    if not any(edge.annotator or edge.objective or edge.reason or edge.extra for edge in edges):
        return None
    text = _json([[edge.annotator, edge.objective, edge.reason, dict(edge.extra)] for edge in edges])
    text.encode("utf-8")
    return text


def votes_for(objective: str, count: int) -> str:
    """Return the cell of the column ``votes`` for ``count`` comparisons that have but an objective."""
    return _json([["", objective, "", {}]] * count)


def decode(columns: Mapping[str, Any]) -> Preference:
    """Return the record of one row of columns; comparison weights are multiplied by the source's ``weight``."""
    return Preference(
        prompt=prompt(columns["prompt"]),
        responses=responses(columns["responses"]),
        comparisons=_comparisons(columns),
        id=columns["id"],
        source=columns["source"],
        group=columns["group"],
        extra=json.loads(columns["extra"]) if columns["extra"] else {},
    )


def prompt(text: str) -> Content:
    """Return the prompt held in a cell of the column ``prompt``."""
    return _unpacked(json.loads(text))


def responses(text: str) -> tuple[Response, ...]:
    """Return the responses held in a cell of the column ``responses``."""
    return tuple(
        Response(content=_unpacked(content), id=name, ratings=ratings, extra=extra)
        for content, name, ratings, extra in json.loads(text)
    )


def _unpacked(packed: str | list[list[str]]) -> Content:
    return packed if isinstance(packed, str) else tuple(Message(role, said) for role, said in packed)


def _comparisons(columns: Mapping[str, Any]) -> tuple[Comparison, ...]:
    chosen, scale = columns["chosen"], columns["weight"]
    count = len(chosen)
    ties = columns["tie"] or [False] * count
    strengths = columns["strength"] or [None] * count
    weights = columns["vote_weight"] or [1.0] * count
    votes = json.loads(columns["votes"]) if columns["votes"] else [("", "", "", {})] * count
    return tuple(
        Comparison(
            chosen=better,
            rejected=worse,
            tie=tie,
            strength=strength,
            weight=weight if scale == 1 else weight * scale,
            annotator=annotator,
            objective=objective,
            reason=reason,
            extra=extra,
        )
        for better, worse, tie, strength, weight, (annotator, objective, reason, extra) in zip(
            chosen, columns["rejected"], ties, strengths, weights, votes, strict=True
        )
    )
