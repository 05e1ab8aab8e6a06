"""Who is given what: one task at a time to an annotator, and no more annotators to a task than it wants.

Locks are always taken in the order annotator, assignments, tasks, so no two transactions wait for each other. They are
such as a foreign key does not mind: what refers to a task locks it a little, and two who have done that would wait for
each other if each then wanted all of it. The unique indexes of the tables hold the same promises once more, whatever
the code does.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from random import Random
from string import ascii_uppercase
from typing import Any, Literal, NamedTuple

from plaudit.annotation.errors import BadLink, Unknown
from plaudit.annotation.records import Pause, Shown, ShownResponse
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import queue
from plaudit.annotation.store.reading import content_of
from plaudit.annotation.store.statements import Hand, Raced, short

_PATIENCE = 5


class Asker(NamedTuple):
    """Who asks: an annotator, and the serial of the link they come with (None where it was looked at already)."""

    annotator: int
    serial: int | None = None

    def check(self, row: tuple[Any, ...] | None) -> tuple[Any, ...]:
        """Return a row that begins with the annotator's serial and whether they are let in.

        Raises:
            Unknown: there is no such annotator.
            BadLink: the link was taken back, or its annotator is kept out or unknown.
        """
        if self.serial is not None and (row is None or not row[1] or row[0] != self.serial):
            raise BadLink("this link was taken back; ask for a new one")
        if row is None:
            raise Unknown(f"there is no annotator {self.annotator}")
        return row


class Given(NamedTuple):
    """What is shown, under the settings of now."""

    view: Shown | Pause
    settings: Settings


class _Desk(NamedTuple):
    """Who asks, and how things stand; the columns of `queue.DESK`."""

    serial: int
    active: bool
    settings: str
    closed: float | None
    qualified: float | None
    practice_round: int
    ended: int
    soonest: float | None
    newest: int | None
    held: int | None
    shown: str
    version: int
    role: str
    prompt: str
    responses: str


@lru_cache(maxsize=16)
def settings_of(stored: str) -> Settings:
    """Return settings from their JSON, which is read once."""
    return Settings.of(json.loads(stored))


def assign(hand: Hand, asker: Asker, now: float) -> Given:
    """Return what the annotator holds already, or is given now.

    Raises:
        Unknown: there is no such annotator.
        BadLink: the link was taken back.
    """
    hand.lock(queue.LOCK, annotator=asker.annotator)
    desk = _look(hand, asker)
    settings = settings_of(desk.settings)
    if desk.closed is not None:
        return Given(Pause("closed"), settings)
    if desk.soonest is not None and desk.soonest <= now:
        take_back(hand, now)
        desk = _look(hand, asker)
    return Given((_give if desk.held is None else _extend)(hand, asker.annotator, desk, now), settings)


def idle(hand: Hand, asker: Asker, now: float) -> Given | None:
    """Return why there is nothing for an annotator, or None if there may be something: one look, and no lock.

    Raises:
        Unknown: there is no such annotator.
        BadLink: the link was taken back.
    """
    row = asker.check(hand.row(queue.IDLE, annotator=asker.annotator, round=0))
    stored, closed, qualified, ended, soonest, holds, free, out = row[2:]
    settings = settings_of(stored)
    if closed is not None:
        return Given(Pause("closed"), settings)
    over = soonest is not None and soonest <= now
    if over or holds or free or qualified is None or _roles(settings, asker.annotator, ended) != ("real",):
        return None
    return Given(Pause("waiting" if out else "done"), settings)


def take_back(hand: Hand, now: float) -> None:
    """End the assignments whose time is over; their places are free again."""
    end(hand, sorted(row[0] for row in hand.rows(queue.OVER, now=now)))


def end(hand: Hand, assignments: Iterable[int]) -> None:
    """End live assignments without an answer."""
    gone = [row for one in assignments for row in hand.rows(queue.EXPIRE, assignment=one)]
    for (task,) in sorted(gone):
        hand.change(queue.FREE_ONE, task=task)


def take_one(hand: Hand, task: int, wanted: int) -> int:
    """Take a free place of a task that is locked and has one, and return its number."""
    hand.change(queue.TAKE_ONE, task=task)
    used = {slot for (slot,) in hand.rows(queue.SLOTS, task=task)} if wanted > 1 else set()
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


def _look(hand: Hand, asker: Asker) -> _Desk:
    return _Desk(*asker.check(hand.row(queue.DESK, annotator=asker.annotator)))


def _extend(hand: Hand, annotator: int, desk: _Desk, now: float) -> Shown:
    """Return the task that the annotator holds, for longer."""
    settings = settings_of(desk.settings)
    assert desk.held is not None
    if not hand.change(queue.EXTEND, assignment=desk.held, until=now + settings.lease_seconds):
        raise Raced("the assignment went back in the meantime")
    practice = desk.role == "practice"
    number, of = _practised(hand, annotator, desk) if practice else (desk.ended, 0)
    task = queue.Found(0, desk.role, 0, 0, desk.prompt, desk.responses)
    return _shown(task, desk.held, short(desk.shown), settings, desk.version, now, number + 1, of)


def _practised(hand: Hand, annotator: int, desk: _Desk) -> tuple[int, int]:
    """Return how many tasks of this round of practice are done, and how many there are."""
    done = hand.number(queue.PRACTISED, annotator=annotator, round=desk.practice_round)
    return done, hand.number(queue.COUNT_PRACTICE)


def _give(hand: Hand, annotator: int, desk: _Desk, now: float) -> Shown | Pause:
    if desk.qualified is None:
        done, practice = _practised(hand, annotator, desk)
        ids = _unseen(hand, annotator, "practice", desk.practice_round)
        if ids:
            return _hand_out(hand, annotator, desk, now, _task(hand, ids[0]), None, done, practice)
        if practice:
            return Pause("unqualified")
        hand.change(queue.QUALIFY, annotator=annotator, now=now)
    for role in _roles(settings_of(desk.settings), annotator, desk.ended)[:-1]:
        known = _next_known(hand, annotator, desk, role)
        if known is not None:
            return _hand_out(hand, annotator, desk, now, known, None, desk.ended)
    real = _next_real(hand, annotator)
    if isinstance(real, Pause):
        return real
    return _hand_out(hand, annotator, desk, now, real, take_one(hand, real.task, real.wanted), desk.ended)


def _roles(settings: Settings, annotator: int, ended: int) -> tuple[Literal["real", "gold", "check"], ...]:
    """Return what to look for: by the stated rates a known answer first; drawn, so that nobody can count them off."""
    if not (settings.gold_rate or settings.check_rate):
        return ("real",)
    draw = Random(f"{settings.seed}/role/{annotator}/{ended}").random()
    if draw < settings.gold_rate:
        return ("gold", "real")
    return ("check", "real") if draw < settings.gold_rate + settings.check_rate else ("real",)


def _next_real(hand: Hand, annotator: int) -> queue.Found | Pause:
    """Lock and return the first task of the queue that has a free place and that the annotator has not seen.

    Tasks that others are just being given are passed over; only where nothing else is left are they waited for.
    """
    row = hand.row(queue.PASSING, annotator=annotator, round=0)
    for _ in range(_PATIENCE):
        if row is not None:
            break
        *_, free, out = hand.row(queue.IDLE, annotator=annotator, round=0) or (False, False)
        if not free:
            return Pause("waiting" if out else "done")
        row = hand.row(queue.WAITING, annotator=annotator, round=0)
    return queue.Found(*row) if row is not None else Pause("waiting")


def _next_known(hand: Hand, annotator: int, desk: _Desk, role: str) -> queue.Found | None:
    """Return a task of a role that everybody answers, drawn from those the annotator has not seen."""
    unseen = _unseen(hand, annotator, role, 0)
    draw = Random(f"{settings_of(desk.settings).seed}/{role}/{annotator}")
    return _task(hand, draw.choice(unseen)) if unseen else None


def _unseen(hand: Hand, annotator: int, role: str, practice_round: int) -> list[int]:
    return [task for (task,) in hand.rows(queue.OF_ROLE, annotator=annotator, round=practice_round, role=role)]


def _task(hand: Hand, task: int) -> queue.Found:
    return queue.Found(*(hand.row(queue.TASK, task=task) or ()))


def _hand_out(
    hand: Hand, annotator: int, desk: _Desk, now: float, task: queue.Found, slot: int | None, done: int, of: int = 0
) -> Shown:
    settings, practice_round = settings_of(desk.settings), desk.practice_round if task.role == "practice" else 0
    turn = slot if slot is not None else annotator + practice_round
    order = shown_order(len(json.loads(task.responses)), task.position, turn, settings.seed)
    made = hand.number(
        queue.HAND_OUT,
        task_id=task.task,
        annotator_id=annotator,
        round=practice_round,
        state="live",
        slot=slot,
        seed=settings.seed,
        shown=json.dumps(order),
        guidelines_version=desk.newest or 0,
        begun=now,
        expires=now + settings.lease_seconds,
    )
    return _shown(task, made, order, settings, desk.newest or 0, now, done + 1, of)


def _shown(
    task: queue.Found, assignment: int, order: Sequence[int], settings: Settings, version: int, now: float, *at: int
) -> Shown:
    """Return a task as its annotator sees it; ``at`` says which of theirs it is, and of how many."""
    contents = json.loads(task.responses)
    responses = tuple(
        ShownResponse(letter, content_of(contents[position]["content"]))
        for letter, position in zip(ascii_uppercase, order, strict=False)
    )
    return Shown(
        assignment=assignment,
        prompt=content_of(json.loads(task.prompt)),
        responses=responses,
        objectives=settings.objectives,
        strengths=settings.strengths if len(responses) == 2 else (),
        ask_reason=settings.ask_reason,
        mark_spans=settings.mark_spans,
        practice=task.role == "practice",
        guidelines_version=version,
        expires=now + settings.lease_seconds,
        number=at[0],
        of=at[1],
    )
