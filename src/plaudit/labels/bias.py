r"""Bias: what a side and what length are worth to people, to all and to each, with intervals.

The model is that of `plaudit.labels.logistic`. Intervals of everybody are from prompts drawn anew 2,000 times, each
time with one step of Newton's method from the values found instead of a whole fit: the difference is of the order of
their squared error. What a person adds is drawn towards 0, the more the fewer their votes, and prompts drawn anew do
not show how far it may be; so intervals of each person are from the posterior, normal about the values found.

Source: for the step, Kline and Santos, A score based approach to wild bootstrap inference, Journal of Econometric
Methods 1 (2012).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from plaudit.evaluation.intervals import FEWEST_GROUPS, Estimate, require_resamples, too_few
from plaudit.evaluation.sections import plain
from plaudit.labels.bootstrap import read_off, resampled
from plaudit.labels.logistic import Logistic
from plaudit.labels.votes import Floats, Votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaning:
    """What somebody leans to.

    Attributes:
        left: probability of the left where the two are equal; one half is none. NaN where no side is known.
        side: the same in log-odds.
        length: log-odds of a response twice as long; see `plaudit.labels.logistic` for what that can mean.
    """

    left: Estimate
    side: Estimate
    length: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """What people lean to.

    Attributes:
        everybody: on average.
        annotators: each one.
        votes: how many were looked at.
        sides: of how many of them the side is known.
        deviation: of the items' worth, in log-odds: how clear the choices were.
    """

    everybody: Leaning
    annotators: Mapping[str, Leaning]
    votes: int
    sides: int
    deviation: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def bias(votes: Votes, *, resamples: int = 2000, seed: int = 0) -> Bias:
    """Return what people lean to.

    Args:
        votes: an annotator's first on an item is the one that counts.
        resamples: number of resamples behind each interval, at least 100.
        seed: theirs.

    Raises:
        ValueError: too few resamples.
    """
    require_resamples(resamples)
    kept = votes.once()
    model = Logistic.fit(kept)
    drawn = _drawn(model, kept, resamples, seed)
    alone = _posterior(model, resamples, seed)
    groups = np.unique(kept.items.group).size
    known = np.bincount(kept.annotator[kept.swapped >= 0], minlength=len(kept.annotators))
    seen = [int(known.sum()), *known.tolist()]
    everybody, *each = (
        _leaning(at, model, alone if at else drawn, groups, side_known=count > 0) for at, count in enumerate(seen)
    )
    return Bias(
        everybody=everybody,
        annotators=dict(zip(kept.annotators, each, strict=True)),
        votes=len(kept),
        sides=int(known.sum()),
        deviation=model.deviation,
    )


def _drawn(model: Logistic, votes: Votes, resamples: int, seed: int) -> Floats:
    """Return the parameters in each resample, float64 [B, P]."""
    scores = model.design.by_item(model.values)
    sums = resampled(scores, votes.items.group, resamples=resamples, seed=seed)
    return np.asarray(model.values + (sums - scores.sum(0)) @ model.covariance, np.float64)


def _posterior(model: Logistic, draws: int, seed: int) -> Floats:
    """Return draws of the parameters, float64 [B, P]: normal, with the inverse of the curvature as their covariance."""
    values, vectors = np.linalg.eigh(model.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(model.values + np.random.default_rng(seed).normal(size=(draws, values.size)) @ root.T, np.float64)


def _leaning(at: int, model: Logistic, drawn: Floats, groups: int, *, side_known: bool) -> Leaning:
    people = model.design.people
    sides, lengths = (
        drawn[:, one] + (drawn[:, start + at - 1] if at else 0.0) for one, start in ((1, 3), (2, 3 + people))
    )
    side = _estimate(float(model.sides()[at]), sides, groups, known=side_known)
    ends = [None if end is None else float(expit(end)) for end in (side.low, side.high)]
    return Leaning(
        left=Estimate(float(expit(side.value)), ends[0], ends[1], side.reason),
        side=side,
        length=_estimate(float(model.lengths()[at]), lengths, groups, known=bool(model.design.length.any())),
    )


def _estimate(value: float, found: Floats, groups: int, *, known: bool) -> Estimate:
    if not known:
        return Estimate(float("nan"), None, None, "it is not known on which side, or how long, responses were")
    return Estimate(value, None, None, too_few(groups)) if groups < FEWEST_GROUPS else read_off(value, found, groups)
