"""Crowds: annotators who compare pairs of rated texts, some of whom answer at random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd.settings import Regime, Settings
from benchmarks.rated import Rated
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Crowd:
    """The votes of a crowd, and the texts that no model may learn from.

    Attributes:
        votes: a record a pair, a comparison a vote.
        pairs: int64 [P, 2], the texts of each record.
        knowing: names of the annotators who do not guess.
        fitting, test: int64, texts for the temperature, and for the measures.
        seed: of everything.
    """

    votes: Preferences
    pairs: Ints
    knowing: frozenset[str]
    fitting: Ints
    test: Ints
    seed: int


def gathered(texts: Rated, settings: Settings, regime: Regime, seed: int) -> Crowd:
    """Return a crowd: who knows draws a rating of either text, as one of its raters gave it, and prefers the higher."""
    rng = np.random.default_rng([seed, regime.pairs, regime.each])
    order = rng.permutation(len(texts.votes))
    held = order[: round(settings.held_out * len(order))]
    pairs = order[len(held) : len(held) + 2 * regime.pairs].reshape(-1, 2)
    if len(pairs) < regime.pairs:
        raise ValueError(f"{len(order)} texts have no {regime.pairs} pairs beside those held out; ask for fewer pairs")
    guessing = round(settings.guessing * settings.people)
    names = [f"p{person:02d}" for person in range(settings.people)]
    records = []
    for number, (one, other) in enumerate(pairs.tolist()):
        people = rng.choice(settings.people, regime.each, replace=False)
        said = [_says(texts, one, other, rng, knows=person >= guessing) for person in people]
        edges = tuple(_edge(word, names[person]) for word, person in zip(said, people, strict=True))
        both = tuple(Response(content=texts.texts[at], id=str(at)) for at in (one, other))
        records.append(Preference(prompt="", responses=both, comparisons=edges, id=str(number)))
    quarter = len(held) // 4
    return Crowd(Preferences.of(records), pairs, frozenset(names[guessing:]), held[:quarter], held[quarter:], seed)


def _says(texts: Rated, one: int, other: int, rng: np.random.Generator, *, knows: bool) -> int:
    """Return 1 for the one, -1 for the other, 0 for a tie."""
    if not knows:
        return int(rng.choice([1, -1]))
    return int(np.sign(rng.choice(texts.votes[one]) - rng.choice(texts.votes[other])))


def _edge(word: int, name: str) -> Comparison:
    return Comparison(chosen=int(word < 0), rejected=int(word >= 0), tie=word == 0, annotator=name)
