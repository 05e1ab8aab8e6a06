"""Flags: what a reader of an evaluation should know before the numbers."""

import math

import numpy as np

from plaudit.evaluation.sections import Flag, Section
from plaudit.predictions import Predictions

COLLAPSED_WITHIN = 0.005
"""A mean loss this close to log 2, in nats, says no more than a constant reward would."""

MANY_TIES = 0.05
"""Share of equal rewards from which on they are worth a word."""


def flags(predictions: Predictions, overall: Section) -> tuple[Flag, ...]:
    """Return what there is to say about predictions with the numbers ``overall``, most important first."""
    found = (
        _collapsed(predictions, overall),
        _not_above(overall),
        _equal_rewards(overall),
        _identical_sides(predictions),
        _ties(overall),
        _few_groups(overall),
    )
    return tuple(flag for flag in found if flag)


def _collapsed(predictions: Predictions, overall: Section) -> Flag | None:
    likelihood = overall.metrics.get("log_likelihood")
    if likelihood is None or abs(-likelihood.value - math.log(2)) > COLLAPSED_WITHIN:
        return None
    size = float(np.abs(predictions.margins).mean())
    what = "rewards hardly differ" if size < 0.2 else "margins are wide but not worth it: overconfident"
    sentence = (
        f"NLL {-likelihood.value:.4f} is that of a constant reward (log 2 = 0.6931); mean |margin| {size:.3g}: {what}"
    )
    return Flag("collapsed", sentence)


def _not_above(overall: Section) -> Flag | None:
    accuracy = overall.metrics.get("accuracy")
    if accuracy is None or accuracy.low is None:
        return None
    if accuracy.low <= 0.5:
        return Flag("not_above_chance", f"accuracy {accuracy} is not distinguishable from chance or below it")
    for name in ("longer_wins", "shorter_wins"):
        baseline = overall.baselines[name]
        if accuracy.low <= baseline.value:
            return Flag("not_above_length", f"accuracy {accuracy} is not clearly above {name}, {baseline}")
    return None


def _equal_rewards(overall: Section) -> Flag | None:
    if overall.equal_rewards < MANY_TIES:
        return None
    return Flag("equal_rewards", f"{overall.equal_rewards:.1%} of comparisons have two equal rewards, half a win each")


def _identical_sides(predictions: Predictions) -> Flag | None:
    same = int((predictions.chosen == predictions.rejected).sum())
    return Flag("identical_sides", f"{same} comparisons compare a response with itself") if same else None


def _ties(overall: Section) -> Flag | None:
    if not overall.ties:
        return None
    return Flag("ties", f"{overall.ties:.1%} of comparisons are ties: each counts one half for every scorer")


def _few_groups(overall: Section) -> Flag | None:
    reasons = {estimate.reason for estimate in overall.metrics.values() if estimate.reason}
    return Flag("few_groups", f"no interval: {'; '.join(sorted(reasons))}") if reasons else None
