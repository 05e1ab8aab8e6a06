"""Distributions: how margins and rewards are spread, what a margin costs, and where a reward falls among the others.

Numbers for plots: counts, percentiles and curves of the predictions at hand. They describe these and claim nothing of
others, so they have no intervals.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import expit

from plaudit.predictions import Floats, Integers, Predictions

BANDS = (("lowest 5 %", 0, 5), ("low", 5, 25), ("middle", 25, 75), ("high", 75, 95), ("highest 5 %", 95, 100))
"""Name, and the percentiles from which and up to which a reward is called so."""

BINS = 40
GRID = 81
POINTS = 1200
"""At most so many responses are shown one by one."""


def histogram(columns: Mapping[str, Floats], bins: int = BINS) -> dict[str, Any]:
    """Return ``edges`` and for each column its ``counts``, on the same bins.

    Args:
        columns: name to values, float64 of any length.
        bins: how many; fewer where no value differs.
    """
    every = np.concatenate([*columns.values()]) if columns else np.zeros(0)
    if not every.size:
        return {"edges": [], "counts": {}}
    edges = np.histogram_bin_edges(every, bins)
    counts = {name: np.histogram(own, edges)[0].tolist() for name, own in columns.items()}
    return {"edges": edges.tolist(), "counts": counts}


def margins(predictions: Predictions) -> dict[str, Any]:
    """Return the histogram of margins, apart for comparisons that are ties, of positive weight."""
    counted = predictions.weight > 0
    tied = predictions.outcome == 0.5
    sides = {"decided": predictions.margins[counted & ~tied], "ties": predictions.margins[counted & tied]}
    return histogram({name: own for name, own in sides.items() if own.size})


def rewards(predictions: Predictions) -> dict[str, Any]:
    """Return the histogram of the rewards of chosen and of rejected responses, a response once a comparison."""
    decided = (predictions.weight > 0) & (predictions.outcome == 1)
    sides = {"chosen": predictions.chosen[decided], "rejected": predictions.rejected[decided]}
    return histogram({name: predictions.rewards[own] for name, own in sides.items()})


def compared(predictions: Predictions) -> Integers:
    """Return the responses that are in a comparison of positive weight, int64, ascending."""
    counted = predictions.weight > 0
    return np.unique(np.concatenate([predictions.chosen[counted], predictions.rejected[counted]]))


def reference(predictions: Predictions) -> dict[str, Any]:
    """Return the percentiles 0 to 100 of the rewards of all compared responses, and the bands.

    A reward says nothing by itself: this is what it can be held against.
    """
    found = predictions.rewards[compared(predictions)]
    levels = np.percentile(found, np.arange(101)) if found.size else np.zeros(0)
    bands = [
        {"band": name, "from": float(levels[low]), "to": float(levels[high]), "percentiles": [low, high]}
        for name, low, high in BANDS
        if found.size
    ]
    return {"responses": int(found.size), "percentiles": levels.tolist(), "bands": bands}


def percentile(reward: float, percentiles: list[float]) -> float:
    """Return where a reward falls, 0 to 100: the mean of the shares of responses below it and not above it."""
    levels = np.asarray(percentiles)
    below, until = np.searchsorted(levels, reward, "left"), np.searchsorted(levels, reward, "right")
    if below < until:  # equal to one percentile or more
        return float((below + until - 1) / 2)
    return float(np.interp(reward, levels, np.arange(levels.size)))


def band(place: float) -> str:
    """Return the name of the band that a percentile, 0 to 100, falls in."""
    return next((name for name, _, high in BANDS if place < high), BANDS[-1][0])


def losses(predictions: Predictions) -> dict[str, Any]:
    """Return probability and loss against the margin, and where the margins of these comparisons lie on the curve.

    ``curve`` holds margins, probability and loss in nats; ``deciles`` for each tenth of the comparisons, by margin, its
    mean margin, probability and loss.
    """
    decided = (predictions.weight > 0) & (predictions.outcome == 1)
    found = np.sort(predictions.margins[decided])
    reach = max(4.0, float(np.abs(found).max(initial=0.0)))
    grid = np.linspace(-reach, reach, GRID)
    curve = {"margin": grid, "probability": expit(grid), "loss": _loss(grid)}
    ends = np.linspace(0, found.size, 11).round().astype(int)
    tenths = [found[start:end] for start, end in pairwise(ends.tolist()) if end > start]
    deciles = [
        {
            "margin": float(own.mean()),
            "from": float(own[0]),
            "to": float(own[-1]),
            "probability": float(expit(own).mean()),
            "loss": float(_loss(own).mean()),
            "comparisons": int(own.size),
        }
        for own in tenths
    ]
    return {"curve": {name: column.tolist() for name, column in curve.items()}, "deciles": deciles}


def _loss(values: Floats) -> Floats:
    return np.logaddexp(0.0, -values)


def scatter(predictions: Predictions, most: int = POINTS, seed: int = 0) -> dict[str, Any]:
    """Return length and reward of the compared responses, of at most ``most`` of them, drawn at random."""
    found = compared(predictions)
    drawn = found
    if found.size > most:
        drawn = np.sort(np.random.default_rng(seed).choice(found, most, replace=False))
    return {
        "responses": int(found.size),
        "lengths": predictions.lengths[drawn].tolist(),
        "rewards": predictions.rewards[drawn].tolist(),
    }
