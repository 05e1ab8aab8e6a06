r"""Margins of another map on the same comparisons, so that every metric and interval takes them.

A calibrated log-odds is a margin, but not always the difference of two rewards. Here each comparison gets two
responses of its own, at plus and minus half its margin; its groups, lengths and labels stay, so resampling is as
before.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from plaudit.evaluation.metrics import OfTerms
from plaudit.predictions import Floats, Predictions


def with_margins(predictions: Predictions, margins: ArrayLike, beside: ArrayLike | None = None) -> Predictions:
    """Return the comparisons with other margins.

    Args:
        predictions: the comparisons; their strengths, variances, parts and ratings are left behind.
        margins: float64 [M], of the chosen over the rejected side.
        beside: float64 [M], one more number a comparison, kept as its strength; NaN if None.
    """
    half, count = np.asarray(margins, dtype=np.float64) / 2, len(predictions)
    return Predictions(
        rewards=np.concatenate([half, -half]),
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


class Change(OfTerms):
    """How much a mean is higher at the margins than at those that stand beside them in ``strength``."""

    def __init__(self, metric: OfTerms) -> None:
        """Take a metric that is the plain mean of one term a comparison."""
        self._metric = metric

    def terms(self, predictions: Predictions) -> Floats:
        """Return the differences of the terms, float64 [M]."""
        before = with_margins(bare(predictions), predictions.strength)
        return self._metric.terms(predictions) - self._metric.terms(before)
