r"""Measures of agreement, each a function of sums over items, so that items can be drawn anew by the thousand.

Of an item with :math:`m \ge 2` votes, :math:`n_c` of them for label :math:`c`, the *coincidences* are

.. math:: o_{ck} = \frac{n_c (n_k - [c = k])}{m - 1},

summed over items to :math:`O`, with margins :math:`n_c = \sum_k o_{ck}` and :math:`n = \sum_c n_c`. Then

- **percent agreement** is :math:`\sum_c o_{cc} / n`: for each vote the share of other votes on the item that say the
  same, averaged over votes;
- **Krippendorff's alpha** is :math:`1 - (n - 1) \sum o_{ck}\delta_{ck} / \sum n_c n_k \delta_{ck}`; with
  :math:`\delta_{ck} = [c \ne k]` (nominal: a tie is a third answer), :math:`(c - k)^2` (interval: a tie is midway)
  or :math:`(\sum_{g=c}^k n_g - (n_c + n_k)/2)^2` (ordinal); votes may be missing;
- **Fleiss' kappa** is :math:`(\bar P - P_e)/(1 - P_e)`, with :math:`\bar P` the mean over items of the share of pairs
  of votes that agree, :math:`P_e = \sum p_c^2`; every item must have the same number of votes;
- **Cohen's kappa** of a table of two people's labels :math:`p_{ck}` is
  :math:`1 - \sum w_{ck} p_{ck} / \sum w_{ck} p_{c\cdot} p_{\cdot k}`, with :math:`w_{ck} = [c \ne k]`,
  :math:`|c - k|` (linear) or :math:`(c - k)^2` (quadratic).

Chance is what the margins say. A label here depends on which response of an item is called first; ``either_way`` takes
every item both ways round, so that the order in which responses are listed has no part in what is called chance.

Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011); Fleiss, Measuring nominal scale agreement
among many raters, Psychological Bulletin 76 (1971); Cohen, A coefficient of agreement for nominal scales, Educational
and Psychological Measurement 20 (1960), and Weighted kappa, Psychological Bulletin 70 (1968).

>>> votes = Votes.from_arrays([0, 0, 1, 1], ["a", "b", "a", "b"], [1, 1, -1, 1])
>>> [round(float(one(votes)), 4) for one in (Percent(), Krippendorff("nominal"), Fleiss())]
[0.5, 0.0, -0.3333]
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluation.metrics import divide
from plaudit.labels.votes import Floats, NoVotes, Votes

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["none", "linear", "quadratic"]

LABELS = np.array([-1.0, 0.0, 1.0])
"""Labels in the order in which counts, tables and coincidences hold them."""


class Measure(Protocol):
    """A number that follows from sums over items."""

    def columns(self, votes: Votes) -> Floats:
        """Return what is summed, float64 [I, K]; a row of zeros for an item that says nothing."""
        ...

    def combine(self, sums: Floats) -> Floats:
        """Return the number from sums [..., K], float64 [...]; NaN where it has none."""
        ...


class _Summed:
    """What measures share: their value on the votes as they are."""

    def __call__(self: Measure, votes: Votes) -> Floats:
        """Return the number for these votes; each annotator's first on an item should be the only one."""
        return self.combine(self.columns(votes).sum(0))


def ascending(votes: Votes) -> Floats:
    """Return the counts of the three labels in the order of `LABELS`, float64 [I, 3]."""
    return votes.counts()[:, ::-1]


def coincidences(counts: Floats) -> Floats:
    """Return the coincidences of each item from its counts [I, K], float64 [I, K, K]."""
    votes = counts.sum(1)
    pairs = counts[:, :, None] * (counts[:, None, :] - np.eye(counts.shape[1]))
    scale = np.divide(1.0, votes - 1, out=np.zeros_like(votes), where=votes > 1)
    return np.asarray(pairs * scale[:, None, None], np.float64)


