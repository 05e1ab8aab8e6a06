"""Rewards kept on disk: an SQLite file, keyed by the model, its contract and the token ids; several processes may share it."""

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_AT_ONCE = 500


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
            self._database = sqlite3.connect(self.path, timeout=60, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS rewards (key BLOB PRIMARY KEY, reward REAL NOT NULL)")
        except sqlite3.Error as error:
            raise BadCache(f"{self.path} cannot be used as a reward cache: {error}") from error

    def find(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Return the rewards of those ``keys`` that are known, and count hits and misses."""
        found: dict[bytes, float] = {}
        with self._lock:
            for begin in range(0, len(keys), _AT_ONCE):
                part = keys[begin : begin + _AT_ONCE]
                marks = ",".join("?" * len(part))
                found.update(self._run(f"SELECT key, reward FROM rewards WHERE key IN ({marks})", part))
            known = sum(key in found for key in keys)
            self.hits, self.misses = self.hits + known, self.misses + len(keys) - known
        return found

    def add(self, rewards: Mapping[bytes, float]) -> None:
        """Keep ``rewards``; what another process has added meanwhile stays."""
        with self._lock:
            self._run("BEGIN IMMEDIATE")
            try:
                for key, reward in rewards.items():
                    self._run("INSERT OR IGNORE INTO rewards VALUES (?, ?)", (key, reward))
            finally:
                self._run("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _run(self, statement: str, values: Iterable[object] = ()) -> list[tuple[bytes, float]]:
        try:
            return self._database.execute(statement, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise BadCache(f"{self.path}: {error}") from error
