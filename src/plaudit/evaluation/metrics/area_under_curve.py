r"""Area under the ROC curve of the margin: are the comparisons it is surest of the ones it gets right?

Every comparison is counted in both orders: the pair (chosen, rejected) is a positive with score :math:`\Delta_i`, the
pair (rejected, chosen) a negative with score :math:`-\Delta_i`; a tie is half of each in both orders. Then

.. math:: \mathrm{AUC} = P(\text{score of a positive} > \text{score of a negative}) + \tfrac12 P(\text{equal}),

positives and negatives drawn by weight. As the two orders mirror each other, with accuracy :math:`a` and :math:`s` the
probability that a right comparison has a larger :math:`|\Delta|` than a wrong one,

.. math:: \mathrm{AUC} = a^2 + 2a(1-a)\,s,

so it exceeds accuracy exactly when :math:`s > 1/2`, and is never below :math:`a^2`. Range 0 to 1, chance 0.5. It
compares margins across prompts and never raw rewards, so shifting the rewards of one prompt does not change it. It
costs one sort, then time linear in the comparisons for each set of weights.

Source: Bamber, Journal of Mathematical Psychology 12 (1975), for the area as a probability.

>>> from plaudit.predictions import Predictions
>>> AreaUnderCurve()(Predictions.from_pairs([3.0, 2.0, 0.0], [0.0, 0.0, 1.0]))  # a = 2/3, s = 1: 4/9 + 4/9
0.8888888888888888
"""

from typing import ClassVar

import numpy as np

from plaudit.evaluation.metrics import OfWeights, Reweighted, divide
from plaudit.predictions import Floats, Integers, Predictions


class AreaUnderCurve(OfWeights):
    """Area under the ROC curve of the margin, every comparison in both orders."""

    label: ClassVar[str] = "AUC"
    higher_is_better: ClassVar[bool | None] = True
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    perfect: ClassVar[float | None] = 1.0
    tied: ClassVar[float | None] = 0.5
    random: ClassVar[float | None] = 0.5
    moves_with_shift: ClassVar[bool] = False
    moves_with_scale: ClassVar[bool] = False
    bound: ClassVar[int] = 2

    def reweighted(self, predictions: Predictions) -> Reweighted:
        """Return the value as a function of the weights: comparisons are sorted by the size of their margin once."""
        margins = predictions.margins
        order = np.argsort(np.abs(margins), kind="stable")
        sizes = np.abs(margins)[order]
        credit = np.where(predictions.outcome == 0.5, 0.5, 0.5 + 0.5 * np.sign(margins))[order]
        sorted_already = bool((order[1:] > order[:-1]).all())
        area = _Area(credit, np.flatnonzero(np.diff(sizes, prepend=-1.0)))
        return lambda weights: area(weights if sorted_already else np.take(weights, order, axis=1))

    def influence(self, predictions: Predictions) -> Floats:
        r"""Return how fast the value grows with the share of the weight of each comparison, float64 [M].

        With :math:`\mathrm{AUC} = N / W^2`, weight :math:`w_i` and credit :math:`r_i`, the derivative of :math:`N` has
        a part for the comparison as a right one, which beats the wrong ones of smaller size, and one for it as a wrong
        one, which is beaten by the right ones of larger size.
        """
        order = np.argsort(np.abs(predictions.margins), kind="stable")
        sizes, weight = np.abs(predictions.margins)[order], predictions.weight[order] / predictions.weight.max()
        credit = np.where(predictions.outcome == 0.5, 0.5, 0.5 + 0.5 * np.sign(predictions.margins))[order]
        steps = np.flatnonzero(np.diff(sizes, prepend=-1.0))
        right, total = float(weight @ credit), float(weight.sum())
        smaller = _around(weight * (1 - credit), steps)
        larger = 2 * right - _around(weight * credit, steps)
        area = (right**2 + float((weight * credit) @ smaller)) / total**2
        slope: Floats = np.empty_like(weight)
        slope[order] = (2 * right * credit + credit * smaller + (1 - credit) * larger) / total - 2 * area
        return slope


class _Area:
    """The area under weights of comparisons sorted by the size of their margin; equal sizes are one step of the curve.

    A right comparison is won against all wrong ones of smaller size and half of those in its own step.
    """

    def __init__(self, credit: Floats, starts: Integers) -> None:
        sizes = np.diff(starts, append=credit.size)
        self.credit = credit
        self.first = np.repeat(starts, sizes)  # of each comparison's step
        self.after = self.first + np.repeat(sizes, sizes)
        self.distinct = starts.size == credit.size

    def __call__(self, weights: Floats) -> Floats:
        below = np.zeros((weights.shape[0], weights.shape[1] + 1))
        np.cumsum(weights * (1 - self.credit), axis=1, out=below[:, 1:])
        if self.distinct:
            twice = below[:, :-1] + below[:, 1:]
        else:
            twice = np.take(below, self.first, axis=1)
            twice += np.take(below, self.after, axis=1)
        all_right, all_wrong = weights @ self.credit, below[:, -1]
        twice *= self.credit
        return divide(all_right**2 + np.einsum("bm,bm->b", weights, twice), (all_right + all_wrong) ** 2)


def _around(column: Floats, starts: Integers) -> Floats:
    """Return twice the sum over all of smaller size and once that over the own step, for each of M sorted by size."""
    sizes = np.diff(starts, append=column.size)
    below = np.concatenate([[0.0], np.cumsum(column)])
    return np.repeat(below[starts] + below[starts + sizes], sizes)
