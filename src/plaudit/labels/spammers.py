r"""Spammers: whose answers could as well have been drawn from a hat.

For each annotator, :math:`T = \sum_v s_v(y_v)` adds up the share of other votes that say the same. If the answers had
nothing to do with the items, any order of them would have been as likely; over all orders T has a known mean and
variance, and :math:`z = (T - \mu)/\sigma` is about normal; of fewer than 30 answers, whose T is far from it, 2,000
orders are drawn and counted instead. Always the left, or always a tie, is such an answer too:
labels say nothing about sides. The one-sided p-values are corrected for the number of annotators, by Holm or for the
false discovery rate (Benjamini and Hochberg).

An annotator *agrees* where the corrected p is at most 0.05, *opposes* the others where the other tail's is, *guesses*
where neither is and the upper end of kappa against the others stays below 0.2, and is *unclear* otherwise.

Source: the permutation test of a linear statistic, Hoeffding, A combinatorial central limit theorem, Annals of
Mathematical Statistics 22 (1951).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy.stats import false_discovery_control, norm

from plaudit.evaluation.compare import holm
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.metrics import divide
from plaudit.evaluation.sections import plain
from plaudit.labels.bootstrap import estimate
from plaudit.labels.items import Integers
from plaudit.labels.measures import Kappa, ascending, beside_others
from plaudit.labels.votes import Floats, NoVotes, Votes

MANY, ORDERS = 30, 2000
"""Answers from which the normal distribution is good enough, and orders that are drawn of fewer."""

LEVEL, ENOUGH = 0.05, 0.2
"""Of the tests, and the kappa that somebody who guesses surely does not reach."""

Correction = Literal["holm", "fdr"]
Verdict = Literal["agrees", "opposes", "guesses", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One annotator against the others.

    Attributes:
        name: who.
        votes: on items that others judged too.
        kappa: agreement with the others beyond chance.
        p: one-sided, of agreeing so much by answering at random.
        q: the same, corrected for the number of annotators.
        verdict: ``agrees``, ``opposes``, ``guesses`` or ``unclear``.
    """

    name: str
    votes: int
    kappa: Estimate
    p: float
    q: float
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def spammers(
    votes: Votes, *, correction: Correction = "fdr", resamples: int = 2000, seed: int = 0
) -> tuple[Standing, ...]:
    """Return how each annotator stands against the others, the least likely to know first.

    Args:
        votes: an annotator's first on an item is the one that counts.
        correction: ``holm`` bounds the chance of any wrong *agrees*, ``fdr`` the share of them.
        resamples: number of resamples behind kappa's interval, at least 100.
        seed: theirs.

    Raises:
        NoVotes: no item was judged by two annotators.
        ValueError: an option that is not known, or too few resamples.
    """
    if correction not in get_args(Correction):
        raise ValueError(f"correction must be 'holm' or 'fdr', not {correction!r}")
    shared = votes.once().shared()
    if not len(shared):
        raise NoVotes("no two annotators judged the same responses; nobody can be told from one who guesses")
    rng = np.random.default_rng(seed)
    tails = np.array([_tails(shared, person, rng) for person in range(len(shared.annotators))])
    agreeing, opposing = (_corrected(column, correction) for column in tails.T)
    standings = []
    for person, name in enumerate(shared.annotators):
        own = shared.annotator == person
        group, columns = shared.items.group, beside_others(shared, own)
        kappa = estimate(columns, Kappa(either_way=True).combine, group, resamples=resamples, seed=seed)
        p, q = float(tails[person, 0]), float(agreeing[person])
        verdict = _verdict(q, float(opposing[person]), kappa)
        standings.append(Standing(name=name, votes=int(own.sum()), kappa=kappa, p=p, q=q, verdict=verdict))
    return tuple(sorted(standings, key=lambda one: -one.p))


def _tails(votes: Votes, person: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the p-values of agreeing, and of opposing, as much as somebody does."""
    said, shares = _beside(votes, person)
    if said.size >= MANY:
        score = _score(votes, person)
        return float(norm.sf(score)), float(norm.sf(-score))
    places = np.arange(said.size)
    orders = rng.permuted(np.tile(said, (ORDERS, 1)), axis=1)
    found, drawn = shares[places, said].sum(), shares[places, orders].sum(1)
    more, less = ((sign * (drawn - found) > -1e-9).sum() for sign in (1, -1))
    return float((more + 1) / (ORDERS + 1)), float((less + 1) / (ORDERS + 1))


def _beside(votes: Votes, person: int) -> tuple[Integers, Floats]:
    """Return what somebody said, as places in `LABELS` [V], and the shares of others who said each there, [V, 3]."""
    own = votes.annotator == person
    said = votes.label[own].astype(np.int64) + 1
    others = ascending(votes)[votes.item[own]]
    others[np.arange(said.size), said] -= 1
    return said, divide(others, others.sum(1, keepdims=True))


def _score(votes: Votes, person: int) -> float:
    """Return z of one annotator; 0 where all their answers, or all others', are the same."""
    said, shares = _beside(votes, person)
    counts = np.bincount(said, minlength=3).astype(np.float64)
    rows, columns = shares @ (counts / said.size), shares.mean(0)
    apart = shares - rows[:, None] - columns[None, :] + rows.mean()
    variance = (apart**2 @ counts).sum() / max(said.size - 1, 1)
    excess = shares[np.arange(said.size), said].sum() - rows.sum()
    return float(excess / np.sqrt(variance)) if variance > 1e-12 else 0.0


def _corrected(p: Floats, correction: Correction) -> Floats:
    return holm(p) if correction == "holm" else np.asarray(false_discovery_control(p), np.float64)


def _verdict(agreeing: float, opposing: float, kappa: Estimate) -> Verdict:
    if agreeing <= LEVEL:
        return "agrees"
    if opposing <= LEVEL:
        return "opposes"
    return "guesses" if kappa.high is not None and kappa.high < ENOUGH else "unclear"
