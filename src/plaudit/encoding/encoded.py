"""A tokenised set of preferences: flat NumPy columns, each distinct sequence stored once.

A sequence is one response after its prompt, tokenised whole. Records point at sequences, comparisons point at
sequences, so a response that is compared many times is still encoded, and later computed, once a batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSet:
    """R records over S distinct sequences with M comparisons.

    Attributes:
        tokens: int32 [sum of lengths], the ids of all sequences end to end (may be memory-mapped).
        offsets: int64 [S + 1], where each sequence starts in ``tokens``.
        response_starts: int32 [S], how many leading ids of each sequence belong to its prompt and headers.
        prompt_keys: int64 [S], sequences with the same key have the same (truncated) prompt and may share a tree; 0
            means there is no prompt to share.
        token_types: uint8, like ``tokens``, 1 on an encoder's second segment; or None.
        marks: uint8, like ``tokens``: what span feedback says of each, see `plaudit.encoding.marks`; None where there
            is none.
        record_offsets: int64 [R + 1], where each record's responses start in ``record_sequences``.
        record_sequences: int64, sequence index of every response of every record.
        comparison_offsets: int64 [R + 1], where each record's comparisons start in the columns below.
        chosen, rejected: int64 [M], sequence indices.
        tie: bool [M].
        strength: float32 [M], NaN where none was stated.
        weight: float32 [M].
        annotator: int64 [M], who judged, see `plaudit.encoding.annotators`; None where nobody is named.
        annotators: their names, sorted.
        ratings: float32 [S, A], NaN where a response has no such rating.
        rating_names: the A names.
        dropped: how many records were left out while encoding, by reason.
        fingerprint: hash of everything above, for resuming and recipes.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    response_starts: NDArray[np.int32]
    prompt_keys: NDArray[np.int64]
    token_types: NDArray[np.uint8] | None = None
    record_offsets: NDArray[np.int64]
    record_sequences: NDArray[np.int64]
    comparison_offsets: NDArray[np.int64]
    chosen: NDArray[np.int64]
    rejected: NDArray[np.int64]
    tie: NDArray[np.bool_]
    strength: NDArray[np.float32]
    weight: NDArray[np.float32]
    ratings: NDArray[np.float32]
    rating_names: tuple[str, ...] = ()
    marks: NDArray[np.uint8] | None = None
    annotator: NDArray[np.int64] | None = None
    annotators: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = ""

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.record_offsets) - 1

    @property
    def sequences(self) -> int:
        """Number of distinct sequences."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sequence, int64 [S]."""
        return np.diff(self.offsets)

    def ids(self, sequence: int) -> NDArray[np.int32]:
        """Return the token ids of one sequence, int32."""
        return self.tokens[self.offsets[sequence] : self.offsets[sequence + 1]]

    def responses_of(self, record: int) -> NDArray[np.int64]:
        """Return the sequence index of each response of ``record``, in the record's order."""
        return self.record_sequences[self.record_offsets[record] : self.record_offsets[record + 1]]

    def comparisons_of(self, record: int) -> slice:
        """Return where the comparisons of ``record`` lie in the comparison columns."""
        return slice(int(self.comparison_offsets[record]), int(self.comparison_offsets[record + 1]))

    def record_sizes(self) -> NDArray[np.int64]:
        """Return the packed token count of each record on its own, int64 [R]: its prompt once, each response once."""
        first = self.record_sequences[self.record_offsets[:-1]]
        total = np.add.reduceat(self.lengths[self.record_sequences], self.record_offsets[:-1])
        shared = np.where(self.prompt_keys[first] != 0, self.response_starts[first], 0)
        return np.asarray(total - shared * (np.diff(self.record_offsets) - 1), dtype=np.int64)

    def record_weights(self) -> NDArray[np.float64]:
        """Return the summed comparison weight of each record, float64 [R]."""
        sums = np.concatenate([[0.0], np.cumsum(self.weight, dtype=np.float64)])
        return np.asarray(sums[self.comparison_offsets[1:]] - sums[self.comparison_offsets[:-1]])


def sequences_of(encoded: EncodedSet, records: Sequence[int]) -> list[int]:
    """Return the distinct sequences of ``records``, in order of first appearance."""
    return list(dict.fromkeys(int(s) for record in records for s in encoded.responses_of(record)))
