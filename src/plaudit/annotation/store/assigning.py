"""Who is given what: one task at a time to an annotator, and no more annotators to a task than it wants.

Locks are always taken in the order annotator, assignments, tasks, so no two transactions wait for each other. The
unique indexes of the tables hold the same promises once more, whatever the code does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from sqlalchemy import bindparam, exists, func, select, update
from sqlmodel import Session, col

from plaudit.annotation.records import Pause
from plaudit.annotation.settings import Settings
from plaudit.annotation.store.reading import lock_annotator
from plaudit.annotation.store.tables import AnnotatorRow, AssignmentRow, CampaignRow, GuidelinesRow, TaskRow

ENDED = ("answered", "skipped")
_PATIENCE = 5

_HELD = col(AssignmentRow.state) == "live"
_MINE = col(AssignmentRow.annotator_id) == bindparam("annotator")
_DONE = col(AssignmentRow.state).in_(ENDED)
_PRACTICE = col(TaskRow.role) == "practice"
_OF_TASK = col(AssignmentRow.task_id) == col(TaskRow.id)
_IN_ROUND = col(AssignmentRow.round) == bindparam("round")
_UNSEEN = ~exists().where(_MINE, _OF_TASK, _IN_ROUND, col(AssignmentRow.state).in_(("live", *ENDED)))

# Statements are made once: making one costs more than running it.
_HOLDS = select(AssignmentRow, TaskRow).join(TaskRow, _OF_TASK).where(_HELD, _MINE)
_OVER = (
    select(col(AssignmentRow.id))
    .where(_HELD, col(AssignmentRow.expires) <= bindparam("now"))
    .order_by(col(AssignmentRow.id))
    .with_for_update(skip_locked=True)
)
_ENDED_REAL = select(func.count()).select_from(AssignmentRow).join(TaskRow, _OF_TASK).where(_MINE, _DONE, ~_PRACTICE)
_ENDED_PRACTICE = (
    select(func.count()).select_from(AssignmentRow).join(TaskRow, _OF_TASK).where(_MINE, _DONE, _PRACTICE, _IN_ROUND)
)
_COUNT_PRACTICE = select(func.count()).select_from(TaskRow).where(_PRACTICE)
_QUEUE = (
    select(TaskRow)
    .where(col(TaskRow.free) > 0, _UNSEEN)
    .order_by(col(TaskRow.turn), col(TaskRow.position))
    .limit(1)
    .execution_options(populate_existing=True)
)
_QUEUE_PASSING = _QUEUE.with_for_update(skip_locked=True)
_QUEUE_WAITING = _QUEUE.with_for_update()
_OF_ROLE = (
    select(col(TaskRow.id)).where(col(TaskRow.role) == bindparam("role"), _UNSEEN).order_by(col(TaskRow.position))
)
_OUT = (
    select(col(TaskRow.id))
    .join(AssignmentRow, _OF_TASK)
    .where(
        col(TaskRow.role) == "real",
        _HELD,
        col(AssignmentRow.annotator_id) != bindparam("annotator"),
        col(TaskRow.id).not_in(select(col(AssignmentRow.task_id)).where(_MINE, _DONE)),
    )
    .limit(1)
)
_SLOTS = select(col(AssignmentRow.slot)).where(col(AssignmentRow.task_id) == bindparam("task"))
_NEWEST = select(func.max(col(GuidelinesRow.version)))


@dataclass(frozen=True, slots=True)
class Held:
    """An assignment with its task, and where in the annotator's work it stands."""

    assignment: AssignmentRow
    task: TaskRow
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class _Desk:
    """Who asks, and what holds now."""

    annotator: AnnotatorRow
    settings: Settings
    now: float

    def unseen(self, *, practice: bool) -> dict[str, Any]:
        """Return what `_UNSEEN` asks for."""
        return {"annotator": self.annotator.id, "round": self.annotator.practice_round if practice else 0}


def assign(session: Session, annotator_id: int, campaign: CampaignRow, settings: Settings, now: float) -> Held | Pause:
    """Return what the annotator holds already, or is given now."""
    desk = _Desk(lock_annotator(session, annotator_id), settings, now)
    if campaign.closed is not None:
        return Pause("closed")
    take_back(session, now)
    row = session.execute(_HOLDS, {"annotator": annotator_id}).first()
    if row is None:
        return _give(session, desk)
    assignment, task = row
    assignment.expires = now + settings.lease_seconds
    practice = task.role == "practice"
    ended = _ended(session, desk, practice=practice)
    return Held(assignment, task, ended + 1, _count_practice(session) if practice else 0)


def take_back(session: Session, now: float) -> None:
    """End the assignments whose time is over; their places are free again."""
    over = session.execute(_OVER, {"now": now}).scalars().all()
    if over:
        end(session, over)


def end(session: Session, assignments: Sequence[int | None]) -> None:
    """End live assignments without an answer."""
    gone = (
        update(AssignmentRow)
        .where(col(AssignmentRow.id).in_(assignments), _HELD)
        .values(state="expired", slot=None)
        .returning(col(AssignmentRow.task_id))
    )
    for task in sorted(session.execute(gone).scalars().all()):
        free_one(session, task)


