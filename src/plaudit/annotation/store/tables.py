"""The tables of a campaign. One database (or one PostgreSQL schema) holds one campaign.

Times are seconds since 1970 (UTC). Positions of responses are those of the task, never those of the screen, except in
``assignment.shown``, which says what stood where. What changes here needs a migration beside it.
"""

from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, MetaData, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ROLES = ("real", "gold", "check", "practice")
STATES = ("live", "answered", "skipped", "expired")
HELD = "state = 'live'"
SEEN = "state IN ('live', 'answered', 'skipped')"
FREE = "free > 0"
FIRST = -1e300
"""The turn of a task whose answers differ: before every priority."""


def _json() -> Any:
    return Column(JSON, nullable=False)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class CampaignRow(SQLModel, table=True):
    """The one campaign: its settings, whether it is closed, and which owner's link is good."""

    metadata = METADATA
    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(default=1, primary_key=True)
    settings: dict[str, Any] = Field(sa_column=_json())
    owner_serial: int = 0
    created: float
    closed: float | None = None


class GuidelinesRow(SQLModel, table=True):
    """One version of the guidelines, in Markdown. Rows are never changed."""

    metadata = METADATA
    __tablename__ = "guidelines"

    version: int = Field(primary_key=True)
    markdown: str = Field(sa_column=Column(Text, nullable=False))
    created: float


class AnnotatorRow(SQLModel, table=True):
    """Somebody who answers; a link is good while its serial is this one and ``active`` holds."""

    metadata = METADATA
    __tablename__ = "annotator"
    __table_args__ = (UniqueConstraint("name"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    serial: int = 0
    active: bool = True
    created: float
    practice_round: int = 0
    qualified: float | None = None


class TaskRow(SQLModel, table=True):
    """A prompt with responses to compare.

    ``wanted`` is how many answers it takes and ``free`` how many of them nobody has given or holds; both are 0 for
    tasks that everybody answers (gold, check, practice). ``disputed`` counts answers that were asked for in addition.
    The queue goes by ``turn`` (the priority, negated; `FIRST` where disputed), then by ``position``.
    """

    metadata = METADATA
    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint(_one_of("role", ROLES), name="role"),
        CheckConstraint("free >= 0 AND free <= wanted", name="free"),
        Index("ix_task_queue", "turn", "position", sqlite_where=text(FREE), postgresql_where=text(FREE)),
        Index("ix_task_role", "role", "position"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str
    role: str
    position: int
    turn: float = 0.0
    wanted: int
    free: int
    disputed: int = 0
    prompt: Any = Field(sa_column=_json())
    responses: list[Any] = Field(sa_column=_json())
    expected: int | None = None
    explanation: str = Field(default="", sa_column=Column(Text, nullable=False))
    source: str = ""
    extra: dict[str, Any] = Field(sa_column=_json())


class AssignmentRow(SQLModel, table=True):
    """A task in somebody's hands, or what became of it.

    ``slot`` is which of the wanted answers this is, while it is held or given; two assignments never share one.
    ``shown`` lists positions of responses in the order they stand on the screen, drawn from ``seed`` and the slot.
    """

    metadata = METADATA
    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("task_id", "slot"),
        CheckConstraint(_one_of("state", STATES), name="state"),
        Index("ix_assignment_held", "annotator_id", unique=True, sqlite_where=text(HELD), postgresql_where=text(HELD)),
        Index(
            "ix_assignment_seen",
            "annotator_id",
            "task_id",
            "round",
            unique=True,
            sqlite_where=text(SEEN),
            postgresql_where=text(SEEN),
        ),
        Index("ix_assignment_expires", "expires", sqlite_where=text(HELD), postgresql_where=text(HELD)),
    )

    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="task.id")
    annotator_id: int = Field(foreign_key="annotator.id")
    round: int = 0
    state: str = "live"
    slot: int | None = None
    seed: int
    shown: list[int] = Field(sa_column=_json())
    guidelines_version: int
    begun: float
    expires: float


class AnswerRow(SQLModel, table=True):
    """What somebody said; the assignment is its key, so it is said once. Rows are never changed.

    ``choice`` is what was clicked (A is what stood first on the screen); ``chosen`` is the position it means.
    ``objectives`` maps names to positions (−1 a tie), ``ranking`` lists a rank a response, ``spans`` a list of
    ``[start, end]`` a response (null where nothing was asked).
    """

    metadata = METADATA
    __tablename__ = "answer"
    __table_args__ = (Index("ix_answer_task", "task_id"), Index("ix_answer_annotator", "annotator_id"))

    assignment_id: int = Field(primary_key=True, foreign_key="assignment.id")
    task_id: int = Field(foreign_key="task.id")
    annotator_id: int = Field(foreign_key="annotator.id")
    choice: str
    chosen: int | None = None
    strength: int | None = None
    ranking: list[int] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    objectives: dict[str, int] = Field(sa_column=_json())
    spans: list[Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    seconds: float
    guidelines_version: int
    late: bool = False
    created: float


class EventRow(SQLModel, table=True):
    """Something that happened to the campaign: closed, exported, a link revoked."""

    metadata = METADATA
    __tablename__ = "event"

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    annotator_id: int | None = Field(default=None, foreign_key="annotator.id")
    detail: dict[str, Any] = Field(sa_column=_json())
    created: float
