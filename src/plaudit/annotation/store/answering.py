"""Taking answers in: stored once, together with the end of their assignment, and what follows from them."""

import json
from string import ascii_uppercase
from typing import Any, Literal, NamedTuple

from sqlalchemy import bindparam, func, insert, inspect, select, true, update
from sqlmodel import col

from plaudit.annotation.errors import LeaseOver, NotYours, Unknown
from plaudit.annotation.records import TIE, Answer, Lesson, Receipt
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import queue
from plaudit.annotation.store.assigning import Asker, end, settings_of, take_one
from plaudit.annotation.store.hearing import Heard, hear, storable
from plaudit.annotation.store.reading import content_of
from plaudit.annotation.store.statements import IS_SEEN, Hand, Prepared, Raced, as_text, short
from plaudit.annotation.store.tables import FIRST, AnnotatorRow, AnswerRow, AssignmentRow, CampaignRow, TaskRow
from plaudit.preferences.preference import Content

Practised = Literal["", "passed", "again"]


class _Sheet(NamedTuple):
    """An assignment that is answered, and all that counts for it; the columns of `_SHEET`."""

    serial: int
    active: bool
    qualified: float | None
    practice_round: int
    settings: str
    closed: float | None
    assignment: int | None
    task: int
    annotator: int
    round: int
    state: str
    shown: str
    version: int
    role: str
    wanted: int
    expected: int | None
    explanation: str
    chosen: int | None
    late: bool | None


_ANNOTATOR = col(AnnotatorRow.id) == bindparam("annotator")
_TASK = col(TaskRow.id) == bindparam("task")
_THIS = col(AssignmentRow.id) == bindparam("assignment")
_SHEET = Prepared(
    select(
        *map(col, (AnnotatorRow.serial, AnnotatorRow.active, AnnotatorRow.qualified, AnnotatorRow.practice_round)),
        *(as_text(CampaignRow.settings), col(CampaignRow.closed)),
        *map(col, (AssignmentRow.id, AssignmentRow.task_id, AssignmentRow.annotator_id, AssignmentRow.round)),
        *(col(AssignmentRow.state), as_text(AssignmentRow.shown), col(AssignmentRow.guidelines_version)),
        *map(col, (TaskRow.role, TaskRow.wanted, TaskRow.expected, TaskRow.explanation)),
        *map(col, (AnswerRow.chosen, AnswerRow.late)),
    )
    .select_from(AnnotatorRow)
    .join(CampaignRow, true())
    .outerjoin(AssignmentRow, _THIS)
    .outerjoin(TaskRow, col(TaskRow.id) == col(AssignmentRow.task_id))
    .outerjoin(AnswerRow, col(AnswerRow.assignment_id) == col(AssignmentRow.id))
    .where(_ANNOTATOR)
)
_RESPONSES = Prepared(select(as_text(TaskRow.responses)).where(_TASK))
_STORE = Prepared(insert(AnswerRow), columns=[column.name for column in inspect(AnswerRow).columns])
_WAS = (_THIS, col(AssignmentRow.state) == bindparam("was"))
_END = Prepared(update(AssignmentRow).where(*_WAS).values(state=bindparam("becomes")))
_END_AT = Prepared(update(AssignmentRow).where(*_WAS).values(state=bindparam("becomes"), slot=bindparam("place")))
_AGAIN = Prepared(
    select(func.count()).where(
        col(AssignmentRow.annotator_id) == bindparam("annotator"),
        col(AssignmentRow.task_id) == bindparam("task"),
        col(AssignmentRow.round) == bindparam("round"),
        IS_SEEN,
    )
)
_PLACES = Prepared(
    select(col(TaskRow.free), col(TaskRow.wanted), col(TaskRow.disputed)).where(_TASK).with_for_update(key_share=True)
)
_VOTES = Prepared(
    select(col(AnswerRow.chosen)).where(col(AnswerRow.task_id) == bindparam("task"), col(AnswerRow.chosen).is_not(None))
)
_ASK_ONE_MORE = Prepared(
    update(TaskRow)
    .where(_TASK)
    .values(wanted=col(TaskRow.wanted) + 1, free=1, disputed=col(TaskRow.disputed) + 1, turn=FIRST)
)
_MARKS = Prepared(
    select(col(AnswerRow.chosen) == col(TaskRow.expected))
    .select_from(AnswerRow)
    .join(AssignmentRow, col(AssignmentRow.id) == col(AnswerRow.assignment_id))
    .join(TaskRow, col(TaskRow.id) == col(AnswerRow.task_id))
    .where(
        col(AnswerRow.annotator_id) == bindparam("annotator"),
        col(TaskRow.role) == "practice",
        col(AssignmentRow.round) == bindparam("round"),
    )
)
_NEXT_ROUND = Prepared(update(AnnotatorRow).where(_ANNOTATOR).values(practice_round=bindparam("round")))
_OWNER = Prepared(
    select(col(AnnotatorRow.serial), col(AnnotatorRow.active), col(AssignmentRow.annotator_id))
    .select_from(AnnotatorRow)
    .outerjoin(AssignmentRow, _THIS)
    .where(_ANNOTATOR)
)


