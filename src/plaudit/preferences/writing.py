"""Writing records into an Arrow table that stays in memory while small and lies in a memory-mapped file when not."""

import os
import tempfile
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from plaudit.preferences.codec import SCHEMA, Columns

BATCH_ROWS = 4096
BATCH_CHARACTERS = 8 << 20
SPILL_BYTES = 64 << 20


def cache_folder() -> Path:
    """Return the folder for spilled tables: ``PLAUDIT_CACHE``, else ``plaudit`` in the user's cache folder."""
    root = os.environ.get("PLAUDIT_CACHE")
    return Path(root) if root else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plaudit"


class TableWriter:
    """Collects rows of `SCHEMA` and gives a table of them; a context, after which no file is left behind.

    Beyond ``spill_bytes`` the batches go to a file under `cache_folder`. Leaving the context takes its name away, so
    its space is freed with the table that maps it, however the process ends.
    """

    def __init__(self, spill_bytes: int = SPILL_BYTES) -> None:
        self._spill_bytes = spill_bytes
        self._rows: list[Columns] = []
        self._characters = 0
        self._batches: list[Any] = []
        self._bytes = 0
        self._path: Path | None = None
        self._file: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def append(self, columns: Columns) -> None:
        """Add one row."""
        self._rows.append(columns)
        self._characters += len(columns["prompt"]) + len(columns["responses"]) + 16 * len(columns["chosen"])
        if len(self._rows) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        arrays = [pa.array([row[name] for row in self._rows], SCHEMA.field(name).type) for name in SCHEMA.names]
        batch = pa.record_batch(arrays, schema=SCHEMA)
        self._rows, self._characters = [], 0
        self._bytes += batch.nbytes
        if self._file is None and self._bytes > self._spill_bytes:
            self._open_file()
        if self._file is None:
            self._batches.append(batch)
        else:
            self._file.write_batch(batch)

    def _open_file(self) -> None:
        folder = cache_folder() / "preferences"
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".arrow", dir=folder)
        os.close(handle)
        self._path = Path(name)
        self._file = pa.ipc.new_file(name, SCHEMA)
        for batch in self._batches:
            self._file.write_batch(batch)
        self._batches = []

    def finish(self) -> Any:
        """Return the table of all rows (a ``pyarrow.Table``)."""
        self._flush()
        if self._file is None:
            return pa.Table.from_batches(self._batches, SCHEMA)
        self._file.close()
        return pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()

    def discard(self) -> None:
        """Remove the file's name, if there is one; a table that was finished keeps its content."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
