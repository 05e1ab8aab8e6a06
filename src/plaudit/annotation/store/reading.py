"""Rows of the tables as the records of `plaudit.annotation.records`."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlmodel import Session, col

from plaudit.annotation.errors import Unknown
from plaudit.annotation.records import Annotator, Event, Given, Guidelines, OwnProgress, Progress, Task
from plaudit.annotation.store.tables import (
    AnnotatorRow,
    AnswerRow,
    AssignmentRow,
    CampaignRow,
    EventRow,
    GuidelinesRow,
    TaskRow,
)
from plaudit.preferences.preference import Content, Message, Response

_ANNOTATOR = select(AnnotatorRow).where(col(AnnotatorRow.id) == bindparam("annotator")).with_for_update(key_share=True)


def campaign_of(session: Session) -> CampaignRow:
    """Return the campaign's row."""
    return session.get_one(CampaignRow, 1)


def lock_annotator(session: Session, annotator_id: int) -> AnnotatorRow:
    """Return an annotator's row; no other transaction does anything in their name until this one ends.

    Raises:
        Unknown: there is no such annotator.
    """
    found: AnnotatorRow | None = session.execute(_ANNOTATOR, {"annotator": annotator_id}).scalars().first()
    if found is None:
        raise Unknown(f"there is no annotator {annotator_id}")
    return found


def annotator_of(row: AnnotatorRow) -> Annotator:
    """Return an annotator's row as a record."""
    assert row.id is not None
    return Annotator(row.id, row.name, row.serial, row.active, row.qualified is not None, row.practice_round)


def guidelines_of(session: Session, version: int | None) -> Guidelines:
    """Return a version of the guidelines, or the newest one; version 0 where there are none yet.

    Raises:
        Unknown: there is no such version.
    """
    wanted = select(GuidelinesRow).order_by(col(GuidelinesRow.version).desc()).limit(1)
    if version is not None:
        wanted = wanted.where(col(GuidelinesRow.version) == version)
    found = session.execute(wanted).scalars().first()
    if found is not None:
        return Guidelines(found.version, found.markdown, found.created)
    if version:
        raise Unknown(f"there is no version {version} of the guidelines")
    return Guidelines(0, "", 0.0)


def plain_content(content: Content) -> Any:
    """Return a content as JSON: a text, or a list of ``[role, content]``."""
    return content if isinstance(content, str) else [[turn.role, turn.content] for turn in content]


def content_of(plain: Any) -> Content:
    """Return a content from its JSON; the inverse of `plain_content`."""
    return plain if isinstance(plain, str) else tuple(Message(role, said) for role, said in plain)


def plain_response(response: Response) -> dict[str, Any]:
    """Return a response as JSON."""
    return {
        "content": plain_content(response.content),
        "id": response.id,
        "ratings": dict(response.ratings),
        "extra": dict(response.extra),
    }


def response_of(plain: dict[str, Any]) -> Response:
    """Return a response from its JSON; the inverse of `plain_response`."""
    return Response(
        content=content_of(plain["content"]), id=plain["id"], ratings=plain["ratings"], extra=plain["extra"]
    )


def task_of(row: TaskRow) -> Task:
    """Return a task's row as a record."""
    return Task(
        key=row.key,
        prompt=content_of(row.prompt),
        responses=tuple(map(response_of, row.responses)),
        role=row.role,  # type: ignore[arg-type]  # the table takes no others
        expected=row.expected,
        explanation=row.explanation,
        priority=-row.turn if not row.disputed else 0.0,
        source=row.source,
        extra=row.extra,
    )


def given_in(session: Session) -> Iterator[Given]:
    """Yield every answer, in the order in which they were stored."""
    rows = (
        select(AnswerRow, AssignmentRow, TaskRow, col(AnnotatorRow.name))
        .join(AssignmentRow, col(AssignmentRow.id) == col(AnswerRow.assignment_id))
        .join(TaskRow, col(TaskRow.id) == col(AnswerRow.task_id))
        .join(AnnotatorRow, col(AnnotatorRow.id) == col(AnswerRow.annotator_id))
        .order_by(col(AnswerRow.created), col(AnswerRow.assignment_id))
    )
    return map(_given, session.execute(rows))