def take_answer(hand: Hand, asker: Asker, assignment: int, answer: Answer, now: float) -> Receipt:
    """Store an answer together with the end of its assignment, or say that it was there before.

    Raises:
        Unknown: there is no such annotator or assignment.
        BadLink: the annotator's link was taken back.
        NotYours: it is another annotator's.
        BadAnswer: the task does not take this answer.
        LeaseOver: the assignment went back and the place is taken.
    """
    hand.lock(queue.LOCK, annotator=asker.annotator)
    sheet = _Sheet(*asker.check(hand.row(_SHEET, annotator=asker.annotator, assignment=assignment)))
    _check_own(asker, assignment, None if sheet.assignment is None else sheet.annotator)
    if sheet.late is not None:
        return _receipt(sheet, assignment, sheet.chosen, first=False, late=bool(sheet.late))
    heard = hear(answer, short(sheet.shown), settings_of(sheet.settings), lambda: _contents(hand, sheet.task))
    _end(hand, sheet, assignment, "skipped" if heard.chosen is None else "answered")
    _store(hand, sheet, assignment, answer, heard, now)
    practised = _after(hand, sheet, heard, now)
    return _receipt(sheet, assignment, heard.chosen, first=True, late=sheet.closed is not None, practised=practised)


def give_back(hand: Hand, asker: Asker, assignment: int) -> None:
    """End an assignment unanswered; nothing is done where it has ended.

    Raises:
        Unknown: there is no such annotator or assignment.
        NotYours: it is another annotator's.
    """
    hand.lock(queue.LOCK, annotator=asker.annotator)
    row = asker.check(hand.row(_OWNER, annotator=asker.annotator, assignment=assignment))
    _check_own(asker, assignment, row[2])
    end(hand, [assignment])


def _check_own(asker: Asker, assignment: int, annotator: int | None) -> None:
    if annotator is None:
        raise Unknown(f"there is no assignment {assignment}")
    if annotator != asker.annotator:
        raise NotYours(f"assignment {assignment} is not yours; answer the task that is shown to you")


def _contents(hand: Hand, task: int) -> list[Content]:
    row = hand.row(_RESPONSES, task=task)
    assert row is not None
    return [content_of(response["content"]) for response in json.loads(row[0])]


def _end(hand: Hand, sheet: _Sheet, assignment: int, becomes: str) -> None:
    """End the assignment; one whose place went back takes it again if it is free."""
    was, place = sheet.state, None
    if was != "live":
        place = _take_again(hand, sheet)
    if was == "live" and becomes == "answered":
        changed = hand.change(_END, assignment=assignment, was=was, becomes=becomes)
    else:
        place = place if becomes == "answered" else None
        changed = hand.change(_END_AT, assignment=assignment, was=was, becomes=becomes, place=place)
    if not changed:
        raise Raced("the assignment went back in the meantime")


