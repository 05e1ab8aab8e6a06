"""What the crowds say: means, paired differences with intervals over crowds, and corrected p-values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import ttest_1samp

from benchmarks.crowd.arms import ARMS, BEST, MAJORITY, METHODS, RAW, WRITTEN
from benchmarks.crowd.measures import FIGURES
from benchmarks.rated import Floats
from benchmarks.selection.summary import estimate
from plaudit.evaluation.compare import holm

ALPHA = 0.05
AGAINST = (RAW, MAJORITY, WRITTEN)
"""Arms that all others are set beside."""
LABELS = "majority"

Runs = Mapping[str, Sequence[Mapping[str, Any]]]
"""By regime, what each crowd gave."""


def summarise(runs: Runs) -> dict[str, Any]:
    """Return the figures of each regime; p-values of accuracy against raw votes are corrected over all regimes."""
    found = {regime: _of_regime(own) for regime, own in runs.items()}
    tested = [(regime, name) for regime in found for name in ARMS if name not in (RAW, BEST)]
    p = np.array([_p(_differences(runs[regime], name, RAW)["accuracy"]) for regime, name in tested])
    for (regime, name), raw, corrected in zip(tested, p, holm(p), strict=True):
        found[regime]["arms"][name] |= {"p": float(raw), "holm": float(corrected)}
    return found


def _of_regime(crowds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    arms = {}
    for name in ARMS:
        means = {figure: estimate(_column(crowds, name, figure)) for figure in (*FIGURES, "temperature")}
        beside = {
            other: {figure: estimate(own) for figure, own in _differences(crowds, name, other).items()}
            for other in AGAINST
            if other != name
        }
        arms[name] = {"means": means, "beside": beside}
    rights = {name: np.array([crowd["labels"][name] for crowd in crowds]) for name in METHODS}
    labels = {name: {"right": estimate(own), "gained": estimate(own - rights[LABELS])} for name, own in rights.items()}
    told = [crowd["reliability"] for crowd in crowds]
    reliability = {
        who: estimate(np.array([one[who] for one in told], np.float64))
        for who in ("guess", "know")
        if all(one[who] is not None for one in told)
    }
    return {"arms": arms, "labels": labels, "reliability": reliability}


def _column(crowds: Sequence[Mapping[str, Any]], name: str, figure: str) -> Floats:
    return np.array([crowd["arms"][name][figure] for crowd in crowds], np.float64)


def _differences(crowds: Sequence[Mapping[str, Any]], name: str, other: str) -> dict[str, Floats]:
    return {figure: _column(crowds, name, figure) - _column(crowds, other, figure) for figure in FIGURES}


def _p(differences: Floats) -> float:
    """Return the two-sided p-value of a mean difference; 1 where there is none anywhere."""
    return float(ttest_1samp(differences, 0.0).pvalue) if np.ptp(differences) else float(not differences.any())


def verdict(summary: Mapping[str, Any]) -> str:
    """Return, an arm a line, in how many regimes it is better than raw votes in accuracy, and by how much."""
    told = []
    for name in ARMS:
        if name in (RAW, BEST):
            continue
        gains = {regime: own["arms"][name] for regime, own in summary.items()}
        sure = [one for one in gains.values() if one["holm"] <= ALPHA]
        better = sum(one["beside"][RAW]["accuracy"]["value"] > 0 for one in sure)
        values = [100 * one["beside"][RAW]["accuracy"]["value"] for one in gains.values()]
        span = f"{min(values):+.2f} to {max(values):+.2f} points"
        told.append(f"- `{name}`: better in {better}, worse in {len(sure) - better} ({span})")
    return f"Accuracy beside raw votes, of {len(summary)} regimes, at 5 % after Holm:\n\n" + "\n".join(told)
