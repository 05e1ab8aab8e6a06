r"""Balance: weights under which the length of a response does not say whether it was preferred.

Where people prefer the longer of two responses more often than not, a model learns that length pays. Comparisons are
put into bins by how far apart the two lengths are, :math:`d = |\log(1 + \ell_c) - \log(1 + \ell_r)|`; a bin in which
the longer response won with weight :math:`W_l` and lost with :math:`W_s` gives them the factors

.. math:: \frac{W_l + W_s}{2 W_l} \quad\text{and}\quad \frac{W_l + W_s}{2 W_s},

so that in every bin the longer wins half of the weight, and each bin counts as much as before. Ties, comparisons of
equally long responses and those of weight 0 say nothing of length and keep their weights. No comparison is left out;
what is lost is precision, and Kish's :math:`(\sum w)^2 / \sum w^2` says how much.

Bins are made of equal numbers of comparisons and merged until each side of a bin has a few: a factor is then bounded by
the number in the bin over twice that few. What is balanced is the direction; a difference within a bin may still say a
little.

Source: Kish, Survey Sampling (1965), section 11.7, for the effective number; Holland and Rosenbaum's stratification for
the rest: own choice, see decision 0016.

Four longer responses and two shorter ones were preferred:

>>> found = balance([0.5] * 4 + [-0.5] * 2, fewest=2)
>>> found.factors.tolist()
[0.75, 0.75, 0.75, 0.75, 1.5, 1.5]
>>> round(found.before.longer_wins, 3), round(found.after.longer_wins, 3), round(found.after.effective, 2)
(0.667, 0.5, 5.33)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Preference, characters

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BINS = 10
"""Bins of length difference to begin with, where nobody says."""

FEWEST = 20
"""Comparisons that a bin has at least on either side, where nobody says."""


class Unbalanceable(ValueError):
    """No weights make length say nothing; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What length says of the winner under some weights.

    Attributes:
        longer_wins: share of the weight in which the longer response won, ties and equal lengths left out.
        effective: as many comparisons of equal weight are worth as much: Kish's number, over all of positive weight.
    """

    longer_wins: float
    effective: float


@dataclass(frozen=True, slots=True, eq=False)
class Balanced:
    """Factors for the weights of M comparisons.

    Attributes:
        factors: float64 [M], above 0; 1 where length says nothing.
        bins: int64 [M], the bin of each comparison, -1 where length says nothing.
        edges: float64 [bins + 1], the least difference of log-lengths in each bin, and the largest of all.
        kept: number of comparisons of positive weight; none is lost.
        untouched: how many of those are ties or of equal length.
        before: under the weights there were.
        after: under those times the factors.
    """

    factors: Floats
    bins: npt.NDArray[np.int64]
    edges: Floats
    kept: int
    untouched: int
    before: Standing
    after: Standing

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        before, after, bins = self.before, self.after, self.edges.size - 1
        return (
            f"balanced by length: the longer response won {before.longer_wins:.1%} by weight and wins "
            f"{after.longer_wins:.1%} now, in each of {bins} bins of length difference; {self.kept:,} comparisons "
            f"kept, worth {after.effective:,.0f} of equal weight ({before.effective:,.0f} before), factors from "
            f"{self.factors.min():.3g} to {self.factors.max():.3g}; {self.untouched:,} ties or of equal length as they "
            f"were"
        )


def balance(
    differences: npt.ArrayLike,
    tie: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    *,
    bins: int = BINS,
    fewest: int = FEWEST,
) -> Balanced:
    """Return factors under which the longer response wins half of the weight, whatever the difference in length.

    Args:
        differences: log-length of the chosen response less that of the rejected one, [M].
        tie: whether neither was preferred, [M]; none if not given.
        weight: of each comparison, [M], 0 or more; 1 if not given.
        bins: of length difference to begin with.
        fewest: comparisons that a bin must have on either side.

    Raises:
        Unbalanceable: the longer, or the shorter, response won fewer than ``fewest`` comparisons in all.
        ValueError: shapes differ, a number is not finite, a weight is negative, or a setting is below 1.
    """
    apart, mass, telling = _checked(differences, tie, weight)
    if bins < 1 or fewest < 1:
        raise ValueError(f"bins and fewest must be 1 or more, not {bins} and {fewest}")
    longer = apart > 0
    of_longer, of_shorter = int((telling & longer).sum()), int((telling & ~longer).sum())
    if min(of_longer, of_shorter) < fewest:
        raise Unbalanceable(
            f"the longer response won {of_longer:,} comparisons and the shorter one {of_shorter:,}; balancing by "
            f"length needs at least {fewest} of each"
        )
    place, edges = _bins(np.abs(apart[telling]), longer[telling], bins, fewest)
    factors = np.ones(apart.size)
    factors[telling] = _factors(place, longer[telling], mass[telling])
    number = np.full(apart.size, -1)
    number[telling] = place
    kept = int((mass > 0).sum())
    standing = [_standing(own, longer, telling) for own in (mass, mass * factors)]
    return Balanced(factors, number, edges, kept, kept - int(telling.sum()), *standing)


def balance_by_length(
    preferences: Preferences, *, bins: int = BINS, fewest: int = FEWEST
) -> tuple[Preferences, Balanced]:
    """Return the records with their comparisons' weights balanced by the responses' lengths in characters.

    Weights of sources count in what is balanced and are left as they are. The arguments are those of `balance`.

    Raises:
        Unbalanceable: as there; also where there are no comparisons.
    """
    rows, own = [], []
    for preference, of_source in preferences.weighted():
        differences, tie, weight = _columns(preference)
        rows.append((differences, tie, weight * of_source))
        own.append(weight)
    if not sum(map(len, own)):
        raise Unbalanceable("there are no comparisons to balance; ratings alone say nothing of who wins")
    found = balance(*(np.concatenate(column) for column in zip(*rows, strict=True)), bins=bins, fewest=fewest)
    shares = np.split(found.factors, np.cumsum([len(one) for one in own])[:-1])
    return preferences.with_comparison_weights([mine * share for mine, share in zip(own, shares, strict=True)]), found


def _columns(preference: Preference) -> tuple[Floats, Bools, Floats]:
    """Return differences, ties and own weights of a record's comparisons, [comparisons] each."""
    logs = np.log1p([float(characters(response.content)) for response in preference.responses])
    edges = preference.comparisons
    ends = np.array([(edge.chosen, edge.rejected) for edge in edges], np.int64).reshape(-1, 2)
    tie = np.array([edge.tie for edge in edges], np.bool_)
    return logs[ends[:, 0]] - logs[ends[:, 1]], tie, np.array([edge.weight for edge in edges], np.float64)