@dataclass(frozen=True)
class Percent(_Summed):
    """Mean share of the other votes on an item that say the same as a vote."""

    def columns(self, votes: Votes) -> Floats:
        """Return votes that agree and votes, [I, 2]."""
        each = coincidences(ascending(votes))
        return np.stack([np.trace(each, axis1=1, axis2=2), each.sum((1, 2))], axis=1)

    def combine(self, sums: Floats) -> Floats:
        """Return the share."""
        return divide(sums[..., 0], sums[..., 1])


@dataclass(frozen=True)
class Krippendorff(_Summed):
    """Krippendorff's alpha.

    Attributes:
        level: ``nominal`` (a tie is a third answer), ``ordinal`` or ``interval`` (a tie is midway).
        either_way: take every item both ways round.
    """

    level: Level = "nominal"
    either_way: bool = False

    def __post_init__(self) -> None:
        if self.level not in ("nominal", "ordinal", "interval"):
            raise ValueError(f"level must be 'nominal', 'ordinal' or 'interval', not {self.level!r}")

    def columns(self, votes: Votes) -> Floats:
        """Return the coincidences, [I, 9]."""
        return coincidences(ascending(votes)).reshape(-1, 9)

    def combine(self, sums: Floats) -> Floats:
        """Return alpha."""
        pairs = _square(sums, either_way=self.either_way)
        margins = pairs.sum(-1)
        total, distance = margins.sum(-1), self._distances(margins)
        expected = (margins[..., :, None] * margins[..., None, :] * distance).sum((-2, -1))
        return 1 - divide((total - 1) * (pairs * distance).sum((-2, -1)), expected)

    def _distances(self, margins: Floats) -> Floats:
        if self.level == "nominal":
            return 1 - np.eye(3)
        if self.level == "interval":
            return _squares()
        rank = np.cumsum(margins, -1) - margins / 2
        return np.asarray((rank[..., :, None] - rank[..., None, :]) ** 2, np.float64)


@dataclass(frozen=True)
class Graded(_Summed):
    """Krippendorff's alpha at the interval level of labels times stated strengths; a tie is 0.

    Attributes:
        either_way: take every item both ways round, so that the mean is 0.
    """

    either_way: bool = False

    def columns(self, votes: Votes) -> Floats:
        """Return disagreement, votes, their sum and the sum of their squares, [I, 4]."""
        stated = ~np.isnan(votes.strength) | (votes.label == 0)
        value = np.where(votes.label == 0, 0.0, votes.label * votes.strength)
        number, total, squared = (
            np.bincount(votes.item[stated], power[stated], len(votes.items)) for power in (value**0, value, value**2)
        )
        pairable = number > 1
        apart = 2 * (number * squared - total**2) / np.maximum(number - 1, 1)
        return np.where(pairable[:, None], np.stack([apart, number, total, squared], axis=1), 0.0)

    def combine(self, sums: Floats) -> Floats:
        """Return alpha."""
        apart, number, total, squared = np.moveaxis(sums, -1, 0)
        if self.either_way:  # twice as many values, of mean 0
            apart, number, total, squared = 2 * apart, 2 * number, 0 * total, 2 * squared
        return 1 - divide((number - 1) * apart, 2 * (number * squared - total**2))


