r"""Correlations: how far what a model says of a response goes with how people rated it, attribute by attribute.

Two for each rating, both from -1 to 1 and 0 where there is no relation:

* Pearson's :math:`r = \mathrm{cov}(x, y) / (s_x s_y)`: how nearly one is a straight line of the other.
* Spearman's :math:`\rho`, which is :math:`r` of the ranks, equal values sharing the mean of theirs: how nearly one
  orders the responses as the other does. It is blind to how a model stretches its scale.

Every response counts once. Intervals come from the same resamples of groups as those of metrics
(`plaudit.evaluation.intervals`): all responses of a prompt come and go together, so responses of one prompt, whose
ratings are alike, are not taken for more evidence than they are. Ranks are made anew in each resample.

A rating is set beside the part of the reward that has its name, the reward itself, and ``length``, the number of
characters, which reads nothing: a correlation that length reaches too is not worth much.

Source: Spearman, The proof and measurement of association between two things, American Journal of Psychology 15 (1904);
resampling whole groups: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.

>>> from dataclasses import replace
>>> import numpy as np
>>> from plaudit.predictions import Predictions
>>> scored = Predictions.from_pairs([1.0, 2.0], [0.0, 8.0])
>>> rated = replace(scored, ratings={"humor": np.array([2.0, 3.0, 1.0, np.nan])})
>>> [(one.output, one.responses, one.spearman.value) for one in correlations(rated)]
[('reward', 3, 1.0)]
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from plaudit.evaluation.intervals import Estimate, intervals
from plaudit.evaluation.metrics import Metric, OfTerms, OfWeights, Reweighted, divide
from plaudit.predictions import Floats, Predictions

REWARD, LENGTH = "reward", "length"
"""What a rating is set beside besides the part of its name."""

_RATING = "rating"
_FLAT = 1e-12
"""A variance that is a smaller share of the mean square than this is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """How far one rating goes with one number of the model.

    Attributes:
        rating: name of the rating.
        output: what it is set beside: a part of the reward, ``reward``, or ``length``.
        responses: number of responses that have both.
        groups: number of groups they fall into.
        pearson: with its interval.
        spearman: likewise.
    """

    rating: str
    output: str
    responses: int
    groups: int
    pearson: Estimate
    spearman: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; a value that does not exist is None."""
        plain = asdict(self)
        for estimate in (plain["pearson"], plain["spearman"]):
            estimate["value"] = None if np.isnan(estimate["value"]) else estimate["value"]
        return plain


def correlations(
    predictions: Predictions,
    pairs: Iterable[tuple[str, str]] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Correlation, ...]:
    """Return the correlation of ratings with what the model says of the same responses.

    Args:
        predictions: with ratings; comparisons are not looked at.
        pairs: (rating, output) each; by default every rating with the part of its name, if there is one, the reward,
            and the length, if lengths are known.
        resamples: number of resamples behind each interval, at least 100.
        seed: of the resamples.

    Raises:
        ValueError: there is no such rating or output; the message lists those there are. Or too few resamples.
    """
    wanted = usual_pairs(predictions) if pairs is None else pairs
    return tuple(_correlation(predictions, *pair, resamples, seed) for pair in wanted)


def usual_pairs(predictions: Predictions) -> list[tuple[str, str]]:
    """Return which (rating, output) are set beside each other where nobody says."""
    lengths = [LENGTH] if predictions.lengths.any() else []
    beside = {name: [*([name] if name in predictions.parts else []), REWARD, *lengths] for name in predictions.ratings}
    return [(name, output) for name, outputs in beside.items() for output in outputs]


def _correlation(predictions: Predictions, rating: str, output: str, resamples: int, seed: int) -> Correlation:
    outputs = {REWARD: predictions.rewards, **predictions.parts, LENGTH: predictions.lengths.astype(np.float64)}
    stated, given = _column("rating", predictions.ratings, rating), _column("output", outputs, output)
    both = np.flatnonzero(~np.isnan(stated) & ~np.isnan(given))
    alone = _alone(predictions, both, given[both], stated[both])
    if len(both) < 2:
        found = dict.fromkeys(_METRICS, Estimate(np.nan, None, None, f"{len(both)} responses have both"))
    elif flat := [name for name, own in ((rating, stated), (output, given)) if np.ptp(own[both]) == 0]:
        reason = f"{flat[0]} is {(stated if flat[0] == rating else given)[both][0]:g} everywhere"
        found = dict.fromkeys(_METRICS, Estimate(np.nan, None, None, reason))
    else:
        found = intervals(_METRICS, alone, resamples, seed)
    groups = np.unique(alone.response_group).size
    return Correlation(rating=rating, output=output, responses=len(both), groups=groups, **found)


def _column(kind: str, columns: Mapping[str, Floats], name: str) -> Floats:
    if name not in columns:
        raise ValueError(f"no {kind} is called {name!r}; there are: {', '.join(columns) or 'none'}")
    return columns[name]


def _alone(predictions: Predictions, which: Any, given: Floats, stated: Floats) -> Predictions:
    """Return predictions in which every response is compared with itself alone: weights of comparisons are its own."""
    every = np.arange(len(which))
    return Predictions(
        rewards=given,
        chosen=every,
        rejected=every,
        outcome=np.full(every.size, 0.5),
        weight=np.ones(every.size),
        strength=np.full(every.size, np.nan),
        response_group=predictions.response_group[which],
        by_response=predictions.by_response,
        lengths=np.zeros(every.size, np.int64),
        ratings={_RATING: stated},
    )


def _sides(predictions: Predictions) -> tuple[Floats, Floats]:
    """Return the model's number and the rating of each response that `_alone` compares with itself."""
    return predictions.rewards[predictions.chosen], predictions.ratings[_RATING][predictions.chosen]


