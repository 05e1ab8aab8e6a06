"""What every check looks at: the records, their texts and their comparisons as arrays, each made once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.doctor.finding import SHOWN, Place
from plaudit.doctor.rated import rated_pairs
from plaudit.doctor.rates import RESAMPLES, rate
from plaudit.doctor.tokenized import Measured, Pair, Tokenize
from plaudit.evaluation.finding import Score
from plaudit.evaluation.intervals import Estimate
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import text_of
from plaudit.preferences.near_duplicates import normalise
from plaudit.preferences.preference import Comparison, Content, Preference

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

REMARK = 80
"""Characters of a text that a remark quotes."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """The M comparisons of all records as arrays; responses are numbered over all records.

    Attributes:
        record: int64 [M], which record it stands in.
        chosen: int64 [M], the preferred response (either, in a tie).
        rejected: int64 [M], the other.
        tie: bool [M].
        weight: float64 [M].
        group: int64 [M], the unit of resampling.
        comparisons: the comparisons themselves.
        made: whether they were made of ratings, so that no annotator and no side stands behind them.
    """

    record: Integers
    chosen: Integers
    rejected: Integers
    tie: Bools
    weight: Floats
    group: Integers
    comparisons: tuple[Comparison, ...]
    made: bool = False

    def __len__(self) -> int:
        return self.record.size


@dataclass(eq=False)
class Examined:
    """Preferences to be examined, and what goes with them.

    Attributes:
        preferences: with groups.
        parts: name of each source or split to the records of it.
        against: other preferences that these should share nothing with, by name.
        tokenize: a tokenizer, or None.
        score: a model's rewards, or None.
        dropped: rows that could not be read, by reason.
        unread: the first row of each source that could not be read.
        attribute: the rating that comparisons are made from, where people only rated.
        gap: least difference of two ratings that makes a comparison.
        resamples: behind each interval.
        seed: of resamples, folds and what is drawn.
    """

    preferences: Preferences
    parts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    against: Mapping[str, Preferences] = field(default_factory=dict)
    tokenize: Tokenize | None = None
    score: Score | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    unread: Sequence[Place] = ()
    attribute: str = "rating"
    gap: float = 0.5
    resamples: int = RESAMPLES
    seed: int = 0

    @cached_property
    def records(self) -> list[Preference]:
        """All records."""
        return list(self.preferences)

    @cached_property
    def offsets(self) -> Integers:
        """Int64 [records + 1]: record ``i`` has responses ``offsets[i]`` to ``offsets[i + 1]``."""
        return np.cumsum([0, *(len(record.responses) for record in self.records)])

    @cached_property
    def owner(self) -> Integers:
        """Int64 [responses], the record of each response."""
        return np.repeat(np.arange(len(self.records)), np.diff(self.offsets))

    @cached_property
    def contents(self) -> list[Content]:
        """The content of every response."""
        return [response.content for record in self.records for response in record.responses]

    @cached_property
    def texts(self) -> list[str]:
        """The words of every response, without roles."""
        return [words_of(content) for content in self.contents]

    @cached_property
    def prompts(self) -> list[str]:
        """The words of every record's prompt, without roles."""
        return [words_of(record.prompt) for record in self.records]

    @cached_property
    def pairs(self) -> list[Pair]:
        """Prompt and content of every response."""
        return [(self.records[record].prompt, said) for record, said in zip(self.owner, self.contents, strict=True)]

    @cached_property
    def normalised(self) -> list[str]:
        """The text of every response as near-duplicates are looked for in it, roles included."""
        return [normalise(text_of(content)) for content in self.contents]

    @cached_property
    def prompt_keys(self) -> list[str]:
        """A key of every record's exact prompt; ``""`` for none."""
        return [key_of(record.prompt) if record.prompt else "" for record in self.records]

    @cached_property
    def response_keys(self) -> list[str]:
        """A key of every response's exact content."""
        return [key_of(content) for content in self.contents]

    @cached_property
    def rewards(self) -> Floats | None:
        """The model's reward of every response, NaN where it gives none; None without a model."""
        return None if self.score is None else np.asarray(self.score(self.pairs), np.float64)

    @cached_property
    def measured(self) -> list[Measured]:
        """What becomes of every response with its prompt when it is encoded; nothing without a tokenizer."""
        return [] if self.tokenize is None else list(self.tokenize.measure(self.pairs))

    @cached_property
    def edges(self) -> Edges:
        """All comparisons; where nobody compared, those that ratings make."""
        edges = [(at, edge) for at, record in enumerate(self.records) for edge in record.comparisons]
        if not edges:
            return self._rated
        record = np.array([at for at, _ in edges], np.int64)
        starts = self.offsets[record]
        return Edges(
            record=record,
            chosen=starts + np.array([edge.chosen for _, edge in edges], np.int64),
            rejected=starts + np.array([edge.rejected for _, edge in edges], np.int64),
            tie=np.array([edge.tie for _, edge in edges], np.bool_),
            weight=np.array([edge.weight for _, edge in edges], np.float64),
            group=self.preferences.groups[record],
            comparisons=tuple(edge for _, edge in edges),
        )

    @property
    def _rated(self) -> Edges:
        pairs = rated_pairs(self.records, self.attribute, self.gap, self.seed)
        count, record = pairs.chosen.size, self.owner[pairs.chosen]
        groups = self.preferences.groups
        return Edges(
            record=record,
            chosen=pairs.chosen,
            rejected=pairs.rejected,
            tie=np.zeros(count, np.bool_),
            weight=np.ones(count),
            group=np.where(pairs.block < 0, groups[record], groups.max(initial=0) + 1 + pairs.block),
            comparisons=(Comparison(chosen=0, rejected=1),) * count,
            made=True,
        )

    @cached_property
    def decided(self) -> Integers:
        """Positions of the comparisons that are no ties and have weight."""
        return np.flatnonzero(~self.edges.tie & (self.edges.weight > 0))

    @cached_property
    def _rows(self) -> tuple[list[str], list[int]]:
        return self.preferences.column("file").to_pylist(), self.preferences.column("row").to_pylist()

    def place(self, record: int, remark: str = "") -> Place:
        """Return where a record stands."""
        files, rows = self._rows
        one = self.records[record]
        return Place(record=one.id or f"#{record}", file=files[record], row=rows[record], remark=remark)

    def places(self, records: Sequence[int] | Integers, remarks: Sequence[str] = ()) -> tuple[Place, ...]:
        """Return where the first `SHOWN` of some records stand, each with its remark."""
        wanted = [int(record) for record in records[:SHOWN]]
        said = [*remarks[:SHOWN], *[""] * (len(wanted) - len(remarks))]
        return tuple(self.place(record, remark) for record, remark in zip(wanted, said, strict=True))

    def rate(self, hits: Any, groups: Integers, weight: Floats | None = None) -> Estimate:
        """Return the share of hits with its interval; see `plaudit.doctor.rates.rate`."""
        return rate(hits, groups, weight, self.resamples, self.seed)


def words_of(content: Content) -> str:
    """Return the words of a content, turns one line apart, without roles."""
    return content if isinstance(content, str) else "\n".join(turn.content for turn in content)


def key_of(content: Content) -> str:
    """Return a key that two contents share where they are the same, roles and all."""
    return hashlib.blake2b(text_of(content).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def quoted(text: str) -> str:
    """Return the beginning of a text, on one line, in quotation marks."""
    flat = " ".join(text.split())
    return f"“{flat[:REMARK]}…”" if len(flat) > REMARK else f"“{flat}”"