@dataclass(frozen=True)
class Fleiss(_Summed):
    """Fleiss' kappa, for designs in which every item has the same number of votes.

    Attributes:
        either_way: take every item both ways round.
    """

    either_way: bool = False

    def columns(self, votes: Votes) -> Floats:
        """Return the share of pairs that agree, 1, and the shares of the three labels, [I, 5].

        Raises:
            NoVotes: items have different numbers of votes, or one vote each.
        """
        counts = ascending(votes)
        number = counts.sum(1)
        if not len(number) or number.min() != number.max() or number[0] < 2:
            spread = f"{number.min():.0f} to {number.max():.0f}" if len(number) else "no"
            raise NoVotes(f"items have {spread} votes; Fleiss' kappa needs the same number, 2 or more, on each")
        agreed = (counts * (counts - 1)).sum(1) / (number * (number - 1))
        return np.column_stack([agreed, np.ones_like(agreed), counts / number[:, None]])

    def combine(self, sums: Floats) -> Floats:
        """Return kappa."""
        agreed = divide(sums[..., 0], sums[..., 1])
        shares = divide(sums[..., 2:], sums[..., 1:2])
        shares = (shares + shares[..., ::-1]) / 2 if self.either_way else shares
        chance = (shares**2).sum(-1)
        return 1 - divide(1 - agreed, 1 - chance)


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of a table of labels; see `tables` and `beside_others` for the columns.

    Attributes:
        weights: ``none``: all disagreement counts the same; ``linear`` and ``quadratic``: a tie is nearer than the
            opposite.
        either_way: take every item both ways round.
    """

    weights: Weights = "none"
    either_way: bool = False

    def __post_init__(self) -> None:
        if self.weights not in ("none", "linear", "quadratic"):
            raise ValueError(f"weights must be 'none', 'linear' or 'quadratic', not {self.weights!r}")

    def combine(self, sums: Floats) -> Floats:
        """Return kappa of tables [..., 9]."""
        pairs = _square(sums, either_way=self.either_way)
        apart = {"none": 1 - np.eye(3), "linear": np.sqrt(_squares()), "quadratic": _squares()}[self.weights]
        rows, columns, total = pairs.sum(-1), pairs.sum(-2), pairs.sum((-2, -1))
        expected = (rows[..., :, None] * columns[..., None, :] * apart).sum((-2, -1))
        return 1 - divide((pairs * apart).sum((-2, -1)) * total, expected)


@dataclass(frozen=True)
class Same:
    """Share of a table of labels that is on its diagonal; see `Kappa`."""

    def combine(self, sums: Floats) -> Floats:
        """Return the share, of tables [..., 9]."""
        pairs = sums.reshape(*sums.shape[:-1], 3, 3)
        return divide(np.trace(pairs, axis1=-2, axis2=-1), pairs.sum((-2, -1)))


def tables(votes: Votes, one: str, other: str) -> Floats:
    """Return for each item the labels of two annotators, [I, 9] in rows of the one's; zeros where not both judged it.

    Args:
        votes: see `Votes.once`; of a second vote on an item the later counts.
        one: a name.
        other: another.
    """
    said = np.full((2, len(votes.items)), -1)
    for row, name in enumerate((one, other)):
        own = votes.annotator == votes.annotators.index(name)
        said[row, votes.item[own]] = votes.label[own] + 1
    both = (said >= 0).all(0)
    found = np.zeros((len(votes.items), 9))
    found[both, said[0, both] * 3 + said[1, both]] = 1.0
    return found


def beside_others(votes: Votes, of: NDArray[np.bool_]) -> Floats:
    """Return for each item the labels of some votes beside those of others, [I, 9].

    Each vote counts 1, shared out over the others; 0 if there are none.

    Args:
        votes: see `Votes.once`.
        of: bool [V], the votes that are looked at; the others are all votes on the same item but the one itself.
    """
    mine = votes.label[of].astype(np.int64) + 1
    items = votes.item[of]
    others = ascending(votes)[items]
    others[np.arange(mine.size), mine] -= 1
    shares = np.nan_to_num(divide(others, others.sum(1, keepdims=True)))
    found = np.zeros((len(votes.items), 3, 3))
    np.add.at(found, (items, mine), shares)
    return found.reshape(-1, 9)


def _square(sums: Floats, *, either_way: bool) -> Floats:
    pairs = sums.reshape(*sums.shape[:-1], 3, 3)
    return pairs + pairs[..., ::-1, ::-1] if either_way else pairs


def _squares() -> Floats:
    return np.asarray((LABELS[:, None] - LABELS[None, :]) ** 2, np.float64)
