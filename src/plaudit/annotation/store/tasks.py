"""Putting tasks into the queue: each once, a share of them for several annotators."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TypeVar

from sqlalchemy import case, func, select, update
from sqlmodel import Session, col

from plaudit.annotation.errors import BadTask, Unknown
from plaudit.annotation.records import Added, Task
from plaudit.annotation.settings import Settings
from plaudit.annotation.store.reading import campaign_of, plain_content, plain_response
from plaudit.annotation.store.tables import TaskRow

LONGEST_KEY = 500
_STRIDE = 500
_Thing = TypeVar("_Thing")


def add_tasks(session: Session, tasks: Sequence[Task]) -> Added:
    """Add tasks at the end of the queue (see `Store.add_tasks`)."""
    settings = Settings.of(campaign_of(session).settings)
    known = _known(session, [task.key for task in tasks])
    position = session.execute(select(func.count()).select_from(TaskRow)).scalar_one()
    real = session.execute(select(func.count()).where(col(TaskRow.role) == "real")).scalar_one()
    new: list[TaskRow] = []
    for task in tasks:
        row = _row(task, position + len(new), wanted(real, settings) if task.role == "real" else 0)
        if _is_known(row, known):
            continue
        new.append(row)
        real += task.role == "real"
    session.add_all(new)
    return Added(len(new), len(tasks) - len(new))


def _is_known(row: TaskRow, known: dict[str, str]) -> bool:
    """Return whether the task is there already; if not, remember it."""
    said = _said(row)
    before = known.setdefault(row.key, said)
    if before is said:
        return False
    if before != said:
        raise BadTask(f"task {row.key!r} is there already and says something else; it should have a key of its own")
    return True


def wanted(at: int, settings: Settings) -> int:
    """Return how many annotators the real task number ``at`` (from 0) goes to.

    Every stretch of the queue holds the same share of shared tasks; where they begin is drawn from the seed.
    """
    offset = Random(f"{settings.seed}/overlap").random()
    share = settings.overlap_share
    shared = math.floor((at + 1) * share + offset) > math.floor(at * share + offset)
    return settings.overlap if shared else 1


def prioritise(session: Session, priorities: Mapping[str, float]) -> int:
    """Set priorities (see `Store.prioritise`); tasks whose answers differ stay in front."""
    for key, priority in priorities.items():
        if not math.isfinite(priority):
            raise BadTask(f"task {key!r}: priority is {priority}; it should be a finite number")
    known = _known(session, list(priorities))
    unknown = next((key for key in priorities if key not in known), None)
    if unknown is not None:
        raise Unknown(f"there is no task {unknown!r}; a priority should name a task of the campaign")
    for part in _parts(sorted(priorities)):
        turns = case({key: -float(priorities[key]) for key in part}, value=col(TaskRow.key))
        session.execute(
            update(TaskRow).where(col(TaskRow.key).in_(part), col(TaskRow.disputed) == 0).values(turn=turns)
        )
    return len(priorities)


def _known(session: Session, keys: Sequence[str]) -> dict[str, str]:
    """Return what the tasks with these keys say, of those that are there."""
    known: dict[str, str] = {}
    for part in _parts(keys):
        for row in session.execute(select(TaskRow).where(col(TaskRow.key).in_(part))).scalars():
            known[row.key] = _said(row)
    return known


def _parts(things: Sequence[_Thing]) -> Iterator[Sequence[_Thing]]:
    return (things[start : start + _STRIDE] for start in range(0, len(things), _STRIDE))


def _said(row: TaskRow) -> str:
    return json.dumps([row.prompt, [response["content"] for response in row.responses], row.role, row.expected])


def _row(task: Task, position: int, places: int) -> TaskRow:
    if len(task.key) > LONGEST_KEY:
        raise BadTask(f"task {task.key[:40]!r}…: the key has {len(task.key)} characters; {LONGEST_KEY} is the most")
    return TaskRow(
        key=task.key,
        role=task.role,
        position=position,
        turn=-task.priority,
        wanted=places,
        free=places,
        prompt=plain_content(task.prompt),
        responses=[plain_response(response) for response in task.responses],
        expected=task.expected,
        explanation=task.explanation,
        source=task.source,
        extra=dict(task.extra),
    )
