"""Rewards kept on disk: an SQLite file keyed by the model, its contract and the ids; several processes may share it."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_CREATE = "CREATE TABLE IF NOT EXISTS rewards (key TEXT PRIMARY KEY, reward REAL NOT NULL) WITHOUT ROWID"
_FIND = "SELECT key, reward FROM rewards WHERE key IN (SELECT value FROM json_each(?))"
_ADD = "INSERT OR IGNORE INTO rewards VALUES (?, ?)"


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

    def find(self, keys: Sequence[str]) -> dict[str, float]:
        """Return the rewards of those ``keys`` that are known, and count hits and misses."""
        with self._lock:
            found: dict[str, float] = dict(self._run(_FIND, (json.dumps(keys),)))
            known = sum(key in found for key in keys)
            self.hits, self.misses = self.hits + known, self.misses + len(keys) - known
        return found

    def add(self, rewards: Mapping[str, float]) -> None:
        """Keep ``rewards``, all or none; what another process has added meanwhile stays."""
        try:
            with self._lock, self._database:
                self._database.executemany(_ADD, rewards.items())
        except sqlite3.Error as error:
            raise self._bad(error) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _run(self, statement: str, values: Iterable[object] = ()) -> list[tuple[str, float]]:
        try:
            return self._database.execute(statement, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise self._bad(error) from error

    def _bad(self, error: sqlite3.Error) -> BadCache:
        return BadCache(f"{self.path} cannot be used as a reward cache: {error}")