def _given(row: Any) -> Given:
    answer, assignment, task, name = row
    return Given(
        assignment=answer.assignment_id,
        task=task.key,
        role=task.role,
        annotator=name,
        choice=answer.choice,
        chosen=answer.chosen,
        expected=task.expected,
        shown=tuple(assignment.shown),
        strength=answer.strength,
        ranking=None if answer.ranking is None else tuple(answer.ranking),
        objectives=answer.objectives,
        spans=None if answer.spans is None else tuple(map(_spans, answer.spans)),
        reason=answer.reason,
        seconds=answer.seconds,
        guidelines_version=answer.guidelines_version,
        late=answer.late,
        practice_round=assignment.round,
        created=answer.created,
    )


def _spans(plain: Any) -> tuple[tuple[int, int], ...] | None:
    return None if plain is None else tuple((start, end) for start, end in plain)


def progress_of(session: Session) -> Progress:
    """Return how far the campaign is."""
    real = col(TaskRow.role) == "real"
    sums = select(
        func.count(), func.coalesce(func.sum(col(TaskRow.wanted)), 0), func.count().filter(col(TaskRow.disputed) > 0)
    ).where(real)
    tasks, wanted, disputed = session.execute(sums).one()
    states = select(col(AssignmentRow.state), func.count()).join(TaskRow, col(TaskRow.id) == AssignmentRow.task_id)
    found = counts(session, states.where(real).group_by(col(AssignmentRow.state)))
    answers = select(
        func.count(func.distinct(AnswerRow.annotator_id)), func.count().filter(col(AnswerRow.late))
    ).select_from(AnswerRow)
    annotators, late = session.execute(answers).one()
    return Progress(
        tasks=tasks,
        finished=session.execute(_finished()).scalar_one(),
        wanted=wanted,
        given=found.get("answered", 0),
        skipped=found.get("skipped", 0),
        live=found.get("live", 0),
        disputed=disputed,
        late=late,
        annotators=annotators,
        closed=campaign_of(session).closed,
    )


def counts(session: Session, grouped: Any) -> dict[str, int]:
    """Return the rows of a query as a name and a number each."""
    return {name: count for name, count in session.execute(grouped)}  # noqa: C416  (rows are no pairs to a type checker)


def _finished() -> Any:
    """Count real tasks with no free place and nobody at work on them."""
    live = select(col(AssignmentRow.task_id)).where(col(AssignmentRow.state) == "live")
    return select(func.count()).where(col(TaskRow.role) == "real", col(TaskRow.free) == 0, col(TaskRow.id).not_in(live))


def own_progress_of(session: Session, annotator_id: int) -> OwnProgress:
    """Return how far one annotator is."""
    annotator = session.get(AnnotatorRow, annotator_id)
    if annotator is None:
        raise Unknown(f"there is no annotator {annotator_id}")
    states = (
        select(col(AssignmentRow.state), func.count())
        .join(TaskRow, col(TaskRow.id) == col(AssignmentRow.task_id))
        .where(col(AssignmentRow.annotator_id) == annotator_id, col(TaskRow.role) != "practice")
        .group_by(col(AssignmentRow.state))
    )
    found = counts(session, states)
    practice = session.execute(select(func.count()).where(col(TaskRow.role) == "practice")).scalar_one()
    return OwnProgress(
        answered=found.get("answered", 0),
        skipped=found.get("skipped", 0),
        qualified=annotator.qualified is not None or not practice,
        practice_round=annotator.practice_round,
    )


def events_in(session: Session) -> Iterator[Event]:
    """Yield what happened to the campaign, in order."""
    rows = (
        select(EventRow, col(AnnotatorRow.name))
        .join(AnnotatorRow, col(AnnotatorRow.id) == col(EventRow.annotator_id), isouter=True)
        .order_by(col(EventRow.id))
    )
    for event, name in session.execute(rows):
        yield Event(event.kind, name or "", event.detail, event.created)
