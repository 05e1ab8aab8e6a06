"""The statements by which tasks are handed out, each made once (see `plaudit.annotation.store.statements`).

Parameters: ``annotator``, ``task``, ``assignment`` are ids, ``round`` is of practice (0 for other tasks), ``now`` and
``until`` are seconds since 1970.
"""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, insert, inspect, select, true, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from plaudit.annotation.store.statements import IS_FREE, IS_HELD, IS_SEEN, Prepared, as_text
from plaudit.annotation.store.tables import (
    AnnotatorRow,
    AnswerRow,
    AssignmentRow,
    CampaignRow,
    GuidelinesRow,
    TaskRow,
)


class Found(NamedTuple):
    """A task to hand out; prompt and responses are JSON."""

    task: int
    role: str
    position: int
    wanted: int
    prompt: str
    responses: str


_ANNOTATOR: Any = bindparam("annotator")
_MINE = col(AssignmentRow.annotator_id) == _ANNOTATOR
_OF_TASK = col(AssignmentRow.task_id) == col(TaskRow.id)
_LIVE = col(AssignmentRow.state) == "live"
_SEEN = exists().where(_MINE, _OF_TASK, col(AssignmentRow.round) == bindparam("round"), IS_SEEN)
_TEXTS = (as_text(TaskRow.prompt), as_text(TaskRow.responses))
_COLUMNS = (col(TaskRow.id), col(TaskRow.role), col(TaskRow.position), col(TaskRow.wanted), *_TEXTS)
_THIS_TASK = col(TaskRow.id) == bindparam("task")
_THIS = col(AssignmentRow.id) == bindparam("assignment")

# --- who asks ---------------------------------------------------------------------------------------------------------

_SOONEST = select(func.min(AssignmentRow.expires)).where(IS_HELD).correlate(None).scalar_subquery()
_NEWEST = select(func.max(GuidelinesRow.version)).scalar_subquery()
# Every ended assignment has its answer, and those are counted within an index; only practice is looked up.
_ANSWERS = select(func.count()).select_from(AnswerRow).where(col(AnswerRow.annotator_id) == _ANNOTATOR)
_TRIES = select(func.count()).select_from(AssignmentRow).where(_MINE, _OF_TASK, IS_SEEN, ~_LIVE).correlate(TaskRow)
_TRIED = select(func.coalesce(func.sum(_TRIES.scalar_subquery()), 0)).where(col(TaskRow.role) == "practice")
_ENDED = _ANSWERS.scalar_subquery() - _TRIED.correlate(None).scalar_subquery()
_WHO = (col(AnnotatorRow.serial), col(AnnotatorRow.active), as_text(CampaignRow.settings), col(CampaignRow.closed))
_HELD = (col(AssignmentRow.id), as_text(AssignmentRow.shown), col(AssignmentRow.guidelines_version), col(TaskRow.role))

LOCK = Prepared(select(col(AnnotatorRow.id)).where(col(AnnotatorRow.id) == _ANNOTATOR).with_for_update(key_share=True))
"""No other transaction does anything in this annotator's name until this one ends."""

DESK = Prepared(
    select(
        *_WHO, col(AnnotatorRow.qualified), col(AnnotatorRow.practice_round), _ENDED, _SOONEST, _NEWEST, *_HELD, *_TEXTS
    )
    .select_from(AnnotatorRow)
    .join(CampaignRow, true())
    .outerjoin(AssignmentRow, (col(AssignmentRow.annotator_id) == col(AnnotatorRow.id)) & IS_HELD)
    .outerjoin(TaskRow, _OF_TASK)
    .where(col(AnnotatorRow.id) == _ANNOTATOR)
)
"""The annotator, the campaign, and what is held."""

_HOLDS = select(col(AssignmentRow.id)).where(_MINE, IS_HELD).exists()
_FREE = select(col(TaskRow.id)).where(IS_FREE, ~_SEEN).exists()
_OTHERS = aliased(AssignmentRow)
_REAL = exists().where(col(TaskRow.id) == col(_OTHERS.task_id), col(TaskRow.role) == "real")
_MINE_TOO = exists().where(_MINE, col(AssignmentRow.task_id) == col(_OTHERS.task_id), IS_SEEN, ~_LIVE)
# From the few that are out, not from the many tasks: no planner is left to choose.
_OUT = (
    select(col(_OTHERS.id))
    .where(IS_HELD, col(_OTHERS.annotator_id) != _ANNOTATOR, _REAL.correlate(_OTHERS), ~_MINE_TOO.correlate(_OTHERS))
    .exists()
)

IDLE = Prepared(
    select(*_WHO, col(AnnotatorRow.qualified), _ENDED, _SOONEST, _HOLDS, _FREE, _OUT)
    .select_from(AnnotatorRow)
    .join(CampaignRow, true())
    .where(col(AnnotatorRow.id) == _ANNOTATOR)
)
"""The annotator and the campaign; whether something is held, is free, or is out with others: one view of all of it."""

# --- which task -------------------------------------------------------------------------------------------------------

_QUEUE = select(*_COLUMNS).where(IS_FREE, ~_SEEN).order_by(col(TaskRow.turn), col(TaskRow.position)).limit(1)
PASSING = Prepared(_QUEUE.with_for_update(skip_locked=True, key_share=True))
WAITING = Prepared(_QUEUE.with_for_update(key_share=True))
OF_ROLE = Prepared(
    select(col(TaskRow.id)).where(col(TaskRow.role) == bindparam("role"), ~_SEEN).order_by(col(TaskRow.position))
)
TASK = Prepared(select(*_COLUMNS).where(_THIS_TASK))
COUNT_PRACTICE = Prepared(select(func.count()).select_from(TaskRow).where(col(TaskRow.role) == "practice"))
PRACTISED = Prepared(
    select(func.count())
    .select_from(AssignmentRow)
    .join(TaskRow, _OF_TASK)
    .where(_MINE, IS_SEEN, ~_LIVE, col(TaskRow.role) == "practice", col(AssignmentRow.round) == bindparam("round"))
)
QUALIFY = Prepared(update(AnnotatorRow).where(col(AnnotatorRow.id) == _ANNOTATOR).values(qualified=bindparam("now")))

# --- places and leases ------------------------------------------------------------------------------------------------

SLOTS = Prepared(
    select(col(AssignmentRow.slot)).where(
        col(AssignmentRow.task_id) == bindparam("task"), col(AssignmentRow.slot).is_not(None)
    )
)
TAKE_ONE = Prepared(update(TaskRow).where(_THIS_TASK).values(free=col(TaskRow.free) - 1))
FREE_ONE = Prepared(
    update(TaskRow).where(_THIS_TASK, col(TaskRow.free) < col(TaskRow.wanted)).values(free=col(TaskRow.free) + 1)
)
HAND_OUT = Prepared(
    insert(AssignmentRow).returning(col(AssignmentRow.id)),
    columns=[column.name for column in inspect(AssignmentRow).columns if column.name != "id"],
)
EXTEND = Prepared(update(AssignmentRow).where(_THIS, _LIVE).values(expires=bindparam("until")))
OVER = Prepared(
    select(col(AssignmentRow.id))
    .where(IS_HELD, col(AssignmentRow.expires) <= bindparam("now"))
    .order_by(col(AssignmentRow.expires))
    .with_for_update(skip_locked=True, key_share=True)
)
EXPIRE = Prepared(
    update(AssignmentRow).where(_THIS, _LIVE).values(state="expired", slot=None).returning(col(AssignmentRow.task_id))
)