def _checked(
    differences: npt.ArrayLike, tie: npt.ArrayLike | None, weight: npt.ArrayLike | None
) -> tuple[Floats, Floats, Bools]:
    """Return differences and weights [M], and which comparisons say something of length, boolean [M]."""
    apart = np.asarray(differences, np.float64)
    even = np.zeros(apart.shape, np.bool_) if tie is None else np.asarray(tie, np.bool_)
    mass = np.ones(apart.shape) if weight is None else np.asarray(weight, np.float64)
    if apart.ndim != 1 or not apart.shape == even.shape == mass.shape:
        shapes = f"{apart.shape}, {even.shape} and {mass.shape}"
        raise ValueError(f"differences, ties and weights must be lists of one length; these have shapes {shapes}")
    for name, wrong in (("difference", ~np.isfinite(apart)), ("weight", ~(np.isfinite(mass) & (mass >= 0)))):
        if wrong.any():
            first = int(np.argmax(wrong))
            value = (apart if name == "difference" else mass)[first]
            raise ValueError(f"the {name} of comparison {first} is {value}; it must be a finite number, weights from 0")
    return apart, mass, (apart != 0) & ~even & (mass > 0)


def _bins(sizes: Floats, longer: Bools, bins: int, fewest: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the bin of each size, int64 [M], and the bins' edges; equal sizes fall into one bin."""
    starts = np.unique(np.quantile(sizes, np.arange(bins) / bins, method="inverted_cdf"))
    place = np.searchsorted(starts, sizes, side="right") - 1
    counts = np.stack([np.bincount(place[side], minlength=starts.size) for side in (longer, ~longer)])
    merged = _merged(counts, fewest)
    firsts = np.flatnonzero(np.diff(merged, prepend=-1))
    return merged[place], np.append(starts[firsts], sizes.max())


def _merged(counts: npt.NDArray[np.int64], fewest: int) -> npt.NDArray[np.int64]:
    """Return the new number of each bin: neighbours are one until both of its counts [2, bins] are large enough."""
    merged, number, held = np.zeros(counts.shape[1], np.int64), 0, np.zeros(2, np.int64)
    for bin_, own in enumerate(counts.T):
        merged[bin_] = number
        held = held + own
        if held.min() >= fewest:
            number, held = number + 1, np.zeros(2, np.int64)
    return np.minimum(merged, max(number - 1, 0))


def _factors(place: npt.NDArray[np.int64], longer: Bools, mass: Floats) -> Floats:
    count = int(place.max()) + 1
    sums = np.stack([np.bincount(place[side], mass[side], count) for side in (~longer, longer)])
    factors: Floats = (sums.sum(axis=0) / (2 * sums))[longer.astype(np.int64), place]
    return factors


def _standing(mass: Floats, longer: Bools, telling: Bools) -> Standing:
    own = mass[telling]
    return Standing(
        longer_wins=float(own[longer[telling]].sum() / own.sum()), effective=float(mass.sum() ** 2 / (mass**2).sum())
    )
