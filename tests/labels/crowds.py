"""Simulated annotators with a known truth."""

from dataclasses import dataclass

import numpy as np

from plaudit.labels.items import Items
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


def leaning(
    items: int = 300, people: int = 6, *, each: int = 4, side: float = 0.7, length: float = 0.3, left: float = 0.5,
    own: dict[int, float] | None = None, seed: int = 0,
) -> tuple[Votes, np.ndarray]:  # fmt: skip
    """Return votes of people who lean to the left and to length, and what each item is worth [I].

    Args:
        items: how many.
        people: how many.
        each: votes an item.
        side: log-odds of the left between equals.
        length: log-odds of a response twice as long.
        left: how often the better response stands on the left.
        own: what single people add to ``side``.
        seed: of everything.
    """
    rng = np.random.default_rng(seed)
    worth, characters = rng.normal(0, 1.2, items), rng.integers(50, 800, (items, 2))
    item = np.repeat(np.arange(items), each)
    person = np.concatenate([rng.choice(people, each, replace=False) for _ in range(items)])
    first_left = (rng.random(item.size) < left) == (worth[item] > 0)
    sign = np.where(first_left, 1.0, -1.0)
    longer = np.log2(1 + characters) @ [1, -1]
    leans = side + np.array([(own or {}).get(one, 0.0) for one in range(people)])[person]
    chance = 1 / (1 + np.exp(-(worth[item] + sign * leans + length * longer[item])))
    label = np.where(rng.random(item.size) < chance, 1, -1)
    names = [f"p{one}" for one in person]
    catalogue = Items.plain(items, characters)
    return Votes.from_arrays(item, names, label, swapped=(sign < 0).astype(int), items=catalogue), worth
