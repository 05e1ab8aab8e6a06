r"""Aggregate: preferences in which several people compared the same responses become preferences with one label each.

An item has probabilities :math:`p_1, p_=, p_2` of its answers, kept within ``certain`` of certainty. They are
written in one of two forms.

``soft``: every answer is a comparison whose weight is its probability, so the loss of an item is the loss that is
expected of it, under any objective that has one term a comparison. For Bradley-Terry with margin :math:`m` and
:math:`p = p_1 + \tfrac12 p_=` it is :math:`-p\log\sigma(m) - (1-p)\log\sigma(-m)`, least at :math:`\log p/(1-p)`.

``hard``: the likeliest answer is the label. With :math:`p = p_c + \tfrac12 p_=` for the chosen response its strength is
:math:`\log p/(1-p)`, the margin at which a Bradley-Terry model gives p, and its weight :math:`|2p - 1|`, as in
`plaudit.preferences.confidence`. A tie stays a tie, without strength, and weighs its probability.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from plaudit.labels.aggregation import Aggregated, Aggregator
from plaudit.labels.votes import Votes
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference

VOTES = "votes"
"""Field of an aggregated comparison: how many votes were for the chosen response, for neither, for the other."""

PROBABILITY = "probability"
"""Field of an aggregated comparison: the probability of its label."""

FAINT = 1e-3
"""Probability of a tie below which it is no comparison of a soft label, and half of it is either side's."""

Form = Literal["soft", "hard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """Labels made of votes.

    Attributes:
        preferences: the records, with labels in place of votes.
        votes: what went in, one an annotator and item.
        found: probabilities of the votes' items, and skills of their annotators.
        ties: how many labels are ties, or likeliest to be.
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
    preferences: Preferences, method: Aggregator, *, form: Form = "hard", sides: bool = True, certain: float = 0.99
) -> Aggregation:
    """Return the records with labels in place of the votes on each two responses that named annotators compared.

    Comparisons without an annotator's name stay as they are. The new ones come after them, named by nobody, with the
    mean weight of their votes times their own.

    Args:
        preferences: records with comparisons of named annotators.
        method: see `plaudit.labels.aggregation`.
        form: how a label is written: ``soft``, a comparison for each answer, or ``hard``, one for the likeliest.
        sides: see `Votes.of`.
        certain: the highest probability that is believed, above 0.5 and below 1.

    Raises:
        NoVotes: no comparison has an annotator's name.
        ValueError: ``certain`` or ``form`` makes no sense.
    """
    if not 0.5 < certain < 1:
        raise ValueError(f"certain must be above 0.5 and below 1, not {certain}")
    if form not in get_args(Form):
        raise ValueError(f"form must be 'soft' or 'hard', not {form!r}")
    votes = Votes.of(preferences, sides=sides).once()
    found = method(votes)
    labels = _labels(votes, found, form, certain)
    records = Preferences.of_weighted(_relabelled(preferences, votes, labels))
    records.drops.update(preferences.drops)
    return Aggregation(
        preferences=records,
        votes=votes,
        found=found,
        ties=int((found.probabilities.argmax(1) == 1).sum()),
        changed=_changed(votes, found),
    )


def _labels(votes: Votes, found: Aggregated, form: Form, certain: float) -> list[list[Comparison]]:
    """Return the comparisons of each item; the first is the likeliest answer."""
    items, write = votes.items, {"soft": _soft, "hard": _hard}[form]
    rows = zip(items.first.tolist(), items.second.tolist(), items.objective, strict=True)
    return [
        write(_Item(ends, row.tolist(), count.tolist()), certain)
        for ends, row, count in zip(rows, found.probabilities, votes.counts(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Item:
    """One item: its two responses and objective, the probabilities of its answers, and how many votes each had."""

    ends: tuple[int, int, str]
    probabilities: list[float]
    counts: list[float]

    def edge(self, answer: int, **more: Any) -> Comparison:
        """Return the comparison that an answer (0 the first, 1 neither, 2 the second) is."""
        first, second, objective = self.ends
        chosen, rejected, counts = (second, first, self.counts[::-1]) if answer == 2 else (first, second, self.counts)
        extra = {VOTES: counts, PROBABILITY: self.probabilities[answer]}
        return Comparison(chosen=chosen, rejected=rejected, tie=answer == 1, objective=objective, extra=extra, **more)

    @property
    def likeliest(self) -> int:
        """The answer of most probability."""
        return int(np.argmax(self.probabilities))


def _soft(item: _Item, certain: float) -> list[Comparison]:
    """Return every answer that has a chance, weighed by its probability; the weights sum to 1."""
    first, tied, _ = item.probabilities
    tied = tied if tied >= FAINT else 0.0
    share = min(max(first + item.probabilities[1] / 2, 1 - certain), certain)
    weights = [share - tied / 2, tied, 1 - share - tied / 2]
    order = sorted(range(3), key=lambda answer: -item.probabilities[answer])
    return [item.edge(answer, weight=weights[answer]) for answer in order if weights[answer] > 0]


def _hard(item: _Item, certain: float) -> list[Comparison]:
    """Return the likeliest answer, of weight as is its confidence."""
    row, answer = item.probabilities, item.likeliest
    if answer == 1:
        return [item.edge(1, weight=row[1])]
    share = min(row[answer] + row[1] / 2, certain)
    return [item.edge(answer, strength=max(math.log(share / (1 - share)), 0.0), weight=max(2 * share - 1, 0.0))]


def _relabelled(
    preferences: Preferences, votes: Votes, written: Sequence[Sequence[Comparison]]
) -> Iterator[tuple[Preference, float]]:
    of_record: dict[int, list[Comparison]] = defaultdict(list)
    for record, edges in zip(votes.items.record.tolist(), written, strict=True):
        of_record[record].extend(edges)
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


def _changed(votes: Votes, found: Aggregated) -> int:
    counts = votes.counts()
    clear = (counts == counts.max(1, keepdims=True)).sum(1) == 1
    return int((clear & (found.probabilities.argmax(1) != counts.argmax(1))).sum())


def _named(people: Sequence[str], values: Any) -> dict[str, float | None]:
    if values is None:
        return {}
    return {name: None if math.isnan(value) else float(value) for name, value in zip(people, values, strict=True)}
