"""The statements of the hot paths: what they cost does not grow with the campaign."""

import sqlite3

import pytest

from plaudit.annotation.store import Store, answering, queue
from plaudit.annotation.store.statements import Prepared
from tests.annotation.conftest import PLAIN

STATEMENTS = {name: one for room in (queue, answering) for name, one in vars(room).items() if isinstance(one, Prepared)}
BY_INDEX = ("SCAN task USING INDEX ix_task_queue", "SCAN assignment_1 USING INDEX ix_assignment_", "SCAN campaign")
"""What may be gone through: the free tasks in their order, what is out, and the one campaign."""


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_table_is_gone_through(tmp_path, name: str) -> None:
    """SQLite finds every row by an index and sorts nothing, however many tasks and answers there are."""
    Store(tmp_path / "a.db", PLAIN).close()
    words, names, _ = STATEMENTS[name].on("sqlite")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {words}", [0] * len(names))]
    connection.close()

    assert not [line for line in plan if line.startswith("SCAN") and not line.startswith(BY_INDEX)]
    assert not [line for line in plan if "TEMP B-TREE" in line]


@pytest.mark.parametrize("name", STATEMENTS)
def test_locks_of_postgresql_let_foreign_keys_be(name: str) -> None:
    """Rows are locked as for a change of what nothing refers to: who refers to a task may be waited for by nobody."""
    words, names, _ = STATEMENTS[name].on("postgresql")

    assert "FOR UPDATE" not in words
    assert words.count("%s") == len(names)
