"""Simulated annotators with a known truth."""

from dataclasses import dataclass

import numpy as np

from plaudit.labels.votes import Votes


@dataclass(frozen=True)
class Crowd:
    """Votes and what they should have been: ``truth`` [I] is 1, 0 or -1; ``guessing`` names who answers at random."""

    votes: Votes
    truth: np.ndarray
    guessing: tuple[str, ...]


def crowd(
    items: int = 40, people: int = 7, guessing: int = 2, *, each: int = 5, right: float = 0.85, ties: float = 0.1,
    seed: int = 0,
) -> Crowd:  # fmt: skip
    """Return a crowd whose last ``guessing`` members answer at random; ``each`` item is judged by so many."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([1, 0, -1], items, p=[(1 - ties) / 2, ties, (1 - ties) / 2])
    names = [f"p{place}" for place in range(people)]
    rows = []
    for item in range(items):
        for person in rng.choice(people, each, replace=False):
            knows = person < people - guessing and rng.random() < right
            rows.append((item, names[person], truth[item] if knows else rng.choice([1, 0, -1] if ties else [1, -1])))
    item, name, label = zip(*rows, strict=True)
    swapped = rng.integers(0, 2, len(rows))
    return Crowd(Votes.from_arrays(item, name, label, swapped=swapped), truth, tuple(names[people - guessing :]))
