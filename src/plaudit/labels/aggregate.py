r"""Aggregate: preferences in which several people compared the same responses become preferences with one label each.

Of an item with probabilities :math:`p_1, p_=, p_2` the likeliest answer is the label. With
:math:`p = p_c + \tfrac12 p_=` for the chosen response, kept within ``certain`` of certainty, its strength is
:math:`\log p/(1-p)`, the margin at which a Bradley-Terry model gives p, and its weight :math:`|2p - 1|`, as in
`plaudit.preferences.confidence`. A tie stays a tie, without strength, and weighs its probability.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plaudit.labels.aggregation import Aggregated, Aggregator
from plaudit.labels.votes import Votes
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference

VOTES = "votes"
"""Field of an aggregated comparison: how many votes were for the chosen response, for neither, for the other."""

PROBABILITY = "probability"
"""Field of an aggregated comparison: the probability of its label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """Labels made of votes.

    Attributes:
        preferences: the records, with one comparison an item in place of its votes.
        votes: what went in, one an annotator and item.
        found: probabilities of the votes' items, and skills of their annotators.
        ties: how many labels are ties.
        changed: how many labels are not what most votes say, where most say one thing.
    """

    preferences: Preferences
    votes: Votes
    found: Aggregated
    ties: int
    changed: int

    def to_json(self) -> dict[str, Any]:
        """Return numbers, what was left out, and skill and bias by annotator, as a plain dict."""
        people = self.votes.annotators
        return {
            "labels": len(self.votes.items),
            "votes": len(self.votes),
            "ties": self.ties,
            "changed": self.changed,
            "left_out": dict(self.votes.left_out),
            "skill": _named(people, self.found.skill),
            "bias": _named(people, self.found.bias),
        }


def aggregate(
    preferences: Preferences, method: Aggregator, *, sides: bool = True, certain: float = 0.99
) -> Aggregation:
    """Return the records with one comparison for each two responses that named annotators compared.

    Comparisons without an annotator's name stay as they are. The new ones come after them, named by nobody, with the
    mean weight of their votes times their confidence.

    Args:
        preferences: records with comparisons of named annotators.
        method: see `plaudit.labels.aggregation`.
        sides: see `Votes.of`.
        certain: the highest probability that is believed, above 0.5 and below 1.

    Raises:
        NoVotes: no comparison has an annotator's name.
        ValueError: ``certain`` makes no sense.
    """
    if not 0.5 < certain < 1:
        raise ValueError(f"certain must be above 0.5 and below 1, not {certain}")
    votes = Votes.of(preferences, sides=sides).once()
    found = method(votes)
    edges = _edges(votes, found, certain)
    records = Preferences.of_weighted(_relabelled(preferences, votes, edges))
    records.drops.update(preferences.drops)
    return Aggregation(
        preferences=records,
        votes=votes,
        found=found,
        ties=sum(edge.tie for edge in edges),
        changed=_changed(votes, edges),
    )


def _edges(votes: Votes, found: Aggregated, certain: float) -> list[Comparison]:
    """Return a comparison an item, of weight as is its confidence."""
    counts, items = votes.counts(), votes.items
    answers = found.probabilities.argmax(1)
    rows = zip(items.first.tolist(), items.second.tolist(), items.objective, strict=True)
    return [
        _edge(ends, int(answer), row, count.tolist(), certain)
        for ends, answer, row, count in zip(rows, answers, found.probabilities, counts, strict=True)
    ]


def _edge(ends: tuple[int, int, str], answer: int, row: Any, counts: list[float], certain: float) -> Comparison:
    first, second, objective = ends
    turned = answer == 2
    chosen, rejected = (second, first) if turned else (first, second)
    extra = {VOTES: counts[::-1] if turned else counts, PROBABILITY: float(row[answer])}
    if answer == 1:
        return Comparison(
            chosen=chosen, rejected=rejected, tie=True, weight=float(row[1]), objective=objective, extra=extra
        )
    share = min(float(row[answer] + row[1] / 2), certain)
    strength = max(math.log(share / (1 - share)), 0.0)
    weight = max(2 * share - 1, 0.0)
    return Comparison(
        chosen=chosen, rejected=rejected, strength=strength, weight=weight, objective=objective, extra=extra
    )


def _relabelled(
    preferences: Preferences, votes: Votes, edges: Sequence[Comparison]
) -> Iterator[tuple[Preference, float]]:
    of_record: dict[int, list[Comparison]] = defaultdict(list)
    for record, edge in zip(votes.items.record.tolist(), edges, strict=True):
        of_record[record].append(edge)
    for index, (preference, weight) in enumerate(preferences.weighted()):
        unnamed = [edge for edge in preference.comparisons if not edge.annotator]
        means = _mean_weights(preference)
        labels = [replace(edge, weight=edge.weight * means[_key(edge)]) for edge in of_record[index]]
        yield replace(preference, comparisons=(*unnamed, *labels)), weight


def _key(edge: Comparison) -> tuple[int, int, str]:
    return min(edge.chosen, edge.rejected), max(edge.chosen, edge.rejected), edge.objective


def _mean_weights(preference: Preference) -> dict[tuple[int, int, str], float]:
    totals: Counter[tuple[int, int, str]] = Counter()
    counts: Counter[tuple[int, int, str]] = Counter()
    for edge in preference.comparisons:
        if edge.annotator:
            totals[_key(edge)] += edge.weight  # type: ignore[assignment]  # a Counter adds up any number
            counts[_key(edge)] += 1
    return {key: totals[key] / count for key, count in counts.items()}


def _changed(votes: Votes, edges: Sequence[Comparison]) -> int:
    counts = votes.counts()
    most = counts.argmax(1)
    clear = (counts == counts.max(1, keepdims=True)).sum(1) == 1
    labels = np.array(
        [1 if edge.tie else 2 * int(edge.chosen != first) for edge, first in zip(edges, votes.items.first, strict=True)]
    )
    return int((clear & (labels != most)).sum())


def _named(people: Sequence[str], values: Any) -> dict[str, float | None]:
    if values is None:
        return {}
    return {name: None if math.isnan(value) else float(value) for name, value in zip(people, values, strict=True)}
