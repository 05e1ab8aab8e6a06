"""The first schema: campaign, guidelines, annotators, tasks, assignments, answers, events."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_HELD = sa.text("state = 'live'")
_SEEN = sa.text("state IN ('live', 'answered', 'skipped')")
_FREE = sa.text("free > 0")


def upgrade() -> None:
    """Make all tables."""
    _make_campaign()
    _make_annotator()
    _make_task()
    _make_assignment()
    _make_answer()
    _make_event()


def downgrade() -> None:
    """Take all tables away."""
    for table in ("event", "answer", "assignment", "task", "annotator", "guidelines", "campaign"):
        op.drop_table(table)


def _make_campaign() -> None:
    op.create_table(
        "campaign",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("owner_serial", sa.Integer(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("closed", sa.Float(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_campaign_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_table(
        "guidelines",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_guidelines")),
    )


def _make_annotator() -> None:
    op.create_table(
        "annotator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("practice_round", sa.Integer(), nullable=False),
        sa.Column("qualified", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotator")),
        sa.UniqueConstraint("name", name=op.f("uq_annotator_name")),
    )


def _make_task() -> None:
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Float(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("disputed", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.JSON(), nullable=False),
        sa.Column("responses", sa.JSON(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.CheckConstraint("role IN ('real', 'gold', 'check', 'practice')", name=op.f("ck_task_role")),
        sa.CheckConstraint("free >= 0 AND free <= wanted", name=op.f("ck_task_free")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("key", name=op.f("uq_task_key")),
    )
    op.create_index("ix_task_queue", "task", ["turn", "position"], sqlite_where=_FREE, postgresql_where=_FREE)
    op.create_index("ix_task_role", "task", ["role", "position"])


def _make_assignment() -> None:
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("guidelines_version", sa.Integer(), nullable=False),
        sa.Column("begun", sa.Float(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.CheckConstraint("state IN ('live', 'answered', 'skipped', 'expired')", name=op.f("ck_assignment_state")),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_assignment_annotator_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_assignment_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint("task_id", "slot", name=op.f("uq_assignment_task_id_slot")),
    )
    op.create_index("ix_assignment_expires", "assignment", ["expires"], sqlite_where=_HELD, postgresql_where=_HELD)
    op.create_index(
        "ix_assignment_held", "assignment", ["annotator_id"], unique=True, sqlite_where=_HELD, postgresql_where=_HELD
    )
    columns = ["annotator_id", "task_id", "round"]
    op.create_index(
        "ix_assignment_seen", "assignment", columns, unique=True, sqlite_where=_SEEN, postgresql_where=_SEEN
    )


def _make_answer() -> None:
    op.create_table(
        "answer",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("chosen", sa.Integer(), nullable=True),
        sa.Column("strength", sa.Integer(), nullable=True),
        sa.Column("ranking", sa.JSON(), nullable=True),
        sa.Column("objectives", sa.JSON(), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("guidelines_version", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_answer_annotator_id")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name=op.f("fk_answer_assignment_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_answer_task_id")),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_answer")),
    )
    op.create_index("ix_answer_annotator", "answer", ["annotator_id"])
    op.create_index("ix_answer_task", "answer", ["task_id"])


def _make_event() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_event_annotator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
