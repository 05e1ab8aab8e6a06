"""Agreement: how far people say the same of the same responses; of all, of each, of each two, and over time.

Every figure has an interval from prompts drawn anew. See `plaudit.labels.measures` for what they mean.
"""

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.sections import plain
from plaudit.labels.bootstrap import estimate
from plaudit.labels.measures import Fleiss, Graded, Kappa, Krippendorff, Measure, Percent, Same, beside_others, tables
from plaudit.labels.votes import Floats, NoVotes, Votes

By = Literal["annotator", "pair", "time"]
Orientation = Literal["listed", "either"]
Ties = Literal["keep", "drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How some votes agree with others.

    Attributes:
        name: whose they are, or when they were given.
        votes: how many of them are on items that others judged too.
        items: on how many items.
        figures: measure to its estimate.
    """

    name: str
    votes: int
    items: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far annotators agree.

    Attributes:
        annotators: number of annotators.
        votes: number of votes, one an annotator and item.
        items: number of items that were judged.
        shared: number of items that two or more annotators judged; all figures are about these.
        orientation: which way round responses were taken: ``listed`` as in the records, ``either`` both ways.
        left_out: votes left out, by reason.
        figures: measure to its estimate; a measure that does not fit the design is NaN and says why.
        by: what ``parts`` are, or ``""``.
        parts: some votes against others.
    """

    annotators: int
    votes: int
    items: int
    shared: int
    orientation: Orientation
    left_out: Mapping[str, int]
    figures: Mapping[str, Estimate]
    by: str = ""
    parts: tuple[Part, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    either: bool
    resamples: int
    seed: int

    def estimate(self, columns: Floats, measure: Any, votes: Votes, *, share: bool = False) -> Estimate:
        return estimate(
            columns, measure.combine, votes.items.group, resamples=self.resamples, seed=self.seed, share=share
        )


def agreement(
    votes: Votes,
    *,
    by: By | None = None,
    orientation: Orientation = "listed",
    ties: Ties = "keep",
    windows: int = 5,
    resamples: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Return how far the annotators agree.

    Args:
        votes: of two annotators at least. Of an annotator's votes on one item the first counts.
        by: also each annotator against the others, each two annotators, or votes of each time against all others.
        orientation: ``listed``: labels say which response of a record was preferred; where records are sorted by
            something people see, chance takes account of it. ``either``: every item both ways round.
        ties: ``keep``, or ``drop`` those votes.
        windows: for ``time``: how many, of as many votes each.
        resamples: number of resamples behind each interval, at least 100.
        seed: of the resamples.

    Raises:
        NoVotes: no item was judged by two annotators, or ``time`` is asked for and no vote has one.
        ValueError: too few resamples or windows, or an option that is not known.
    """
    _require(by, orientation, ties, windows)
    kept = votes.once() if ties == "keep" else _without_ties(votes.once())
    shared = (kept.listed() if orientation == "listed" else kept).shared()
    if not len(shared):
        raise NoVotes(f"no two annotators judged the same responses ({len(kept)} votes); agreement needs votes shared")
    how = _How(either=orientation == "either", resamples=resamples, seed=seed)
    return Agreement(
        annotators=len(kept.annotators),
        votes=len(kept),
        items=len(kept.items),
        shared=len(shared.items),
        orientation=orientation,
        left_out=kept.left_out,
        figures=_figures(shared, how),
        by=by or "",
        parts=_parts(shared, by, windows, how),
    )


def _require(by: str | None, orientation: str, ties: str, windows: int) -> None:
    for name, value, known in (("by", by, By), ("orientation", orientation, Orientation), ("ties", ties, Ties)):
        if value is not None and value not in get_args(known):
            raise ValueError(f"{name} must be one of {', '.join(get_args(known))}, not {value!r}")
    if windows < 1:
        raise ValueError(f"windows must be 1 or more, not {windows}")


def _without_ties(votes: Votes) -> Votes:
    tied = int((votes.label == 0).sum())
    left_out = dict(votes.left_out) | ({"ties": tied} if tied else {})
    return replace(votes.select(votes.label != 0), left_out=left_out)


def _figures(votes: Votes, how: _How) -> dict[str, Estimate]:
    measures: dict[str, Measure] = {
        "percent": Percent(),
        "fleiss": Fleiss(how.either),
        "alpha_nominal": Krippendorff("nominal", how.either),
        "alpha_ordinal": Krippendorff("ordinal", how.either),
        "alpha_interval": Krippendorff("interval", how.either),
    }
    if not how.either:
        measures["alpha_nominal_either_way"] = Krippendorff("nominal", either_way=True)
    if (~np.isnan(votes.strength[votes.label != 0])).any():
        measures["alpha_graded"] = Graded(how.either)
    return {name: _figure(measure, votes, how) for name, measure in measures.items()}


def _figure(measure: Measure, votes: Votes, how: _How) -> Estimate:
    try:
        columns = measure.columns(votes)
    except NoVotes as unfit:
        return Estimate(float("nan"), None, None, str(unfit))
    return how.estimate(columns, measure, votes, share=isinstance(measure, Percent))


def _parts(votes: Votes, by: By | None, windows: int, how: _How) -> tuple[Part, ...]:
    if by is None:
        return ()
    if by == "annotator":
        masks = [(name, votes.annotator == place) for place, name in enumerate(votes.annotators)]
        return tuple(_beside(name, votes, mask, how) for name, mask in masks)
    if by == "time":
        return tuple(_beside(name, votes, mask, how) for name, mask in _windows(votes, windows))
    pairs = (_pair(one, other, votes, how) for one, other in _who_met(votes))
    return tuple(sorted(pairs, key=lambda part: -part.items))


def _beside(name: str, votes: Votes, mask: NDArray[np.bool_], how: _How) -> Part:
    columns = beside_others(votes, mask)
    return Part(
        name=name,
        votes=int(mask.sum()),
        items=int(columns.any(1).sum()),
        figures=_of_tables(columns, votes, how, Kappa("none", how.either)),
    )


def _who_met(votes: Votes) -> list[tuple[str, str]]:
    """Return the pairs of annotators that judged some item both."""
    order = np.argsort(votes.item, kind="stable")
    starts = np.flatnonzero(np.diff(votes.item[order])) + 1
    met: set[tuple[int, int]] = set()
    for people in np.split(votes.annotator[order], starts):
        met.update(itertools.combinations(sorted(people.tolist()), 2))
    return [(votes.annotators[one], votes.annotators[other]) for one, other in sorted(met)]


def _pair(one: str, other: str, votes: Votes, how: _How) -> Part:
    own = votes.by(one, other).shared()
    columns = tables(own, one, other)
    figures = _of_tables(columns, own, how, Kappa("none", how.either))
    figures["kappa_weighted"] = how.estimate(columns, Kappa("quadratic", how.either), own)
    return Part(name=f"{one} × {other}", votes=len(own), items=len(own.items), figures=figures)


def _of_tables(columns: Floats, votes: Votes, how: _How, kappa: Kappa) -> dict[str, Estimate]:
    return {"percent": how.estimate(columns, Same(), votes, share=True), "kappa": how.estimate(columns, kappa, votes)}


def _windows(votes: Votes, windows: int) -> list[tuple[str, NDArray[np.bool_]]]:
    known = np.isfinite(votes.time)
    if not known.any():
        raise NoVotes("no vote says when it was given; agreement over time needs a field 'created' in each row")
    edges = np.unique(np.quantile(votes.time[known], np.linspace(0, 1, windows + 1)))
    edges = edges if edges.size > 1 else np.repeat(edges, 2)
    place = np.clip(np.searchsorted(edges, votes.time, side="right") - 1, 0, edges.size - 2)
    return [(_span(edges[at], edges[at + 1]), known & (place == at)) for at in range(edges.size - 1)]


def _span(start: float, end: float) -> str:
    moments = (np.datetime64(round(float(moment)), "s") for moment in (start, end))
    return " to ".join(str(moment).replace("T", " ") for moment in moments)
