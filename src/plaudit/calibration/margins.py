r"""Margins of another map on the same comparisons, so that every metric and interval takes them.

A calibrated log-odds is a margin, but not always the difference of two rewards. Here each comparison gets two
responses of its own, rewarded with its margin and with 0; its groups, lengths and labels stay, so resampling is as
before.
"""

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from plaudit.evaluation.metrics import OfTerms, OwnEnds
from plaudit.predictions import Floats, Predictions


def with_margins(predictions: Predictions, margins: ArrayLike, beside: ArrayLike | None = None) -> Predictions:
    """Return the comparisons with other margins.

    Args:
        predictions: the comparisons; their strengths, variances, parts and ratings are left behind.
        margins: float64 [M], of the chosen over the rejected side.
        beside: float64 [M], one more number a comparison, kept as its strength; NaN if None.
    """
    ahead, count = np.asarray(margins, dtype=np.float64), len(predictions)
    return Predictions(
        rewards=np.concatenate([ahead, np.zeros(count)]),
        chosen=np.arange(count),
        rejected=np.arange(count) + count,
        outcome=predictions.outcome,
        weight=predictions.weight,
        strength=np.full(count, np.nan) if beside is None else np.asarray(beside, dtype=np.float64),
        response_group=np.concatenate(predictions.comparison_groups),
        by_response=predictions.by_response,
        lengths=np.concatenate([predictions.lengths[predictions.chosen], predictions.lengths[predictions.rejected]]),
        slices=predictions.slices,
    )


def bare(predictions: Predictions) -> Predictions:
    """Return the predictions without labels, identities, parts and ratings, which cost time and fit nothing."""
    return replace(predictions, slices={}, ids=(), parts={}, ratings={})


class At(OfTerms):
    """A metric at other margins than the predictions' own.

    What it is called with holds, as strengths, the place of each comparison in the set that the margins are of; so many
    sets of margins share one set of resamples. See `numbered`.
    """

    def __init__(self, metric: OfTerms, margins: Floats) -> None:
        """Take a metric, and the margins [M] of the whole set."""
        self._metric, self._margins = metric, margins
        self.range: tuple[float, float] = getattr(metric, "range", (-np.inf, np.inf))
        self.bound = metric.bound  # type: ignore[misc]  # what is true of the metric is true of it here

    def terms(self, predictions: Predictions) -> Floats:
        """Return the metric's terms at those margins."""
        return self._metric.terms(with_margins(bare(predictions), self._margins[predictions.strength.astype(np.int64)]))

    def combine(self, means: Floats) -> Floats:
        """Return what the metric makes of the means."""
        return self._metric.combine(means)


class AtWithEnds(At):
    """The same for a metric that brings its own interval."""

    def ends(self, means: Floats, resampled: Floats, level: float) -> tuple[float, float]:
        """Return the metric's own ends."""
        return cast(OwnEnds, self._metric).ends(means, resampled, level)


class Change(OfTerms):
    """How much a mean is higher at some margins than at others; called with what `numbered` returns."""

    def __init__(self, metric: OfTerms, after: Floats, before: Floats) -> None:
        """Take a metric that is the plain mean of one term a comparison, and two sets of margins [M]."""
        self._after, self._before = At(metric, after), At(metric, before)

    def terms(self, predictions: Predictions) -> Floats:
        """Return the differences of the terms, float64 [M]."""
        return self._after.terms(predictions) - self._before.terms(predictions)


def at(metric: OfTerms, margins: Floats) -> At:
    """Return the metric at margins [M] of a whole set, to be called with what `numbered` returns or a part of it."""
    return (AtWithEnds if isinstance(metric, OwnEnds) else At)(metric, margins)


def numbered(predictions: Predictions) -> Predictions:
    """Return the comparisons with their place, 0 to M - 1, as strength."""
    return with_margins(predictions, predictions.margins, beside=np.arange(len(predictions)))
