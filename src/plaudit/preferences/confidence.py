r"""Confidence: how much each comparison should count, by how far people, or the members of an ensemble, agree on it.

Where :math:`n_c` of :math:`n` people preferred a response, :math:`n_r` the other, and :math:`n_=` could not tell, the
share for it is estimated with a few votes put on either side beforehand,

.. math:: \hat p = \frac{n_c + \tfrac12 n_= + a}{n + 2a},

so that one vote alone is not certainty. The weight is :math:`|2\hat p - 1|`: 0 where people are split, near 1 where
many agree. The margin at which a Bradley-Terry model would give :math:`\hat p` is :math:`\log\hat p/(1-\hat p)`: a
strength in reward units, negative where most preferred the other response.

Source: Laplace's rule of succession for the share; Wang et al., Secrets of RLHF II (2024), for the margins of several
reward models as a measure of how far a label can be trusted.

Three votes to one, and two to two:

>>> from plaudit.preferences.confidence import agreement_strengths, agreement_weights, spread_weights
>>> agreement_weights([3, 2], [1, 2]).round(4).tolist()
[0.3333, 0.0]
>>> agreement_strengths([3, 2], [1, 2]).round(4).tolist()
[0.6931, 0.0]

Two members of an ensemble that agree on a first margin and not on a second:

>>> spread_weights([[1.0, 3.0], [1.0, -1.0]]).round(4).tolist()
[1.0, 0.2]
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response

Floats = npt.NDArray[np.float64]
VOTES = "votes"
"""Field of a response that lists the single ratings its rating is made of."""


class NoAgreement(ValueError):
    """Nothing in the data says how far people agree."""


def agreement_weights(
    chosen: npt.ArrayLike,
    rejected: npt.ArrayLike,
    tied: npt.ArrayLike = 0.0,
    *,
    prior: float = 1.0,
    keep_mean: bool = False,
) -> Floats:
    """Return a weight in [0, 1] for each comparison, float64 [M]: 0 where votes are split, near 1 where many agree.

    Args:
        chosen: votes for the chosen response, [M], whole or weighted, 0 or more.
        rejected: votes for the other one, [M].
        tied: votes for neither, [M] or one number.
        prior: votes put on each side beforehand, 0 or more; the more of them, the less few votes can say.
        keep_mean: scale the weights to a mean of 1, so that as much is learned as without them; they may exceed 1.

    Raises:
        ValueError: votes are negative or not finite, shapes differ, or all weights are 0 and have no scale.
    """
    weights: Floats = np.abs(2 * _shares(chosen, rejected, tied, prior) - 1)
    return _of_mean_one(weights) if keep_mean else weights


def agreement_strengths(
    chosen: npt.ArrayLike, rejected: npt.ArrayLike, tied: npt.ArrayLike = 0.0, *, prior: float = 1.0
) -> Floats:
    """Return the margin, in reward units, that the votes on each comparison stand for, float64 [M].

    The arguments are those of `agreement_weights`; ``prior`` must be above 0, or unanimous votes would stand for an
    infinite margin. It is negative where most votes are against; turn such a comparison round.

    Raises:
        ValueError: as there, or ``prior`` is 0.
    """
    if not prior > 0:
        raise ValueError(f"prior must be above 0, or unanimous votes have no finite strength; not {prior}")
    share = _shares(chosen, rejected, tied, prior)
    strengths: Floats = np.log(share) - np.log1p(-share)
    return strengths


def spread_weights(margins: npt.ArrayLike, *, scale: float = 1.0, keep_mean: bool = False) -> Floats:
    """Return a weight in [0, 1] for each comparison, float64 [M], by how far the members of an ensemble agree on it.

    It is ``scale² / (scale² + spread²)``, with the standard deviation of the members' margins as the spread: the
    weight of a measurement with that variance on top of a noise of ``scale²`` that all of them have.

    Args:
        margins: [K, M], reward of the chosen response minus that of the rejected one, by each of K members.
        scale: the spread that halves a weight, in reward units, above 0.
        keep_mean: scale the weights to a mean of 1; they may exceed 1.

    Raises:
        ValueError: fewer than two members, a margin that is not finite, or a scale that makes no sense.
    """
    table = np.asarray(margins, np.float64)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"margins must be [members, comparisons] of at least two members, not of shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError(f"margins must be finite; {int((~np.isfinite(table)).sum())} are not")
    if not 0 < scale < np.inf:
        raise ValueError(f"scale must be a finite number above 0, not {scale}")
    weights: Floats = 1 / (1 + (table.std(0) / scale) ** 2)
    return _of_mean_one(weights) if keep_mean else weights


def weigh_by_agreement(preferences: Preferences, *, prior: float = 1.0, keep_mean: bool = True) -> Preferences:
    """Return the records with every comparison's weight multiplied by how far people agree on it.

    Comparisons of the same two responses under the same objective are votes, each counting its weight. Where there is
    but one, and both responses list the single ratings that they got (``votes``), every rating of the one against
    every rating of the other is a vote, and together they count as the shorter list does.

    Args:
        preferences: records with comparisons.
        prior: see `agreement_weights`.
        keep_mean: keep the sum of all weights.

    Raises:
        NoAgreement: no two responses were compared twice, and none list their ratings.
        ValueError: ``prior`` makes no sense, or people are split on everything.
    """
    records = list(preferences.weighted())
    counted = [_counted(preference) for preference, _ in records]
    if not any(several for _, several in counted):
        raise NoAgreement(
            "no two responses were judged by more than one person: there are neither several comparisons of the same "
            f"two responses nor ratings with their {VOTES!r}; confidence must be 'none'"
        )
    agreed = [agreement_weights(*votes.T, prior=prior) for votes, _ in counted]
    own = [np.array([edge.weight for edge in preference.comparisons], np.float64) for preference, _ in records]
    scale = _scale(own, agreed, np.array([weight for _, weight in records])) if keep_mean else 1.0
    return preferences.with_comparison_weights([mine * share * scale for mine, share in zip(own, agreed, strict=True)])


def _shares(chosen: npt.ArrayLike, rejected: npt.ArrayLike, tied: npt.ArrayLike, prior: float) -> Floats:
    won, lost = np.asarray(chosen, np.float64), np.asarray(rejected, np.float64)
    even = np.broadcast_to(np.asarray(tied, np.float64), won.shape)
    if won.ndim != 1 or won.shape != lost.shape:
        raise ValueError(f"votes must be two lists of one length; these have shapes {won.shape} and {lost.shape}")
    for name, votes in (("chosen", won), ("rejected", lost), ("tied", even)):
        if not (np.isfinite(votes) & (votes >= 0)).all():
            raise ValueError(f"votes {name!r} must be finite numbers, 0 or more")
    if not 0 <= prior < np.inf:
        raise ValueError(f"prior must be a finite number, 0 or more, not {prior}")
    total = won + lost + even + 2 * prior
    shares: Floats = np.divide(won + even / 2 + prior, total, out=np.full(won.shape, 0.5), where=total > 0)
    return shares


def _of_mean_one(weights: Floats) -> Floats:
    if len(weights) and not weights.sum() > 0:
        raise ValueError("all weights are 0, so they cannot be scaled to a mean of 1: people are split on everything")
    return weights * (len(weights) / weights.sum()) if len(weights) else weights


def _scale(own: Sequence[Floats], agreed: Sequence[Floats], sources: Floats) -> float:
    """Return by what to multiply all weights so that their sum over all records stays what it was."""
    before = sum(weight * mine.sum() for mine, weight in zip(own, sources, strict=True))
    after = sum(weight * (mine @ share) for mine, share, weight in zip(own, agreed, sources, strict=True))
    if before and not after:
        raise ValueError(
            "people are split on every comparison, so there is nothing to weigh; confidence must be 'none'"
        )
    return float(before / after) if before else 1.0


def _counted(preference: Preference) -> tuple[Floats, bool]:
    """Return the votes for, against and for neither of each comparison [M, 3]; and whether any were several."""
    totals: dict[tuple[int, int, str], Floats] = defaultdict(lambda: np.zeros(3))
    counts: dict[tuple[int, int, str], int] = defaultdict(int)
    for edge in preference.comparisons:
        totals[_pair(edge)][_column(edge)] += edge.weight
        counts[_pair(edge)] += 1
    several = any(count > 1 for count in counts.values())
    rows = np.zeros((len(preference.comparisons), 3))
    for place, edge in enumerate(preference.comparisons):
        key = _pair(edge)
        ratings = _ratings_of(preference, edge) if counts[key] == 1 else None
        rows[place] = _turned(totals[key], edge) if ratings is None else _by_ratings(*ratings)
        several = several or ratings is not None
    return rows, several


def _pair(edge: Comparison) -> tuple[int, int, str]:
    return min(edge.chosen, edge.rejected), max(edge.chosen, edge.rejected), edge.objective


def _column(edge: Comparison) -> int:
    """Return which count a vote adds to: 0 for the response that comes first, 1 for the other, 2 for neither."""
    return 2 if edge.tie else int(edge.chosen > edge.rejected)


def _turned(totals: Floats, edge: Comparison) -> Floats:
    return totals if edge.chosen < edge.rejected else totals[[1, 0, 2]]


def _ratings_of(preference: Preference, edge: Comparison) -> tuple[Floats, Floats] | None:
    """Return the single ratings of the two responses of ``edge``, or None where one has fewer than two."""
    if edge.objective or edge.tie:
        return None
    chosen, rejected = (_single_ratings(preference.responses[place]) for place in (edge.chosen, edge.rejected))
    return (chosen, rejected) if min(len(chosen), len(rejected)) > 1 else None


def _single_ratings(response: Response) -> Floats:
    listed = response.extra.get(VOTES)
    numbers = isinstance(listed, list) and all(isinstance(one, int | float) for one in listed)
    ratings = np.array(listed if numbers else [], np.float64)
    return ratings if np.isfinite(ratings).all() else ratings[:0]


def _by_ratings(chosen: Floats, rejected: Floats) -> Floats:
    """Return the votes that two lists of ratings stand for: as many as the shorter has, shared out as all pairs are."""
    signs = np.sign(chosen[:, None] - rejected[None, :])
    shares = np.array([(signs > 0).mean(), (signs < 0).mean(), (signs == 0).mean()])
    return shares * min(len(chosen), len(rejected))
