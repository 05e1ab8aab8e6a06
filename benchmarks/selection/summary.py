"""What the curves of all seeds say: means, paired differences from random, labels needed for equal accuracy.

Whether a strategy differs from random in accuracy over the whole curve is a paired t-test over seeds, corrected for the
number of strategies by Holm's method.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.stats import t, ttest_1samp

from benchmarks.selection.running import FIGURES, Curve
from benchmarks.selection.settings import Settings
from plaudit.evaluation.compare import holm
from plaudit.evaluation.intervals import upper_level
from plaudit.labels.pool import Floats

LEVEL, ALPHA = 0.95, 0.05
AT = (0.25, 0.5, 0.75)
"""Shares of random's last budget at whose accuracy labels are compared."""


def summarise(settings: Settings, runs: Sequence[Mapping[str, Curve]]) -> dict[str, Any]:
    """Return the figures of every strategy.

    Args:
        settings: of the run.
        runs: the curves by strategy, a mapping a seed.
    """
    found: dict[str, Any] = {}
    for name in settings.strategies:
        curves = {figure: np.array([run[name][figure] for run in runs]) for figure in FIGURES}
        random = {figure: np.array([run["random"][figure] for run in runs]) for figure in FIGURES}
        found[name] = {
            "curves": {figure: [estimate(column) for column in curves[figure].T] for figure in FIGURES},
            "over_random": {
                figure: [estimate(column) for column in (curves[figure] - random[figure]).T] for figure in FIGURES
            },
            "whole_curve": {figure: estimate((curves[figure] - random[figure])[:, 1:].mean(1)) for figure in FIGURES},
            "labels": labels_needed(settings, curves["accuracy"], random["accuracy"]),
        }
        found[name]["p"] = _paired(curves["accuracy"] - random["accuracy"]) if name != "random" else None
    return corrected(found)


def corrected(found: dict[str, Any]) -> dict[str, Any]:
    """Return the figures with ``holm`` beside ``p``: the p-value corrected for the number of strategies."""
    tested = [name for name, own in found.items() if own["p"] is not None]
    for name, p in zip(tested, holm(np.array([found[name]["p"] for name in tested], np.float64)), strict=True):
        found[name]["holm"] = float(p)
    return found


def _paired(over: Floats) -> float:
    """Return the p-value of a mean difference over the whole curve, two-sided; 1 where no seed has any."""
    apart = over[:, 1:].mean(1)
    return float(ttest_1samp(apart, 0.0).pvalue) if np.ptp(apart) else float(not apart.any())


def estimate(values: Floats) -> dict[str, float]:
    """Return the mean over seeds with its 95 % interval by Student's t."""
    count = len(values)
    reach = float(t.ppf((1 + LEVEL) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    middle = float(values.mean())
    return {"value": middle, "low": middle - reach, "high": middle + reach}


def labels_needed(settings: Settings, own: Floats, random: Floats) -> list[dict[str, Any]]:
    """Return how many labels each needs for the accuracy that random has at some of its budgets, and their ratio.

    Curves are averaged over seeds, made to rise, and read between budgets by straight lines. Intervals are quantiles
    over resampled seeds, the same ones for both; where too many of them never get there, an end is open (None): the
    upper one for the strategy, the lower one for random.
    """
    budgets = np.array(settings.budgets, np.float64)
    draws = np.random.default_rng(0).integers(len(own), size=(settings.resamples, len(own)))
    curves = tuple(rising(table.mean(0)) for table in (own, random))
    again = [tuple(rising(table[places].mean(0)) for table in (own, random)) for places in draws]
    targets = np.interp(np.array(AT) * budgets[-1], budgets, curves[1])
    edge = upper_level(len(own))
    return [_needed(budgets, curves, again, float(target), edge) for target in targets]


def _needed(
    budgets: Floats, curves: Sequence[Floats], again: Sequence[Sequence[Floats]], target: float, edge: float
) -> dict[str, Any]:
    own, random = (reached(budgets, curve, target) for curve in curves)
    ratios = np.array([_ratio(*(reached(budgets, curve, target) for curve in pair)) for pair in again])
    low, high = np.quantile(ratios, (1 - edge, edge), method="nearest")
    return {
        "accuracy": target,
        "labels": _finite(own),
        "random": _finite(random),
        "ratio": {
            "value": _finite(_ratio(own, random)),
            "low": _finite(float(low)) or None,
            "high": _finite(float(high)),
        },
    }


def _ratio(own: float, random: float) -> float:
    """Return own over random; where both never get there nothing is known, which is taken as no difference."""
    return 1.0 if np.isinf(own) and np.isinf(random) else own / random


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def rising(curve: Floats) -> Floats:
    """Return the curve that never falls and is closest to ``curve`` in squares."""
    return np.asarray(isotonic_regression(curve).x, np.float64)


def reached(budgets: Floats, risen: Floats, target: float) -> float:
    """Return the labels at which a curve that never falls gets to ``target``; infinity where it never does."""
    if risen[-1] < target:
        return float("inf")
    place = int(np.argmax(risen >= target))
    if place == 0:
        return float(budgets[0])
    before, after = risen[place - 1], risen[place]
    return float(budgets[place - 1] + (target - before) / (after - before) * (budgets[place] - budgets[place - 1]))


def verdict(summary: Mapping[str, Any]) -> str:
    """Return in a sentence which strategies are better or worse than random over the whole curve, after Holm."""
    sides: dict[str, list[str]] = {"better": [], "worse": []}
    for name, own in summary.items():
        gain = own["whole_curve"]["accuracy"]
        if name != "random" and own["holm"] <= ALPHA:
            said = f"{name} ({100 * gain['value']:+.2f} points, p {own['holm']:.2g} after Holm)"
            sides["better" if gain["value"] > 0 else "worse"].append(said)
    if not sides["better"] and not sides["worse"]:
        return "No strategy can be told from random by its accuracy over the whole curve, as Gleave and Irving found."
    better = f"Better than random over the whole curve: {', '.join(sides['better'])}." if sides["better"] else (
        "None is better than random over the whole curve, as Gleave and Irving found."
    )  # fmt: skip
    return better + (f" Worse: {', '.join(sides['worse'])}." if sides["worse"] else "")
