"""Features of a frozen backbone kept on disk, so that another head, objective or seed need not compute them again.

An SQLite file keyed by the backbone's weights, what is read of it and how, and the ids of a sequence; one file serves
any number of models and data sets, and several processes.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from plaudit.encoding.encoded import EncodedSet
from plaudit.models.heads import backbone_of, head_parameters
from plaudit.training.adapters import classifier_of

_CREATE = "CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, numbers BLOB NOT NULL) WITHOUT ROWID"
_FIND = "SELECT numbers FROM features WHERE key = ?"
_ADD = "INSERT OR IGNORE INTO features VALUES (?, ?)"
LABELS = ("id2label", "label2id", "num_labels", "problem_type")
"""What a configuration says of the head."""
Row = NDArray[np.float32]


class BadFeatureFile(OSError):
    """A file of features that cannot be used; the message names it."""


class FeatureFile:
    """A map from keys to rows of features, float32 [F] each.

    Args:
        path: the SQLite file, made if missing.

    Raises:
        BadFeatureFile: ``path`` cannot be opened, or is another kind of file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.find([])

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Return the rows of those ``keys`` that are known."""
        try:
            with closing(self._open()) as database:
                rows = {key: database.execute(_FIND, (key,)).fetchone() for key in keys}
        except sqlite3.Error as error:
            raise self._bad(error) from error
        return {key: np.frombuffer(row[0], "<f4") for key, row in rows.items() if row is not None}

    def add(self, rows: Mapping[bytes, Row]) -> None:
        """Keep ``rows``, all or none; what another process has added meanwhile stays."""
        try:
            with closing(self._open()) as database, database:
                database.executemany(_ADD, [(key, row.astype("<f4").tobytes()) for key, row in rows.items()])
        except sqlite3.Error as error:
            raise self._bad(error) from error

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=60)
        database.execute(_CREATE)
        return database

    def _bad(self, error: sqlite3.Error) -> BadFeatureFile:
        return BadFeatureFile(f"{self.path} cannot be used as a file of features: {error}")


def keys_of(model: nn.Module, encoded: EncodedSet, sequences: Sequence[int]) -> list[bytes]:
    """Return the key of each of ``sequences``: other weights, settings, dtypes and ids have others."""
    name = _identity(model)
    return [_key(name, encoded, sequence) for sequence in sequences]


def _key(name: bytes, encoded: EncodedSet, sequence: int) -> bytes:
    digest = hashlib.blake2b(name, digest_size=20)
    digest.update(np.int64(encoded.response_starts[sequence]).tobytes())
    digest.update(np.ascontiguousarray(encoded.ids(sequence), np.int32).tobytes())
    if encoded.token_types is not None:
        digest.update(encoded.token_types[encoded.offsets[sequence] : encoded.offsets[sequence + 1]].tobytes())
    return digest.digest()


def _identity(model: nn.Module) -> bytes:
    """Return a hash of the backbone and of how ``model`` reads it: nothing of its head."""
    classifier = classifier_of(model)
    head = {id(parameter) for parameter in head_parameters(classifier)}
    own = {name: value for name, value in getattr(model, "settings", {}).items() if name not in of_head(model)}
    text = {name: value for name, value in classifier.config.get_text_config().to_dict().items() if name not in LABELS}
    facts = (type(model).__qualname__, own, text, str(getattr(model, "compute_dtype", "")))
    digest = hashlib.blake2b(json.dumps(facts, sort_keys=True, default=str).encode(), digest_size=20)
    for parameter in backbone_of(classifier).parameters():
        if id(parameter) not in head:
            digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.digest()


def of_head(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the settings on which the features of ``model`` do not depend."""
    found: tuple[str, ...] = getattr(model, "head_settings", ())
    return found
