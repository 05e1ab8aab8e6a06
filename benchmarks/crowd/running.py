"""One crowd: its arms trained and measured; and the ridges, chosen on crowds that are not reported."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.crowd.arms import ARMS, Aggregations, aggregations, right_labels
from benchmarks.crowd.measures import Asked
from benchmarks.crowd.settings import RIDGES, TUNING, Regime, Settings
from benchmarks.crowd.training import Comparisons, comparisons, fit
from benchmarks.crowd.voting import Crowd, gathered
from benchmarks.rated import Rated

Ridges = Mapping[str, float]


def chosen_ridges(texts: Rated, settings: Settings, regime: Regime) -> dict[str, float]:
    """Return each arm's ridge: the one whose scaled NLL, meant over the tuning crowds, is least."""
    losses = {name: np.zeros(len(RIDGES)) for name in ARMS}
    for seed in range(TUNING, TUNING + settings.tuning):
        crowd = gathered(texts, settings, regime, seed)
        asked = Asked.of(texts, crowd, settings)
        for name, held, objective in _prepared(texts, crowd, aggregations(crowd)):
            weights = (fit(held, objective, ridge)[0] for ridge in RIDGES)
            losses[name] += [asked.answered(texts.features @ own)["nll_scaled"] for own in weights]
    return {name: RIDGES[int(own.argmin())] for name, own in losses.items()}


def one_crowd(texts: Rated, settings: Settings, regime: Regime, seed: int, ridges: Ridges) -> dict[str, Any]:
    """Return the figures of every arm, the share of right labels, and the reliabilities that crowd_bt learned."""
    crowd = gathered(texts, settings, regime, seed)
    asked, made = Asked.of(texts, crowd, settings), aggregations(crowd)
    arms: dict[str, dict[str, float]] = {}
    told: dict[str, float] = {}
    for name, held, objective in _prepared(texts, crowd, made):
        weights, learned = fit(held, objective, ridges[name])
        arms[name] = asked.answered(texts.features @ weights)
        told |= learned
    people = {name: told[name] for name in sorted(told) if name.startswith("p")}
    guessing = [told[name] for name in people if name not in crowd.knowing]
    knowing = [told[name] for name in people if name in crowd.knowing]
    return {
        "arms": arms,
        "labels": right_labels(crowd, made, texts.means),
        "reliability": {"guess": _mean(guessing), "know": _mean(knowing)},
    }


def _prepared(texts: Rated, crowd: Crowd, made: Aggregations) -> Iterator[tuple[str, Comparisons, Mapping[str, Any]]]:
    for name, prepare in ARMS.items():
        preferences, objective = prepare(crowd, made)
        yield name, comparisons(preferences, crowd, texts.features), objective


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
