"""Bringing a database to the schema of this version when it is opened."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import Session

from plaudit.annotation.errors import NewerSchema
from plaudit.annotation.store.database import Database

VERSION_TABLE = "annotation_schema"
_LOCK = 0x706C6175  # any number, the same for everyone who opens the schema


def upgrade(database: Database) -> None:
    """Make the tables, or bring them to the newest schema; nothing is done where they are.

    Raises:
        NewerSchema: the database has a schema that this version does not know.
        StoreAway: the database cannot be reached.
    """
    database.write(lambda session: _upgrade(session, database))
    database.remember_file()


def _upgrade(session: Session, database: Database) -> None:
    connection = session.connection()
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        newest = scripts.get_current_head()
        raise NewerSchema(
            f"{database.name} has the schema {found!r}, which this plaudit does not know (its newest is {newest!r}); "
            "open it with the plaudit that wrote it, or a newer one"
        )
    if found != scripts.get_current_head():
        command.upgrade(config, "head")