class Pearson(OfTerms):
    """The correlation of the values, of predictions in which every response stands alone."""

    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def terms(self, predictions: Predictions) -> Floats:
        """Return first and second moments, float64 [M, 5]; values are standardised, so that they cost no digits."""
        x, y = (_standard(side) for side in _sides(predictions))
        return np.stack([x, y, x * x, y * y, x * y], axis=1)

    def combine(self, means: Floats) -> Floats:
        """Return covariance over the two standard deviations, NaN where one of them is 0."""
        x, y, xx, yy, xy = np.moveaxis(means, -1, 0)
        return _ratio(xx - x * x, yy - y * y, xy - x * y, xx, yy)


class Spearman(OfWeights):
    """The correlation of the ranks, of predictions in which every response stands alone."""

    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def reweighted(self, predictions: Predictions) -> Reweighted:
        """Return the value as a function of the weights: both sides are sorted once and ranked under each."""
        ranks = [_ranking(side) for side in _sides(predictions)]

        def value(weights: Floats) -> Floats:
            """Return the correlations [B] under weights [B, N]."""
            total = weights.sum(axis=-1, keepdims=True)
            x, y = (_centred(rank(weights), weights, total) for rank in ranks)
            xx, yy, xy = ((weights * product).sum(axis=-1) for product in (x * x, y * y, x * y))
            square = np.squeeze(total, -1) ** 3
            return _ratio(xx, yy, xy, square, square)

        return value


_METRICS: dict[str, Metric] = {"pearson": Pearson(), "spearman": Spearman()}


def _standard(side: Floats) -> Floats:
    spread = side.std()
    return (side - side.mean()) / spread if spread > 0 else np.zeros_like(side)


def _centred(ranks: Floats, weights: Floats, total: Floats) -> Floats:
    return ranks - divide((weights * ranks).sum(axis=-1, keepdims=True), total)


def _ratio(xx: Floats, yy: Floats, xy: Floats, x_scale: Floats, y_scale: Floats) -> Floats:
    """Return ``xy / sqrt(xx * yy)`` within -1 and 1, NaN where one of the variances is rounding."""
    known = (xx > _FLAT * x_scale) & (yy > _FLAT * y_scale)
    found = divide(xy, np.sqrt(np.where(known, xx * yy, 0.0)))
    return np.clip(found, -1.0, 1.0)


def _ranking(side: Floats) -> Callable[[Floats], Floats]:
    """Return what gives the ranks of ``side`` under weights [B, N]: the weight of all below, and half of its equals."""
    _, place, counts = np.unique(side, return_inverse=True, return_counts=True)
    order, ends = np.argsort(place, kind="stable"), np.cumsum(counts)

    def ranks(weights: Floats) -> Floats:
        below = np.zeros((*weights.shape[:-1], weights.shape[-1] + 1))
        np.cumsum(np.take(weights, order, axis=-1), axis=-1, out=below[..., 1:])
        twice = np.take(below, ends - counts, axis=-1) + np.take(below, ends, axis=-1)
        return np.asarray(np.take(twice, place, axis=-1) / 2)

    return ranks
