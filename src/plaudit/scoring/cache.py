"""Rewards kept on disk: an SQLite file keyed by the model, its contract and the ids; several processes may share it.

A model's parts and variance lie in a table of their own, which the rewards of a model with a single number never touch.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

_PARTS = "CREATE TABLE IF NOT EXISTS parts (key TEXT PRIMARY KEY, numbers BLOB NOT NULL) WITHOUT ROWID"
_CREATE = "CREATE TABLE IF NOT EXISTS rewards (key TEXT PRIMARY KEY, reward REAL NOT NULL) WITHOUT ROWID"
_FIND = (
    "SELECT key, reward, numbers FROM rewards LEFT JOIN parts USING (key) WHERE key IN (SELECT value FROM json_each(?))"
)
_ADD = "INSERT OR IGNORE INTO rewards VALUES (?, ?)"
_ADD_PARTS = "INSERT OR IGNORE INTO parts SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM rewards WHERE key = ?1)"


class BadCache(OSError):
    """A cache file that cannot be used; the message names it."""


class RewardCache:
    """A map from keys to rewards in full precision, safe for threads and processes.

    Args:
        path: the SQLite file, made if missing.

    Attributes:
        hits: rewards found so far.
        misses: rewards looked for in vain so far.

    Raises:
        BadCache: ``path`` cannot be opened, or is another kind of file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path, self.hits, self.misses = Path(path), 0, 0
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(self.path, timeout=60, check_same_thread=False)
        except sqlite3.Error as error:
            raise BadCache(f"{self.path} cannot be used as a reward cache: {error}") from error
        self._run("PRAGMA journal_mode=WAL")
        self._run(_CREATE)
        self._run(_PARTS)

    def find(self, keys: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Return the reward, and what was kept after it, of those ``keys`` that are known; count hits and misses."""
        with self._lock:
            rows = self._run(_FIND, (json.dumps(keys),))
            found = {key: (reward, *np.frombuffer(parts or b"", "<f8").tolist()) for key, reward, parts in rows}
            known = sum(key in found for key in keys)
            self.hits, self.misses = self.hits + known, self.misses + len(keys) - known
        return found

    def add(self, rewards: Mapping[str, Sequence[float]]) -> None:
        """Keep ``rewards``, each with its parts, all or none; what another process has added meanwhile stays."""
        parts = [(key, np.array(row[1:], "<f8").tobytes()) for key, row in rewards.items() if len(row) > 1]
        try:
            with self._lock, self._database:
                self._database.executemany(_ADD_PARTS, parts)
                self._database.executemany(_ADD, [(key, row[0]) for key, row in rewards.items()])
        except sqlite3.Error as error:
            raise self._bad(error) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _run(self, statement: str, values: Iterable[object] = ()) -> list[tuple[str, float, bytes | None]]:
        try:
            return self._database.execute(statement, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise self._bad(error) from error

    def _bad(self, error: sqlite3.Error) -> BadCache:
        return BadCache(f"{self.path} cannot be used as a reward cache: {error}")
