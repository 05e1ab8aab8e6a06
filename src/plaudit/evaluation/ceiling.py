r"""Ceiling: how right could any model be, when the people who judged do not agree with each other?

Accuracy is counted against single votes. Of comparison :math:`i` let a share :math:`p_i` of people prefer the one
response. Two of them agree with probability :math:`a_i = p_i^2 + (1-p_i)^2`, and the best a model can do against one
vote is :math:`\max(p_i, 1-p_i)`. If all people are equally reliable on everything, being right with probability
:math:`q`, the agreement is :math:`a = q^2 + (1-q)^2`, and

.. math:: q = \frac{1 + \sqrt{2a - 1}}{2}

is the ceiling. If comparisons differ in difficulty it is lower: with :math:`x_i = |2p_i - 1|` the agreement gives
:math:`2a - 1 = \overline{x^2}` and the ceiling is :math:`(1 + \overline{x})/2`, and since
:math:`\overline{x^2} \le \overline{x} \le \sqrt{\overline{x^2}}`,

.. math:: a \;\le\; \text{ceiling} \;\le\; q.

It is :math:`a` where some comparisons are clear to everyone and the rest are tosses of a coin. So :math:`q` is what
no model exceeds but by luck, and below :math:`a` there is certainly something left to learn.

**Agreement is measured** on the two responses that were judged more than once: for each vote the share of the other
votes on the same two responses that say the same, averaged over votes, which is how accuracy counts them. Ties are left
out, as for the formula a vote has two values; so are votes of weight 0. Rows that are there twice count as two people.

Source: the agreement of two equally reliable raters is the binomial identity above; for preferences, Dubois et al.,
AlpacaFarm (2023), section 4, compare models with the agreement of annotators.

>>> round(highest(0.63), 4)
0.755
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from plaudit.evaluation.intervals import Estimate, interval
from plaudit.evaluation.metrics import OfTerms, divide
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats, Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """How right any model could be.

    Attributes:
        agreement: of two people asked about the same two responses; also the lowest that the ceiling can be.
        highest: the highest that it can be, reached where all comparisons are equally hard.
        votes: number of votes on responses that were judged more than once, ties left out.
        pairs: number of such two responses.
    """

    agreement: Estimate
    highest: Estimate
    votes: int
    pairs: int

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def highest(agreement: float) -> float:
    """Return the highest accuracy against single votes, given the agreement of two people, 0.5 to 1.

    An agreement below one half, which chance alone brings about, is taken for one half.

    Raises:
        ValueError: the agreement is not from 0 to 1.
    """
    if not 0 <= agreement <= 1:
        raise ValueError(f"an agreement is from 0 to 1, not {agreement}")
    return (1 + math.sqrt(max(2 * agreement - 1, 0.0))) / 2


def ceiling(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> Ceiling | None:
    """Return the ceiling that these votes imply, or None where no two responses were judged twice.

    Args:
        predictions: rewards are not looked at.
        resamples: number of resamples behind each interval, at least 100.
        seed: of the resamples.

    Raises:
        ValueError: too few resamples.
    """
    shares, pairs = agreements(predictions)
    judged = ~np.isnan(shares)
    if not judged.any():
        return None
    found = interval(Agreement(), predictions.select(judged), resamples, seed)
    ends = [None if end is None else highest(end) for end in (found.low, found.high)]
    return Ceiling(
        agreement=found,
        highest=Estimate(highest(found.value), ends[0], ends[1], found.reason),
        votes=int(judged.sum()),
        pairs=np.unique(pairs[judged]).size,
    )


def agreements(predictions: Predictions) -> tuple[Floats, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return for each comparison the share of other votes that agree, float64 [M], and which two responses it is about.

    The share is NaN for a tie, for a comparison of weight 0, and where there is no other vote.
    """
    first = np.minimum(predictions.chosen, predictions.rejected)
    second = np.maximum(predictions.chosen, predictions.rejected)
    _, pairs = np.unique(first * predictions.rewards.size + second, return_inverse=True)
    counted = (predictions.outcome == 1) & (predictions.weight > 0) & (first < second)
    votes = np.bincount(pairs[counted], minlength=pairs.max(initial=-1) + 1)
    forward = counted & (predictions.chosen == first)
    for_first = np.bincount(pairs[forward], minlength=votes.size)
    same = np.where(predictions.chosen == first, for_first[pairs], votes[pairs] - for_first[pairs])
    others = (votes[pairs] - 1).astype(np.float64)
    shares = divide((same - 1).astype(np.float64), others)
    shares[~counted] = np.nan
    return shares, pairs


class Agreement(OfTerms):
    """Mean share of the other votes on the same two responses that agree with a vote, where there are others."""

    bound = 1
    range = (0.0, 1.0)

    def terms(self, predictions: Predictions) -> Floats:
        """Return the share, float64 [M], 0 where there is none to measure."""
        return np.nan_to_num(agreements(predictions)[0])
