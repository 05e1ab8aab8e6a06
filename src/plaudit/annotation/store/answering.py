"""Taking answers in: checked against the task, turned from letters of the screen into positions, stored once."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlmodel import Session, col

from plaudit.annotation.errors import BadAnswer, LeaseOver, NotYours, Unknown
from plaudit.annotation.records import (
    OBJECTIVE_CHOICES,
    PAIR_CHOICES,
    RANKING_CHOICES,
    TIE,
    Answer,
    Lesson,
    Receipt,
)
from plaudit.annotation.settings import Settings
from plaudit.annotation.store.assigning import ENDED, free_one, take_one
from plaudit.annotation.store.reading import campaign_of, content_of, lock_annotator
from plaudit.annotation.store.tables import FIRST, AnnotatorRow, AnswerRow, AssignmentRow, TaskRow
from plaudit.preferences.preference import Response
from plaudit.preferences.spans import BadSpans, words_of

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ASSIGNED = (
    select(AssignmentRow, TaskRow, AnswerRow)
    .join(TaskRow, col(TaskRow.id) == col(AssignmentRow.task_id))
    .join(AnswerRow, col(AnswerRow.assignment_id) == col(AssignmentRow.id), isouter=True)
    .where(col(AssignmentRow.id) == bindparam("assignment"))
)
_TASK = (
    select(TaskRow)
    .where(col(TaskRow.id) == bindparam("task"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_VOTES = select(col(AnswerRow.chosen)).where(
    col(AnswerRow.task_id) == bindparam("task"), col(AnswerRow.chosen).is_not(None)
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer in positions of the task."""

    chosen: int | None
    strength: int | None = None
    ranking: list[int] | None = None
    objectives: dict[str, int] = field(default_factory=dict)
    spans: list[Any] | None = None


def take_answer(session: Session, annotator_id: int, assignment_id: int, answer: Answer, now: float) -> Receipt:
    """Store an answer together with the end of its assignment, or say that it was there before.

    Raises:
        Unknown: there is no such assignment.
        NotYours: it is another annotator's.
        BadAnswer: the task does not take this answer.
        LeaseOver: the assignment went back and the place is taken.
    """
    annotator = lock_annotator(session, annotator_id)
    row = session.execute(_ASSIGNED, {"assignment": assignment_id}).first()
    if row is None:
        raise Unknown(f"there is no assignment {assignment_id}")
    assignment, task, before = row
    if assignment.annotator_id != annotator_id:
        raise NotYours(f"assignment {assignment_id} is not yours; answer the task that is shown to you")
    if before is not None:
        return Receipt(
            assignment=assignment_id, first=False, late=before.late, lesson=_lesson(task, assignment, before)
        )
    campaign = campaign_of(session)
    settings = Settings.of(campaign.settings)
    heard = hear(answer, task, assignment.shown, settings)
    _keep_place(session, assignment, task)
    said = _row(answer, heard, assignment, now, late=campaign.closed is not None)
    session.add(said)
    assignment.state = "skipped" if heard.chosen is None else "answered"
    if heard.chosen is None:
        assignment.slot = None
    session.flush()
    _after(session, annotator, assignment, task, settings, now)
    return Receipt(assignment=assignment_id, first=True, late=said.late, lesson=_lesson(task, assignment, said))


def hear(answer: Answer, task: TaskRow, shown: Sequence[int], settings: Settings) -> Heard:
    """Return an answer in positions of the task.

    Raises:
        BadAnswer: a field holds what the task does not take.
    """
    _check_plain(answer, settings)
    known = PAIR_CHOICES if len(shown) == 2 else RANKING_CHOICES
    if answer.choice not in known:
        raise BadAnswer(f"choice is {answer.choice[:40]!r}; it should be one of {', '.join(known)}")
    if answer.choice == "skip":
        return Heard(None)
    place = {ascii_uppercase[at]: position for at, position in enumerate(shown)}
    ranking = _ranking(answer, place)
    return Heard(
        chosen=_best(ranking) if ranking else place.get(answer.choice, TIE),
        strength=_strength(answer, settings),
        ranking=ranking,
        objectives=_objectives(answer.objectives, place, settings),
        spans=_spans(answer.spans, place, task, settings),
    )