def _take_again(hand: Hand, sheet: _Sheet) -> int | None:
    again = hand.number(_AGAIN, annotator=sheet.annotator, task=sheet.task, round=sheet.round)
    if sheet.state != "expired" or again:
        raise LeaseOver("this task was given to you again in the meantime; answer it there")
    if sheet.role != "real":
        return None
    free, wanted, _ = hand.row(_PLACES, task=sheet.task) or (0, 0, 0)
    if not free:
        raise LeaseOver("the time for this task was over, and somebody else has answered it in the meantime")
    return take_one(hand, sheet.task, wanted)


def _store(hand: Hand, sheet: _Sheet, assignment: int, answer: Answer, heard: Heard, now: float) -> None:
    hand.change(
        _STORE,
        assignment_id=assignment,
        task_id=sheet.task,
        annotator_id=sheet.annotator,
        choice=answer.choice,
        chosen=heard.chosen,
        strength=heard.strength,
        ranking=_json(heard.ranking),
        objectives=json.dumps(heard.objectives),
        spans=_json(heard.spans),
        reason=storable(answer.reason),
        seconds=answer.seconds,
        guidelines_version=sheet.version,
        late=sheet.closed is not None,
        created=now,
    )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _after(hand: Hand, sheet: _Sheet, heard: Heard, now: float) -> Practised:
    """Do what follows from the answer; return what became of the annotator's practice."""
    if sheet.role == "practice":
        return _settle_practice(hand, sheet, now)
    if heard.chosen is None:
        hand.change(queue.FREE_ONE, task=sheet.task)
    elif sheet.role == "real" and sheet.wanted > 1:
        _settle_dispute(hand, sheet.task, settings_of(sheet.settings))
    return ""


def _settle_practice(hand: Hand, sheet: _Sheet, now: float) -> Practised:
    """At the end of a round of practice: passed, or once more while there are rounds left."""
    marks = [bool(mark) for (mark,) in hand.rows(_MARKS, annotator=sheet.annotator, round=sheet.practice_round)]
    asked, settings = hand.number(queue.COUNT_PRACTICE), settings_of(sheet.settings)
    if sheet.qualified is not None or len(marks) < asked:
        return ""
    if sum(marks) >= settings.pass_mark * asked - 1e-9:
        hand.change(queue.QUALIFY, annotator=sheet.annotator, now=now)
        return "passed"
    if sheet.practice_round + 1 >= settings.practice_rounds:
        return ""
    hand.change(_NEXT_ROUND, annotator=sheet.annotator, round=sheet.practice_round + 1)
    return "again"


def _settle_dispute(hand: Hand, task: int, settings: Settings) -> None:
    """Ask one more annotator, before anything else, where all have answered a shared task and they differ."""
    free, wanted, disputed = hand.row(_PLACES, task=task) or (0, 0, 0)
    if free or wanted < 2 or disputed >= settings.extra_votes:
        return
    votes = hand.rows(_VOTES, task=task)
    if len(votes) >= wanted and len(set(votes)) > 1:
        hand.change(_ASK_ONE_MORE, task=task)


def _receipt(
    sheet: _Sheet, assignment: int, chosen: int | None, *, first: bool, late: bool, practised: Practised = ""
) -> Receipt:
    return Receipt(assignment=assignment, first=first, late=late, lesson=_lesson(sheet, chosen), practice=practised)


def _lesson(sheet: _Sheet, chosen: int | None) -> Lesson | None:
    if sheet.role != "practice" or sheet.expected is None:
        return None
    expected = "tie" if sheet.expected == TIE else ascii_uppercase[short(sheet.shown).index(sheet.expected)]
    return Lesson(chosen == sheet.expected, expected, sheet.explanation)
