"""Who is given what: one task at a time to an annotator, and no more annotators to a task than it wants.

Locks are always taken in the order annotator, assignments, tasks, so no two transactions wait for each other. The
unique indexes of the tables hold the same promises once more, whatever the code does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlmodel import Session, col

from plaudit.annotation.records import Pause
from plaudit.annotation.settings import Settings
from plaudit.annotation.store.reading import lock_annotator
from plaudit.annotation.store.tables import AnnotatorRow, AssignmentRow, CampaignRow, GuidelinesRow, TaskRow

ENDED = ("answered", "skipped")
_PATIENCE = 5


@dataclass(frozen=True, slots=True)
class Held:
    """An assignment with its task, and where in the annotator's work it stands."""

    assignment: AssignmentRow
    task: TaskRow
    number: int
    of: int


def assign(session: Session, annotator_id: int, campaign: CampaignRow, settings: Settings, now: float) -> Held | Pause:
    """Return what the annotator holds already, or is given now."""
    annotator = lock_annotator(session, annotator_id)
    if campaign.closed is not None:
        return Pause("closed")
    take_back(session, now)
    held = _held(session, annotator_id)
    if held is not None:
        held.expires = now + settings.lease_seconds
    found = held or _give(session, annotator, settings, now)
    if isinstance(found, Pause):
        return found
    task = session.get_one(TaskRow, found.task_id)
    practice = task.role == "practice"
    number = 1 + _ended(session, annotator, practice=practice)
    return Held(found, task, number, _count_practice(session) if practice else 0)


def take_back(session: Session, now: float) -> None:
    """End the assignments whose time is over; their places are free again."""
    held = select(col(AssignmentRow.id)).where(_is_held(), col(AssignmentRow.expires) <= now)
    over = session.execute(held.order_by(col(AssignmentRow.id)).with_for_update(skip_locked=True)).scalars().all()
    if over:
        end(session, over)