def _check_plain(answer: Answer, settings: Settings) -> None:
    if len(answer.reason) > settings.longest_reason:
        right = f"it should have {settings.longest_reason} or fewer"
        raise BadAnswer(f"reason has {len(answer.reason)} characters; {right}")
    if not (math.isfinite(answer.seconds) and answer.seconds >= 0):
        raise BadAnswer(f"seconds is {answer.seconds}; it should be a finite number of at least 0")


def _strength(answer: Answer, settings: Settings) -> int | None:
    if answer.strength is None:
        return None
    words = settings.strengths
    if isinstance(answer.strength, bool) or answer.strength not in range(1, len(words) + 1):
        right = f"from 1 ({words[0]}) to {len(words)} ({words[-1]})" if words else "left out: it is not asked"
        raise BadAnswer(f"strength is {answer.strength!r}; it should be {right}")
    return answer.strength if answer.choice in ("A", "B") else None


def _ranking(answer: Answer, place: Mapping[str, int]) -> list[int] | None:
    """Return a rank a response, from 0 without gaps but with ties."""
    if answer.choice != "ranked":
        if answer.ranking:
            raise BadAnswer(f"ranking is given with the choice {answer.choice!r}; it belongs to 'ranked'")
        return None
    if set(answer.ranking) != set(place) or any(type(rank) is not int for rank in answer.ranking.values()):
        letters = ", ".join(place)
        raise BadAnswer(
            f"ranking is {str(dict(answer.ranking))[:80]}; it should have a whole number for each of {letters}"
        )
    dense = {rank: at for at, rank in enumerate(sorted(set(answer.ranking.values())))}
    by_position = {place[letter]: dense[rank] for letter, rank in answer.ranking.items()}
    return [by_position[position] for position in range(len(place))]


def _best(ranking: list[int]) -> int:
    return ranking.index(0) if ranking.count(0) == 1 else TIE


def _objectives(said: Mapping[str, str], place: Mapping[str, int], settings: Settings) -> dict[str, int]:
    known = (*place, OBJECTIVE_CHOICES[-1])
    for name, choice in said.items():
        if name not in settings.objectives:
            names = ", ".join(settings.objectives) or "none"
            raise BadAnswer(f"objectives: {name[:40]!r} is not asked; it should be one of {names}")
        if choice not in known:
            raise BadAnswer(f"objectives: {name} is {choice[:40]!r}; it should be one of {', '.join(known)}")
    return {name: place.get(choice, TIE) for name, choice in said.items()}


def _spans(
    said: Mapping[str, Sequence[tuple[int, int]]], place: Mapping[str, int], task: TaskRow, settings: Settings
) -> list[Any] | None:
    if not said:
        return None
    if not settings.mark_spans:
        raise BadAnswer("spans are given; they are not asked")
    stored: list[Any] = [None] * len(place)
    for letter, spans in said.items():
        if letter not in place:
            raise BadAnswer(f"spans: {letter[:40]!r} is no response; it should be one of {', '.join(place)}")
        length = _length(task, place[letter])
        stored[place[letter]] = [_span(letter, span, length) for span in sorted(set(map(tuple, spans)))]
    return stored


def _length(task: TaskRow, position: int) -> int:
    response = Response(content=content_of(task.responses[position]["content"]))
    try:
        return len(words_of(response))
    except BadSpans as error:
        raise BadAnswer(f"spans: {error}") from error


def _span(letter: str, span: Any, length: int) -> list[int]:
    if len(span) != 2 or any(type(end) is not int for end in span) or not 0 <= span[0] < span[1] <= length:
        right = f"start and end within the response's {length} characters, end after start"
        raise BadAnswer(f"spans: {letter} has {str(span)[:40]}; it should have {right}")
    return list(span)


def _keep_place(session: Session, assignment: AssignmentRow, task: TaskRow) -> None:
    """Make sure that the place of the assignment is still its own; one that went back is taken again if it is free."""
    if assignment.state == "live":
        return
    if assignment.state in ENDED or _has_another(session, assignment):
        raise LeaseOver("this task was given to you again in the meantime; answer it there")
    if task.role == "real":
        slot = take_one(session, lock_task(session, assignment.task_id))
        if slot is None:
            raise LeaseOver("the time for this task was over, and somebody else has answered it in the meantime")
        assignment.slot = slot


