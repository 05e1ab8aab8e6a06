"""The doctor's way of reading: everything that can be read, its parts, what it is held against, and the examination."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from plaudit.doctor.examination import Examination, examine
from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import Place
from plaudit.doctor.rates import RESAMPLES
from plaudit.doctor.tokenized import Tokenize
from plaudit.evaluation.finding import Score
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.preferences.reading import read
from plaudit.preferences.rows import BadRow, BadSource

SPLIT = "split"
"""The field of a record that says which split it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examining:
    """How preferences are examined.

    Attributes:
        against: other sources, with which these should share nothing.
        checks: names of the checks; [] for all.
        format: name of the format; told from the columns if empty.
        attribute: the rating that comparisons are made from, where people only rated.
        gap: least difference of two ratings that makes a comparison.
        limit: look only at the first so many records of each source; 0 for all.
        resamples: behind each interval.
        seed: of resamples, folds and what is drawn.
    """

    against: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    format: str = ""
    attribute: str = "rating"
    gap: float = 0.5
    limit: int = 0
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.gap > 0:
            raise ValueError(f"gap must be above 0, not {self.gap}")
        if self.limit < 0 or self.resamples < 100:
            raise ValueError(f"limit is 0 or more and resamples 100 or more, not {self.limit} and {self.resamples}")


def doctor(
    sources: Sequence[str],
    how: Examining | None = None,
    *,
    tokenize: Tokenize | None = None,
    score: Score | None = None,
) -> Examination:
    """Return what is wrong with the preferences of ``sources``.

    Args:
        sources: files, folders, ``builtin:`` names, hub data sets; ``NAME=SOURCE`` names the part that a source is.
        how: what to look for, and how.
        tokenize: for what a tokenizer and its template do to them; see `plaudit.workflows.tokenizing`.
        score: a model's rewards, one more feature to tell wrong labels by.

    Raises:
        BadSource: a source is missing, empty, unreachable, or in no known format.
        plaudit.members.UnknownKind: there is no such check.
    """
    how = how or Examining()
    return examine(examined(sources, how, tokenize=tokenize, score=score), how.checks or None)


def examined(
    sources: Sequence[str], how: Examining, *, tokenize: Tokenize | None = None, score: Score | None = None
) -> Examined:
    """Return the preferences of ``sources`` as checks want them; see `doctor`."""
    if not sources:
        raise BadSource("there is nothing to examine; name files, folders, builtin: names or hub data sets")
    named = _named(sources)
    held = [_read(source, how) for source in named.values()]
    whole = Preferences.concatenate(held)
    return Examined(
        preferences=assign(whole),
        parts=_parts(dict(zip(named, held, strict=True))),
        against={source: _read(source, how) for source in how.against},
        tokenize=tokenize,
        score=score,
        dropped=dict(sum((one.drops for one in held), Counter())),
        unread=[place for source, one in zip(named.values(), held, strict=True) for place in _unread(source, one, how)],
        attribute=how.attribute,
        gap=how.gap,
        resamples=how.resamples,
        seed=how.seed,
    )


def _named(sources: Iterable[str]) -> dict[str, str]:
    """Return name to source; a source without a name is called as it is."""
    found: dict[str, str] = {}
    for given in sources:
        name, _, source = given.partition("=")
        named = bool(source) and not Path(given).exists()
        key = name if named else given
        if key in found:
            raise BadSource(f"two sources are called {key!r}; give them names, as in train=FILE test=FILE")
        found[key] = source if named else given
    return found


def _read(source: str, how: Examining) -> Preferences:
    found = read(source, how.format or None, on_bad_row="drop", on_flaw="keep")
    if how.limit:
        found, drops = found[: how.limit], found.drops
        found.drops.update(drops)
    return found


def _unread(source: str, found: Preferences, how: Examining) -> list[Place]:
    """Return the first row of a source that cannot be read, with what is wrong with it."""
    if not found.drops:
        return []
    try:
        read(source, how.format or None, on_bad_row="error", on_flaw="keep")
    except BadRow as error:
        return [Place(record="", file=error.file, row=error.number, remark=str(error).split(": ", 1)[-1])]
    except BadSource as error:
        return [Place(record=source, remark=str(error))]
    return []


def _parts(held: dict[str, Preferences]) -> dict[str, list[int]]:
    """Return the records of each part: of each source, or where there is one, of each split that its records name."""
    starts = np.cumsum([0, *map(len, held.values())])
    if len(held) > 1:
        return {name: list(range(starts[at], starts[at + 1])) for at, name in enumerate(held)}
    [(name, only)] = held.items()
    parts: dict[str, list[int]] = {}
    for at, record in enumerate(only):
        split = record.extra.get(SPLIT)
        parts.setdefault(split if isinstance(split, str) and split else name, []).append(at)
    return parts