def free_one(session: Session, task_id: int) -> None:
    """Give back one place of a task; tasks that everybody answers have none."""
    session.execute(
        update(TaskRow)
        .where(col(TaskRow.id) == task_id, col(TaskRow.free) < col(TaskRow.wanted))
        .values(free=col(TaskRow.free) + 1)
    )


def take_one(session: Session, task: TaskRow) -> int | None:
    """Take a free place of a task that is locked, and return its number, or None if none is free."""
    if not task.free:
        return None
    task.free -= 1
    used = set(session.execute(_SLOTS, {"task": task.id}).scalars()) if task.wanted > 1 else set()
    return next(slot for slot in range(task.wanted) if slot not in used)


def shown_order(count: int, position: int, turn: int, seed: int) -> list[int]:
    """Return the positions of ``count`` responses in the order of the screen.

    Each ``count`` tasks in a row begin with each response once, in an order drawn from the seed; each next place of a
    task turns its order by one. So every response stands first equally often, over tasks and within a task.
    """
    order = list(range(count))
    if count > 2:
        Random(f"{seed}/order/{position}").shuffle(order)
    block, at = divmod(position, count)
    starts = Random(f"{seed}/starts/{block}").sample(range(count), count)
    start = (starts[at] + turn) % count
    return order[start:] + order[:start]


def _ended(session: Session, desk: _Desk, *, practice: bool) -> int:
    """Return how many tasks the annotator has ended, of those that are practice (in this round) or are not."""
    counted = _ENDED_PRACTICE if practice else _ENDED_REAL
    return int(session.execute(counted, desk.unseen(practice=practice)).scalar_one())


def _count_practice(session: Session) -> int:
    return int(session.execute(_COUNT_PRACTICE).scalar_one())


def _give(session: Session, desk: _Desk) -> Held | Pause:
    if desk.annotator.qualified is None:
        practice = session.execute(_OF_ROLE, {"role": "practice", **desk.unseen(practice=True)}).scalar()
        if practice is not None:
            number = 1 + _ended(session, desk, practice=True)
            task = session.get_one(TaskRow, practice)
            return Held(_hand_out(session, desk, task, None), task, number, _count_practice(session))
        if _count_practice(session):
            return Pause("unqualified")
        desk.annotator.qualified = desk.now
    ended = _ended(session, desk, practice=False)
    for role in _roles(desk, ended):
        found = _next_real(session, desk) if role == "real" else _next_known(session, desk, role)
        if found is not None:
            slot = take_one(session, found) if role == "real" else None
            return Held(_hand_out(session, desk, found, slot), found, ended + 1, 0)
    return Pause("waiting" if session.execute(_OUT, {"annotator": desk.annotator.id}).first() else "done")


def _roles(desk: _Desk, ended: int) -> tuple[Literal["real", "gold", "check"], ...]:
    """Return what to look for: by the stated rates a known answer first; drawn, so that nobody can count them off."""
    draw = Random(f"{desk.settings.seed}/role/{desk.annotator.id}/{ended}").random()
    if draw < desk.settings.gold_rate:
        return ("gold", "real")
    return ("check", "real") if draw < desk.settings.gold_rate + desk.settings.check_rate else ("real",)


def _next_real(session: Session, desk: _Desk) -> TaskRow | None:
    """Lock and return the first task of the queue that has a free place and that the annotator has not seen.

    Tasks that others are just being given are passed over; only where nothing else is left are they waited for.
    """
    asked = desk.unseen(practice=False)
    found: TaskRow | None = session.execute(_QUEUE_PASSING, asked).scalars().first()
    for _ in range(_PATIENCE):
        if found is not None or session.execute(_QUEUE, asked).first() is None:
            break
        found = session.execute(_QUEUE_WAITING, asked).scalars().first()
    return found


def _next_known(session: Session, desk: _Desk, role: str) -> TaskRow | None:
    """Return a task of a role that everybody answers, drawn from those the annotator has not seen."""
    unseen = session.execute(_OF_ROLE, {"role": role, **desk.unseen(practice=False)}).scalars().all()
    draw = Random(f"{desk.settings.seed}/{role}/{desk.annotator.id}")
    return session.get_one(TaskRow, draw.choice(unseen)) if unseen else None


def _hand_out(session: Session, desk: _Desk, task: TaskRow, slot: int | None) -> AssignmentRow:
    annotator, settings = desk.annotator, desk.settings
    assert annotator.id is not None
    assert task.id is not None
    practice_round = annotator.practice_round if task.role == "practice" else 0
    turn = slot if slot is not None else annotator.id + practice_round
    row = AssignmentRow(
        task_id=task.id,
        annotator_id=annotator.id,
        round=practice_round,
        slot=slot,
        seed=settings.seed,
        shown=shown_order(len(task.responses), task.position, turn, settings.seed),
        guidelines_version=session.execute(_NEWEST).scalar() or 0,
        begun=desk.now,
        expires=desk.now + settings.lease_seconds,
    )
    session.add(row)
    session.flush()
    return row
