"""Votes of files: how far people agree, and one label of what several of them said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plaudit import config
from plaudit.labels.aggregate import Aggregation, Form, aggregate
from plaudit.labels.agreement import Agreement, By, Orientation, Ties, agreement
from plaudit.labels.bias import Bias, bias
from plaudit.labels.spammers import Correction, Standing, spammers
from plaudit.labels.votes import Votes
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.reading import OnBadRow, read_many
from plaudit.preferences.saving import require_free, save

SHOWN = 20
"""Annotators whose skill is printed."""


def read_preferences(sources: Iterable[str | Path], format: str = "", on_bad_row: OnBadRow = "error") -> Preferences:  # noqa: A002
    """Return the records of all sources as they are, those with empty or equal responses too: people judged them.

    Raises:
        BadSource: see `plaudit.preferences.reading.read`.
        BadRow: see there.
    """
    return read_many([(source, 1.0) for source in sources], format or None, on_bad_row, on_flaw="keep")


def votes_of(preferences: Preferences, without: Sequence[str] = (), *, sides: bool = True) -> Votes:
    """Return the votes in ``preferences``, but those of the annotators ``without``.

    Raises:
        NoVotes: there are none, or none of an annotator of such a name.
    """
    votes = Votes.of(preferences, sides=sides)
    if not without:
        return votes
    kept = votes.without(*without)
    return replace(kept, left_out=dict(kept.left_out) | {f"votes of {', '.join(without)}": len(votes) - len(kept)})


def agree(
    sources: Sequence[str | Path],
    *,
    by: By | None = None,
    without: Sequence[str] = (),
    orientation: Orientation = "listed",
    ties: Ties = "keep",
    windows: int = 5,
    format: str = "",  # noqa: A002  (it is what users call it)
    on_bad_row: OnBadRow = "error",
    resamples: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Return how far the annotators of some files agree; see `plaudit.labels.agreement.agreement`."""
    votes = votes_of(read_preferences(sources, format, on_bad_row), without)
    return agreement(votes, by=by, orientation=orientation, ties=ties, windows=windows, resamples=resamples, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotators:
    """Who answers like the others, and what each leans to.

    Attributes:
        standings: each annotator who shares an item with another, against the others.
        bias: what everybody and each annotator leans to.
        left_out: votes left out, by reason.
    """

    standings: tuple[Standing, ...]
    bias: Bias
    left_out: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return standings, bias and what was left out as a plain dict."""
        standings = [one.to_json() for one in self.standings]
        return {"standings": standings, "bias": self.bias.to_json(), "left_out": dict(self.left_out)}


def judge_annotators(
    sources: Sequence[str | Path],
    *,
    correction: Correction = "fdr",
    sides: bool = True,
    without: Sequence[str] = (),
    format: str = "",  # noqa: A002  (it is what users call it)
    on_bad_row: OnBadRow = "error",
    resamples: int = 2000,
    seed: int = 0,
) -> Annotators:
    """Return who answers like the others and what each leans to; see `plaudit.labels.spammers` and `.bias`.

    Raises:
        NoVotes: no votes of named annotators, or none on items that two judged.
    """
    votes = votes_of(read_preferences(sources, format, on_bad_row), without, sides=sides).once()
    return Annotators(
        standings=spammers(votes, correction=correction, resamples=resamples, seed=seed),
        bias=bias(votes, resamples=resamples, seed=seed),
        left_out=votes.left_out,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated:
    """One label an item, written to a file.

    Attributes:
        output: the file.
        method: how the labels were made.
        rows: how many rows the file has.
        found: the labels, and what they rest on.
    """

    output: Path
    method: str
    rows: int
    found: Aggregation

    def to_json(self) -> dict[str, Any]:
        """Return file, method and numbers as a plain dict."""
        return {"output": str(self.output), "method": self.method, "rows": self.rows, **self.found.to_json()}

    def lines(self) -> list[str]:
        """Return what was done, for people."""
        numbers, found = self.to_json(), self.found
        lost = [f"! {count:,} left out: {reason}" for reason, count in found.votes.left_out.items()]
        done = (
            f"{numbers['labels']:,} labels of {numbers['votes']:,} votes by {self.method}: {found.ties:,} ties; "
            f"{found.changed:,} are not what most votes say"
        )
        ranked = sorted(numbers["skill"].items(), key=lambda pair: pair[1])
        skills = [f"  {skill:.3f}  {name}" for name, skill in ranked[:SHOWN]]
        more = [f"  … and {len(ranked) - SHOWN:,} more; --json has all"] if len(ranked) > SHOWN else []
        heading = ["skill, the least first:"] if skills else []
        return [*lost, done, *heading, *skills, *more, f"{self.rows:,} rows in {self.output}"]


def aggregate_files(
    sources: Sequence[str | Path],
    output: Path,
    *,
    method: str = "dawid_skene",
    settings: Mapping[str, Any] | None = None,
    labels: Form = "hard",
    sides: bool = True,
    certain: float = 0.99,
    format: str = "",  # noqa: A002  (it is what users call it)
    on_bad_row: OnBadRow = "error",
    as_format: str = "annotations",
    overwrite: bool = False,
) -> Aggregated:
    """Make one label of the votes on each two responses, and write the records with them to ``output``.

    Raises:
        NoVotes: no comparison has an annotator's name.
        Unsaved: the file cannot be written as asked.
        Unwritable: the format cannot hold a record.
        BadConfiguration: there is no such method, or it has no such setting.
    """
    aggregator = config.build_kind("aggregation", {"name": method, **(settings or {})}, "aggregation")
    require_free(output, overwrite=overwrite)
    votes = read_preferences(sources, format, on_bad_row)
    found = aggregate(votes, aggregator, form=labels, sides=sides, certain=certain)
    rows = save(found.preferences, output, as_format, overwrite=overwrite)
    return Aggregated(output=output, method=method, rows=rows, found=found)
