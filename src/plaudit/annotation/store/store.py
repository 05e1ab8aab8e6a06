"""The store of a campaign: all that pages, commands and exports do with the database goes through it."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, select
from sqlmodel import Session, col

from plaudit.annotation.errors import BadLink, Unknown
from plaudit.annotation.links import Pass
from plaudit.annotation.records import (
    Added,
    Annotator,
    Answer,
    Event,
    Given,
    Guidelines,
    OwnProgress,
    Pause,
    Progress,
    Receipt,
    Shown,
    Task,
)
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import reading, schema
from plaudit.annotation.store.assigning import end
from plaudit.annotation.store.database import Database
from plaudit.annotation.store.desk import Desk
from plaudit.annotation.store.hearing import storable
from plaudit.annotation.store.tables import AnnotatorRow, AssignmentRow, CampaignRow, EventRow, GuidelinesRow, TaskRow
from plaudit.annotation.store.tasks import add_tasks, prioritise

LONGEST_NAME = 200


class Store:
    """One campaign's database. Its methods may be called from any thread; each is one transaction.

    Every method raises `StoreAway` while the database cannot be used; whatever it was asked to store is then not
    stored, and the same call may be made again (answers are stored once however often they are handed in).

    Args:
        where: a path of a SQLite file, or ``postgresql://user:password@host/name``.
        settings: of the campaign, where it is new; one that is there keeps its own (see `configure`).
        clock: gives the time in seconds since 1970.
        busy_seconds: how long to wait for a lock before the database counts as away.

    Attributes:
        database: runs its transactions.
        desk: serves annotators; `next`, `answer` and `release` go through it, and so does the app.

    Raises:
        NewerSchema: a newer plaudit wrote the database.
        ValueError: ``where`` names no database that can be used.
    """

    def __init__(
        self,
        where: str | Path,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.time,
        busy_seconds: float = 10.0,
    ) -> None:
        self._clock = clock
        self.database = Database(where, busy_seconds)
        self.desk = Desk(self.database, clock)
        try:
            schema.upgrade(self.database)
            self.database.write(lambda session: self._begin(session, settings or Settings()))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the database go."""
        self.database.close()

    def _begin(self, session: Session, settings: Settings) -> None:
        if session.get(CampaignRow, 1) is None:
            session.add(CampaignRow(settings=asdict(settings), created=self._clock()))

    # --- the campaign -------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Return the campaign's settings as they are now."""
        return self.database.read(lambda session: Settings.of(reading.campaign_of(session).settings))

    def configure(self, settings: Settings) -> None:
        """Change the settings. Overlap counts for tasks that are added from now on."""

        def work(session: Session) -> None:
            reading.campaign_of(session).settings = asdict(settings)
            self._note(session, "configured", asdict(settings))

        self.database.write(work)

    def close_campaign(self) -> None:
        """Hand out no more tasks. Answers to those that are out are still stored, marked as late."""
        self.database.write(lambda session: self._set_closed(session, self._clock()))

    def reopen(self) -> None:
        """Hand out tasks again."""
        self.database.write(lambda session: self._set_closed(session, None))

    def _set_closed(self, session: Session, closed: float | None) -> None:
        campaign = reading.campaign_of(session)
        if (campaign.closed is None) != (closed is None):
            campaign.closed = closed
            self._note(session, "reopened" if closed is None else "closed", {})

    def note(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Write down that something happened (an export, say)."""
        self.database.write(lambda session: self._note(session, kind, detail))

    def _note(self, session: Session, kind: str, detail: Mapping[str, Any], annotator: int | None = None) -> None:
        session.add(EventRow(kind=kind, detail=dict(detail), annotator_id=annotator, created=self._clock()))

    def events(self) -> list[Event]:
        """Return what happened to the campaign, in order."""
        return self.database.read(lambda session: list(reading.events_in(session)))

    def add_guidelines(self, markdown: str) -> int:
        """Return the version of these guidelines: a new one, unless they are the newest already."""

        def work(session: Session) -> int:
            """Add them, if they are not the newest."""
            newest = reading.guidelines_of(session, None)
            if newest.version and newest.markdown == storable(markdown):
                return newest.version
            row = GuidelinesRow(version=newest.version + 1, markdown=storable(markdown), created=self._clock())
            session.add(row)
            return row.version

        return self.database.write(work)

    def guidelines(self, version: int | None = None) -> Guidelines:
        """Return a version of the guidelines, or the newest (version 0 and empty where there are none).

        Raises:
            Unknown: there is no such version.
        """
        return self.database.read(lambda session: reading.guidelines_of(session, version))

    # --- annotators ---------------------------------------------------------------------------------------------------

    def add_annotator(self, name: str) -> Annotator:
        """Return the annotator of this name, who is new or was there already.

        Raises:
            ValueError: the name is empty, too long, or holds characters that cannot be stored.
        """
        if not name.strip() or len(name) > LONGEST_NAME or storable(name) != name:
            raise ValueError(f"annotator: the name is {name[:40]!r}; it should have 1 to {LONGEST_NAME} characters")

        def work(session: Session) -> Annotator:
            """Find or add the annotator."""
            found = session.execute(select(AnnotatorRow).where(col(AnnotatorRow.name) == name)).scalars().first()
            if found is None:
                found = AnnotatorRow(name=name, created=self._clock())
                session.add(found)
                session.flush()
            return reading.annotator_of(found)

        return self.database.write(work)

    def annotators(self) -> list[Annotator]:
        """Return all annotators, in the order in which they came."""
        rows = select(AnnotatorRow).order_by(col(AnnotatorRow.id))
        return self.database.read(lambda session: list(map(reading.annotator_of, session.execute(rows).scalars())))

    def annotator(self, annotator_id: int) -> Annotator:
        """Return one annotator.

        Raises:
            Unknown: there is none with this number.
        """

        def work(session: Session) -> Annotator:
            found = session.get(AnnotatorRow, annotator_id)
            if found is None:
                raise Unknown(f"there is no annotator {annotator_id}")
            return reading.annotator_of(found)

        return self.database.read(work)

    def revoke(self, annotator_id: int) -> Annotator:
        """Void an annotator's links, and return the annotator, whose serial is a new one: a new link works again.

        Raises:
            Unknown: there is none with this number.
        """

        def work(session: Session) -> Annotator:
            row = reading.lock_annotator(session, annotator_id)
            row.serial += 1
            self._note(session, "link revoked", {"serial": row.serial}, annotator_id)
            return reading.annotator_of(row)

        return self.database.write(work)

    def set_active(self, annotator_id: int, *, active: bool) -> None:
        """Let an annotator in, or keep them out; what they answered stays. Tasks they hold go back.

        Raises:
            Unknown: there is none with this number.
        """

        def work(session: Session) -> None:
            """Change it, and end what they hold."""
            reading.lock_annotator(session, annotator_id).active = active
            self._note(session, "let in" if active else "kept out", {}, annotator_id)
            if not active:
                held = select(col(AssignmentRow.id)).where(
                    col(AssignmentRow.annotator_id) == annotator_id, col(AssignmentRow.state) == "live"
                )
                end(self.database.hand(session), session.execute(held).scalars().all())

        self.database.write(work)

    @property
    def owner_serial(self) -> int:
        """Return the serial that a good owner's link has."""
        return self.database.read(lambda session: reading.campaign_of(session).owner_serial)

    def revoke_owner(self) -> int:
        """Void the owner's links and return the serial of new ones."""

        def work(session: Session) -> int:
            campaign = reading.campaign_of(session)
            campaign.owner_serial += 1
            self._note(session, "owner's link revoked", {"serial": campaign.owner_serial})
            return campaign.owner_serial

        return self.database.write(work)

    def admit(self, carried: Pass) -> Annotator | None:
        """Return who a pass lets in: an annotator, or None for the owner.

        Raises:
            BadLink: the link was revoked, or its annotator is kept out or unknown here.
        """

        def work(session: Session) -> Annotator | None:
            """Compare the pass's serial with the one that is good."""
            if carried.role == "owner":
                row, serial = None, reading.campaign_of(session).owner_serial
            else:
                row = session.get(AnnotatorRow, carried.annotator)
                serial = row.serial if row is not None and row.active else -1
            if serial != carried.serial:
                raise BadLink("this link was taken back; ask for a new one")
            return None if row is None else reading.annotator_of(row)

        return self.database.read(work)

    # --- tasks --------------------------------------------------------------------------------------------------------

    def add_tasks(self, tasks: Iterable[Task]) -> Added:
        """Add tasks at the end of the queue, all or none; those that are there already stay as they are.

        Raises:
            BadTask: a key is there already with other content, or cannot be stored.
        """
        listed = list(tasks)
        return self.database.write(lambda session: add_tasks(session, listed))

    def prioritise(self, priorities: Mapping[str, float]) -> int:
        """Set the priority of tasks by their keys (greater comes earlier) and return how many there were.

        Raises:
            Unknown: there is no task with one of the keys.
            BadTask: a priority is not finite.
        """
        return self.database.write(lambda session: prioritise(session, priorities))

    def tasks(self, role: str | None = None) -> list[Task]:
        """Return all tasks, or those of one role, in the order in which they were added."""
        rows = select(TaskRow).order_by(col(TaskRow.position))
        if role is not None:
            rows = rows.where(col(TaskRow.role) == role)
        return self.database.read(lambda session: list(map(reading.task_of, session.execute(rows).scalars())))

    def counts(self) -> dict[str, int]:
        """Return how many tasks there are, by role."""
        rows = select(col(TaskRow.role), func.count()).group_by(col(TaskRow.role))
        return self.database.read(lambda session: reading.counts(session, rows))

    # --- work ---------------------------------------------------------------------------------------------------------

    def next(self, annotator_id: int) -> Shown | Pause:
        """Return the task an annotator holds or is given now. Asking again gives the same one, for longer.

        Raises:
            Unknown: there is no such annotator.
        """
        return self.desk.next(annotator_id).view

    def answer(self, annotator_id: int, assignment_id: int, answer: Answer) -> Receipt:
        """Store an answer and end its assignment, in one transaction. When this returns, the answer is on the disk.

        Handing in again changes nothing and says so (``Receipt.first``). An answer that comes after its time is kept
        while its place is free; one that comes after the campaign was closed is kept and marked as late.

        Raises:
            Unknown: there is no such annotator or assignment.
            NotYours: the assignment is another annotator's.
            LeaseOver: it came too late, and the place is taken.
            BadAnswer: the task does not take this answer; nothing changed, another may be handed in.
        """
        return self.desk.answer(annotator_id, assignment_id, answer)

    def release(self, annotator_id: int, assignment_id: int) -> None:
        """Give a task back unanswered; the annotator may get it again.

        Raises:
            Unknown: there is no such annotator or assignment.
            NotYours: the assignment is another annotator's.
        """
        self.desk.give_back(annotator_id, assignment_id)

    # --- what came of it ----------------------------------------------------------------------------------------------

    def progress(self) -> Progress:
        """Return how far the campaign is."""
        return self.database.read(reading.progress_of)

    def own_progress(self, annotator_id: int) -> OwnProgress:
        """Return how far one annotator is.

        Raises:
            Unknown: there is no such annotator.
        """
        return self.database.read(lambda session: reading.own_progress_of(session, annotator_id))

    def answers(self) -> list[Given]:
        """Return every answer, in the order in which they were stored."""
        return self.database.read(lambda session: list(reading.given_in(session)))
