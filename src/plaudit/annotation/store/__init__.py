"""The store of a campaign: tables, migrations, assignment and answers, on SQLite or PostgreSQL."""

from plaudit.annotation.store.store import Store

__all__ = ["Store"]
