"""The preference record: one prompt, its responses as nodes, comparisons as edges, ratings on nodes.

Pairs, k-wise rankings, ties, multi-attribute ratings, several annotators and best-of-n sets are all this one record,
so each response is encoded once however many comparisons it is in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. ``role`` is ``system``, ``user``, ``assistant`` or ``tool``."""

    role: str
    content: str


Content = str | tuple[Message, ...]
"""Plain text, or the turns of a conversation. An empty string or tuple means there is none (no prompt)."""


def characters(content: Content) -> int:
    """Return how many characters a text has, or the contents of turns with a line break between each two."""
    return len(content) if isinstance(content, str) else sum(len(turn.content) + 1 for turn in content) - bool(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A node: something that can be scored.

    Attributes:
        content: plain text, or one or more turns that follow the prompt (ending with the assistant's).
        id: the source's identity of this text (a snippet id, say), or ``""``; where there is no prompt it is the
            unit of splitting and resampling.
        ratings: named absolute ratings, in the source's own units. Never NaN.
        extra: every source field that has no place above, so that nothing is lost.
    """

    content: Content
    id: str = ""
    ratings: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An edge: somebody preferred response ``chosen`` to response ``rejected`` (positions in the record).

    Attributes:
        chosen: position of the preferred response (of either, if ``tie``).
        rejected: position of the other response.
        tie: neither was preferred.
        strength: how much better, as a margin in reward units, or None if not stated (0 or more).
        weight: how much this comparison counts (0 or more; 1 is one vote).
        annotator: who judged, or ``""``.
        objective: what was judged (``"helpfulness"``), or ``""`` for overall preference.
        reason: free text given with the judgement.
        extra: every source field of this vote that has no place above.
    """

    chosen: int
    rejected: int
    tie: bool = False
    strength: float | None = None
    weight: float = 1.0
    annotator: str = ""
    objective: str = ""
    reason: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One prompt with its responses and what people said about them.

    Attributes:
        prompt: what the responses answer; ``""`` or ``()`` where there is none.
        responses: at least one.
        comparisons: edges between positions in ``responses``; may be empty (ratings only, or unlabelled).
        id: stable identity: the source's own, else derived from the content.
        source: name of the data set the record came from.
        group: the unit of splitting and resampling (see ``groups.py``); ``""`` until assigned.
        extra: every source field that has no place above.
    """

    prompt: Content
    responses: tuple[Response, ...]
    comparisons: tuple[Comparison, ...] = ()
    id: str = ""
    source: str = ""
    group: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
