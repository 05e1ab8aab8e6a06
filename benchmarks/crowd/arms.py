"""The arms: what a model is trained on, and with which objective, of one crowd's votes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from benchmarks.crowd.voting import Crowd
from benchmarks.rated import Floats
from plaudit import config
from plaudit.labels.aggregate import Aggregation, Form, aggregate
from plaudit.labels.aggregation import Aggregated, Aggregator
from plaudit.labels.votes import Votes
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison

Prepared = tuple[Preferences, Mapping[str, Any]]
"""Records to learn from, and the objective's configuration."""

PLAIN: Mapping[str, Any] = {"name": "bradley_terry", "use_strength": False}
WITH_STRENGTH: Mapping[str, Any] = {"name": "bradley_terry"}
RAW = "votes"
"""The arm that the others are held against."""
MAJORITY = "majority, label"
WRITTEN = "dawid_skene, label with weight and strength"
"""What ``plaudit aggregate`` writes if no other form is asked for, trained as bradley_terry trains on it."""
METHODS = ("majority", "dawid_skene", "noisy_bradley_terry")
BEST = "votes of those who know"
"""What no method can know: the votes without those of people who guess."""

Aggregations = Callable[[str, Form], Aggregation]


def aggregations(crowd: Crowd) -> Aggregations:
    """Return what makes labels of a crowd's votes by a method's name, each once."""

    @cache
    def method(name: str) -> Aggregator:
        found: Aggregator = config.build_kind("aggregation", {"name": name}, "aggregation")
        known: list[Aggregated] = []  # the votes are the same ones in every form

        def once(votes: Votes) -> Aggregated:
            known.extend([] if known else [found(votes)])
            return known[0]

        return once

    @cache
    def made(name: str, form: Form) -> Aggregation:
        return aggregate(crowd.votes, method(name), form=form, sides=False)

    return made


def _votes(crowd: Crowd, _made: Aggregations) -> Prepared:
    return crowd.votes, PLAIN


def _of_those_who_know(crowd: Crowd, _made: Aggregations) -> Prepared:
    return _edges(crowd.votes, lambda edge: edge if edge.annotator in crowd.knowing else None), PLAIN


def _crowd_bt(crowd: Crowd, _made: Aggregations) -> Prepared:
    return crowd.votes, {"name": "crowd_bt"}


def _soft(name: str) -> Callable[[Crowd, Aggregations], Prepared]:
    return lambda _crowd, made: (made(name, "soft").preferences, PLAIN)


def _weighed(name: str) -> Callable[[Crowd, Aggregations], Prepared]:
    return lambda _crowd, made: (made(name, "hard").preferences, PLAIN)


def _with_strength(name: str) -> Callable[[Crowd, Aggregations], Prepared]:
    return lambda _crowd, made: (made(name, "hard").preferences, WITH_STRENGTH)


def _likeliest(name: str) -> Callable[[Crowd, Aggregations], Prepared]:
    def prepared(_crowd: Crowd, made: Aggregations) -> Prepared:
        return _edges(made(name, "hard").preferences, lambda edge: replace(edge, weight=1.0)), PLAIN

    return prepared


def _edges(preferences: Preferences, change: Callable[[Comparison], Comparison | None]) -> Preferences:
    """Return the records with every comparison changed, or left out where that is None."""

    def records() -> Iterator[Any]:
        for record in preferences:
            kept = tuple(edge for edge in map(change, record.comparisons) if edge is not None)
            yield replace(record, comparisons=kept)

    return Preferences.of(records())


ARMS: Mapping[str, Callable[[Crowd, Aggregations], Prepared]] = {
    RAW: _votes,
    MAJORITY: _likeliest("majority"),
    "majority, soft": _soft("majority"),
    "dawid_skene, label": _likeliest("dawid_skene"),
    "dawid_skene, label with weight": _weighed("dawid_skene"),
    WRITTEN: _with_strength("dawid_skene"),
    "dawid_skene, soft": _soft("dawid_skene"),
    "noisy_bradley_terry, label with weight": _weighed("noisy_bradley_terry"),
    "noisy_bradley_terry, soft": _soft("noisy_bradley_terry"),
    "crowd_bt": _crowd_bt,
    BEST: _of_those_who_know,
}
"""By name: how the records and the objective are made."""


def right_labels(crowd: Crowd, made: Aggregations, means: Floats) -> dict[str, float]:
    """Return the share of pairs whose likeliest answer is the true order, a tie one half, by method."""
    lead = np.sign(means[crowd.pairs] @ [1.0, -1.0])
    found = {}
    for name in METHODS:
        labels = [one.comparisons[0] for one in made(name, "hard").preferences]
        said = np.array([0 if edge.tie else 1 - 2 * edge.chosen for edge in labels])
        found[name] = float(((said * lead + 1) / 2)[lead != 0].mean())
    return found
