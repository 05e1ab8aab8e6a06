"""The files that the owner can take away: answers in every form that plaudit or another tool reads."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from plaudit import members
from plaudit.annotation.exporting import export, votes
from plaudit.annotation.store import Store

LINES, DOCUMENT = "application/x-ndjson", "application/json"


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the owner can take away.

    Attributes:
        words: what it holds.
        media: its type.
        parts: makes it.
    """

    words: str
    media: str
    parts: Callable[[Store], Iterable[str]]


def _rows(store: Store, form: str) -> Iterable[str]:
    for row in export(store.tasks("real"), store.answers(), form).rows():
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _document(store: Store, tool: str) -> Iterable[str]:
    answered = votes(store.tasks("real"), store.answers())
    yield json.dumps(members.load("exchange", tool)().write(answered), ensure_ascii=False, indent=1) + "\n"


DOWNLOADS: Mapping[str, Download] = {
    "annotations.jsonl": Download(
        "a row a vote, with reasons, strengths and times", LINES, partial(_rows, form="annotations")
    ),
    "rankings.jsonl": Download(
        "a row an answer, with ranks and marked stretches", LINES, partial(_rows, form="rankings")
    ),
    "trl.jsonl": Download("a row a vote that prefers one: prompt, chosen, rejected", LINES, partial(_rows, form="trl")),
    "hh.jsonl": Download("the same as dialogues", LINES, partial(_rows, form="hh")),
    "ratings.jsonl": Download("how often each response won", LINES, partial(_rows, form="ratings")),
    "label_studio.json": Download("for Label Studio", DOCUMENT, partial(_document, tool="label_studio")),
    "argilla.json": Download("for Argilla", DOCUMENT, partial(_document, tool="argilla")),
}
"""By file name. `plaudit` reads the lines; the documents are for other tools."""
