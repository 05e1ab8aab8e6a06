"""One seed: a split, a pool with one vote for each comparison, and every strategy from the same start."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from benchmarks.rated import Rated
from benchmarks.selection.head import Head, fit, most_probable
from benchmarks.selection.settings import STRATEGIES, Settings
from plaudit import members
from plaudit.labels.pool import Floats, Ints, Pool

FIGURES = ("accuracy", "nll")
Curve = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """M comparisons of two texts.

    Attributes:
        rows: float64 [M, d], features of the first less those of the second.
        shares: float64 [M], how likely a rating of the first, drawn at random, is above one of the second; ties half.
        leads: float64 [M], mean rating of the first less that of the second.
        ends: int64 [M, 2], the texts.
    """

    rows: Floats
    shares: Floats
    leads: Floats
    ends: Ints


def one_seed(settings: Settings, texts: Rated, seed: int) -> dict[str, Curve]:
    """Return for each strategy its figures after each round."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(texts.votes))
    held = order[: round(settings.held_out * len(order))]
    pool = compared(texts, pairs(order[len(held) :], settings.pool, rng))
    test = compared(texts, pairs(held, settings.tested, rng))
    votes = (rng.random(len(pool.shares)) < pool.shares).astype(np.float64)
    start = rng.permutation(len(votes))[: settings.start]
    return {
        name: learned(settings, name, texts, pool, votes, start, test, np.random.default_rng([seed, place]))
        for place, name in enumerate(settings.strategies)
    }


def pairs(texts: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Return ``count`` different pairs of different texts, int64 [count, 2], all equally likely."""
    size = len(texts)
    if count > size * (size - 1) // 2:
        raise ValueError(f"{size} texts make fewer than {count} pairs; read more of them, or ask for fewer pairs")
    found: dict[tuple[int, int], None] = {}
    while len(found) < count:
        first, second = (int(place) for place in rng.integers(size, size=2))
        if first != second and (second, first) not in found:
            found[first, second] = None
    return np.asarray(texts[np.array(list(found))], np.int64)


def compared(texts: Rated, ends: Ints) -> Comparisons:
    """Return the comparisons of the pairs ``ends``."""
    signs = [np.sign(texts.votes[a][:, None] - texts.votes[b][None, :]).mean() for a, b in ends.tolist()]
    first, second = ends.T
    return Comparisons(
        texts.features[first] - texts.features[second],
        (np.array(signs, np.float64) + 1) / 2,
        texts.means[first] - texts.means[second],
        ends,
    )


def learned(
    settings: Settings, name: str, texts: Rated, pool: Comparisons, votes: Floats, start: Ints, test: Comparisons,
    rng: np.random.Generator,
) -> Curve:  # fmt: skip
    """Return the figures after the start and after each round of choosing, labelling and fitting anew."""
    kind, own = STRATEGIES[name]
    select: Any = members.load("selectors", kind)(**own)
    labelled, curve = start, Curve({figure: [] for figure in FIGURES})
    for number in range(settings.rounds + 1):
        head = fit(pool.rows[labelled], votes[labelled])
        for figure, value in measured(head, test, settings.gap).items():
            curve[figure].append(value)
        if number < settings.rounds:
            left = np.setdiff1d(np.arange(len(votes)), labelled)
            there = seen(settings, kind, head, texts, pool, votes, labelled, left, rng)
            labelled = np.concatenate([labelled, left[select(there, settings.batch, rng)]])
    return curve


def seen(
    settings: Settings, kind: str, head: Head, texts: Rated, pool: Comparisons, votes: Floats, labelled: Ints,
    left: Ints, rng: np.random.Generator,
) -> Pool:  # fmt: skip
    """Return what the head says of the comparisons that are left.

    Features are scaled by the root of the covariance, as those of a Laplace model are. An ensemble's members learn each
    from a resample of the labels, around a draw from the prior; BALD asks draws of the posterior.
    """
    rows = pool.rows[left]
    asked = {"bald": _drawn, "disagreement": _resampled}.get(kind)
    weights = None if asked is None else asked(settings, head, pool.rows[labelled], votes[labelled], rng)
    sides = (texts.features[pool.ends[left, 0]] @ head.root, texts.features[pool.ends[left, 1]] @ head.root)
    return Pool(rows @ head.weights, None if weights is None else weights @ rows.T, sides, precision=1.0)


def _drawn(settings: Settings, head: Head, rows: Floats, votes: Floats, rng: np.random.Generator) -> Floats:
    del rows, votes
    return np.asarray(head.weights + rng.normal(size=(settings.draws, len(head.weights))) @ head.root.T, np.float64)


def _resampled(settings: Settings, head: Head, rows: Floats, votes: Floats, rng: np.random.Generator) -> Floats:
    found = []
    for _ in range(settings.members):
        centre = rng.normal(size=len(head.weights)) / np.sqrt(head.precision)
        again = rng.integers(len(rows), size=len(rows))
        found.append(most_probable(rows[again], votes[again], head.precision, head.weights, centre))
    return np.stack(found)


def measured(head: Head, test: Comparisons, gap: float) -> dict[str, float]:
    """Return accuracy where mean ratings are ``gap`` apart, ties a half, and the mean NLL of one more vote on any."""
    margins = test.rows @ head.weights
    clear = np.abs(test.leads) >= gap
    right = (np.sign(margins[clear]) * np.sign(test.leads[clear]) + 1) / 2
    nll = -(test.shares * log_expit(margins) + (1 - test.shares) * log_expit(-margins))
    return {"accuracy": float(right.mean()), "nll": float(nll.mean())}


def best_possible(texts: Rated, settings: Settings, seed: int) -> float:
    """Return the NLL that knowing everybody's ratings would leave: the entropy of one more vote."""
    test = compared(texts, pairs(np.arange(len(texts.votes)), settings.tested, np.random.default_rng(seed)))
    shares: NDArray[np.float64] = np.clip(test.shares, 1e-12, 1 - 1e-12)
    return float(-(shares * np.log(shares) + (1 - shares) * np.log(1 - shares)).mean())
