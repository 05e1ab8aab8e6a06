"""How Alembic runs the migrations: on the connection it is given, in that connection's transaction."""

from alembic import context

from plaudit.annotation.store.schema import VERSION_TABLE
from plaudit.annotation.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