def _has_another(session: Session, assignment: AssignmentRow) -> bool:
    another = select(func.count()).where(
        col(AssignmentRow.annotator_id) == assignment.annotator_id,
        col(AssignmentRow.task_id) == assignment.task_id,
        col(AssignmentRow.round) == assignment.round,
        col(AssignmentRow.state).in_(("live", *ENDED)),
    )
    return bool(session.execute(another).scalar_one())


def _row(answer: Answer, heard: Heard, assignment: AssignmentRow, now: float, *, late: bool) -> AnswerRow:
    assert assignment.id is not None
    return AnswerRow(
        assignment_id=assignment.id,
        task_id=assignment.task_id,
        annotator_id=assignment.annotator_id,
        choice=answer.choice,
        chosen=heard.chosen,
        strength=heard.strength,
        ranking=heard.ranking,
        objectives=heard.objectives,
        spans=heard.spans,
        reason=storable(answer.reason),
        seconds=answer.seconds,
        guidelines_version=assignment.guidelines_version,
        late=late,
        created=now,
    )


def storable(text: str) -> str:
    """Return a text with what no database takes (null characters, halves of surrogate pairs) replaced by ``�``."""
    return _UNSTORABLE.sub("�", text)


def _after(
    session: Session, annotator: AnnotatorRow, assignment: AssignmentRow, task: TaskRow, settings: Settings, now: float
) -> None:
    """Do what follows from the answer."""
    if task.role == "practice":
        _settle_practice(session, annotator, settings, now)
    elif assignment.state == "skipped":
        free_one(session, assignment.task_id)
    elif task.role == "real" and task.wanted > 1:
        _settle_dispute(session, assignment.task_id, settings)


def _settle_practice(session: Session, annotator: AnnotatorRow, settings: Settings, now: float) -> None:
    """At the end of a round of practice: passed, or once more while there are rounds left."""
    said = (
        select(col(AnswerRow.chosen) == col(TaskRow.expected))
        .join(AssignmentRow, col(AssignmentRow.id) == col(AnswerRow.assignment_id))
        .join(TaskRow, col(TaskRow.id) == col(AnswerRow.task_id))
        .where(
            col(AnswerRow.annotator_id) == annotator.id,
            col(TaskRow.role) == "practice",
            col(AssignmentRow.round) == annotator.practice_round,
        )
    )
    marks = [bool(mark) for mark in session.execute(said).scalars()]
    asked = session.execute(select(func.count()).where(col(TaskRow.role) == "practice")).scalar_one()
    if annotator.qualified is not None or len(marks) < asked:
        return
    if sum(marks) >= settings.pass_mark * asked - 1e-9:
        annotator.qualified = now
    elif annotator.practice_round + 1 < settings.practice_rounds:
        annotator.practice_round += 1


def _settle_dispute(session: Session, task_id: int, settings: Settings) -> None:
    """Ask one more annotator, before anything else, where all have answered a shared task and they differ."""
    task = lock_task(session, task_id)
    if task.free or task.wanted < 2 or task.disputed >= settings.extra_votes:
        return
    votes = session.execute(_VOTES, {"task": task_id}).scalars().all()
    if len(votes) >= task.wanted and len(set(votes)) > 1:
        task.wanted, task.free, task.disputed, task.turn = task.wanted + 1, 1, task.disputed + 1, FIRST


def lock_task(session: Session, task_id: int) -> TaskRow:
    """Return a task's row as it is now; no other transaction changes it until this one ends."""
    found: TaskRow = session.execute(_TASK, {"task": task_id}).scalar_one()
    return found


def _lesson(task: TaskRow, assignment: AssignmentRow, answer: AnswerRow) -> Lesson | None:
    if task.role != "practice" or task.expected is None:
        return None
    expected = "tie" if task.expected == TIE else ascii_uppercase[assignment.shown.index(task.expected)]
    return Lesson(answer.chosen == task.expected, expected, task.explanation)