def end(session: Session, assignments: Sequence[int | None]) -> None:
    """End live assignments without an answer."""
    gone = (
        update(AssignmentRow)
        .where(col(AssignmentRow.id).in_(assignments), _is_held())
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


def take_one(session: Session, task_id: int) -> int | None:
    """Take a free place of a task and return its number, or None if none is free."""
    taken = (
        update(TaskRow)
        .where(col(TaskRow.id) == task_id, col(TaskRow.free) > 0)
        .values(free=col(TaskRow.free) - 1)
        .returning(col(TaskRow.wanted))
    )
    wanted = session.execute(taken).scalar()
    if wanted is None:
        return None
    slots = select(col(AssignmentRow.slot)).where(col(AssignmentRow.task_id) == task_id)
    used = set(session.execute(slots).scalars())
    return next(slot for slot in range(wanted) if slot not in used)


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


def _held(session: Session, annotator_id: int) -> AssignmentRow | None:
    wanted = select(AssignmentRow).where(_is_held(), col(AssignmentRow.annotator_id) == annotator_id)
    return session.execute(wanted).scalars().first()


def _is_held() -> ColumnElement[bool]:
    return col(AssignmentRow.state) == "live"


def _ended(session: Session, annotator: AnnotatorRow, *, practice: bool) -> int:
    """Return how many tasks the annotator has ended, of those that are practice (in this round) or are not."""
    roles = col(TaskRow.role) == "practice" if practice else col(TaskRow.role) != "practice"
    counted = (
        select(func.count())
        .select_from(AssignmentRow)
        .join(TaskRow, col(TaskRow.id) == col(AssignmentRow.task_id))
        .where(col(AssignmentRow.annotator_id) == annotator.id, col(AssignmentRow.state).in_(ENDED), roles)
    )
    if practice:
        counted = counted.where(col(AssignmentRow.round) == annotator.practice_round)
    return int(session.execute(counted).scalar_one())


def _count_practice(session: Session) -> int:
    return int(session.execute(select(func.count()).where(col(TaskRow.role) == "practice")).scalar_one())


def _give(session: Session, annotator: AnnotatorRow, settings: Settings, now: float) -> AssignmentRow | Pause:
    if annotator.qualified is None:
        practice = _next_of(session, annotator, "practice", Random(0), in_order=True)
        if practice is not None:
            return _hand_out(session, annotator, practice, None, settings, now)
        if _count_practice(session):
            return Pause("unqualified")
        annotator.qualified = now
    for role in _roles(settings, annotator, _ended(session, annotator, practice=False)):
        found = _hand_out_role(session, annotator, role, settings, now)
        if found is not None:
            return found
    return Pause("waiting" if _is_out(session, annotator) else "done")


def _roles(settings: Settings, annotator: AnnotatorRow, ended: int) -> tuple[Literal["real", "gold", "check"], ...]:
    """Return what to look for: by the stated rates a known answer first; drawn, so that nobody can count them off."""
    draw = Random(f"{settings.seed}/role/{annotator.id}/{ended}").random()
    if draw < settings.gold_rate:
        return ("gold", "real")
    return ("check", "real") if draw < settings.gold_rate + settings.check_rate else ("real",)


def _hand_out_role(
    session: Session, annotator: AnnotatorRow, role: str, settings: Settings, now: float
) -> AssignmentRow | None:
    if role == "real":
        task = _next_real(session, annotator)
        slot = None if task is None else take_one(session, task)
        return None if task is None or slot is None else _hand_out(session, annotator, task, slot, settings, now)
    known = _next_of(session, annotator, role, Random(f"{settings.seed}/{role}/{annotator.id}"), in_order=False)
    return None if known is None else _hand_out(session, annotator, known, None, settings, now)


def _next_real(session: Session, annotator: AnnotatorRow) -> int | None:
    """Lock and return the first task of the queue that has a free place and that the annotator has not seen.

    Tasks that others are just being given are passed over; only where nothing else is left are they waited for.
    """
    queue = _open_to(annotator).order_by(col(TaskRow.turn), col(TaskRow.position)).limit(1)
    found: int | None = session.execute(queue.with_for_update(skip_locked=True)).scalar()
    for _ in range(_PATIENCE):
        if found is not None or session.execute(queue).scalar() is None:
            break
        found = session.execute(queue.with_for_update()).scalar()
    return found


def _open_to(annotator: AnnotatorRow) -> Any:
    return select(col(TaskRow.id)).where(col(TaskRow.free) > 0, _unseen(annotator, 0))


def _unseen(annotator: AnnotatorRow, practice_round: int) -> ColumnElement[bool]:
    return ~exists().where(
        col(AssignmentRow.annotator_id) == annotator.id,
        col(AssignmentRow.task_id) == col(TaskRow.id),
        col(AssignmentRow.round) == practice_round,
        col(AssignmentRow.state).in_(("live", *ENDED)),
    )


def _next_of(session: Session, annotator: AnnotatorRow, role: str, draw: Random, *, in_order: bool) -> int | None:
    """Return a task of a role that everybody answers, not seen before (in this round of practice)."""
    practice_round = annotator.practice_round if role == "practice" else 0
    unseen = select(col(TaskRow.id)).where(col(TaskRow.role) == role, _unseen(annotator, practice_round))
    found: Sequence[Any] = session.execute(unseen.order_by(col(TaskRow.position))).scalars().all()
    if not found:
        return None
    return int(found[0] if in_order else draw.choice(found))


def _is_out(session: Session, annotator: AnnotatorRow) -> bool:
    """Return whether others hold tasks that the annotator has not seen: some may come back."""
    others = (
        select(col(TaskRow.id))
        .join(AssignmentRow, col(AssignmentRow.task_id) == col(TaskRow.id))
        .where(col(TaskRow.role) == "real", _is_held(), col(AssignmentRow.annotator_id) != annotator.id)
    )
    seen = select(col(AssignmentRow.task_id)).where(
        col(AssignmentRow.annotator_id) == annotator.id, col(AssignmentRow.state).in_(ENDED)
    )
    return session.execute(others.where(col(TaskRow.id).not_in(seen)).limit(1)).scalar() is not None


def _hand_out(
    session: Session, annotator: AnnotatorRow, task_id: int, slot: int | None, settings: Settings, now: float
) -> AssignmentRow:
    task = session.get_one(TaskRow, task_id)
    assert annotator.id is not None
    practice_round = annotator.practice_round if task.role == "practice" else 0
    turn = slot if slot is not None else annotator.id + practice_round
    version = session.execute(select(func.max(col(GuidelinesRow.version)))).scalar()
    row = AssignmentRow(
        task_id=task_id,
        annotator_id=annotator.id,
        round=practice_round,
        slot=slot,
        seed=settings.seed,
        shown=shown_order(len(task.responses), task.position, turn, settings.seed),
        guidelines_version=version or 0,
        begun=now,
        expires=now + settings.lease_seconds,
    )
    session.add(row)
    session.flush()
    return row
