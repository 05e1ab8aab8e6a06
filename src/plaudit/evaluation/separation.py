r"""Separation: does text of another kind get more uncertainty than text of the kind a model has learned from?

The area under the ROC curve of a reward's variance,

.. math:: P(v_\text{outside} > v_\text{inside}) + \tfrac12 P(v_\text{outside} = v_\text{inside}),

over responses of either set, each once. One half says that variances know nothing of the difference, 1 that every
response from outside has a larger one. The standard deviation would give the same number, as only the order counts.

The interval resamples the groups of *both* sets: prompts, or responses where there is no prompt. Where the two are
wholly apart nothing varies; then the near end is what could still be missed by as many groups as were seen,
:math:`\alpha^{1/G_\text{in}} + \alpha^{1/G_\text{out}} - 1` with :math:`\alpha = 0.025`.

Source: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks
(2017), for the use; Obuchowski, Nonparametric Analysis of Clustered ROC Curve Data (1997), for clusters in both sets.

>>> import numpy as np
>>> from plaudit.predictions import Predictions
>>> def scored(variance):
...     empty = {"chosen": [0], "rejected": [1], "outcome": [1.0], "weight": [1.0], "strength": [0.0]}
...     own = {"rewards": np.zeros(len(variance)), "lengths": np.zeros(len(variance), int), "variance": variance}
...     return Predictions(response_group=np.arange(len(variance)), by_response=True, **own, **empty)
>>> rng = np.random.default_rng(0)
>>> print(separation(scored(rng.gamma(2, 1, 200)), scored(rng.gamma(3, 1, 100))))
0.716 [0.654, 0.776]
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from plaudit.evaluation.intervals import FEWEST_GROUPS, LEVEL, Estimate, upper_level
from plaudit.evaluation.resampling import BLOCK
from plaudit.predictions import Floats, Integers, Predictions


@dataclass(frozen=True, slots=True)
class Variances:
    """The variances of a set of responses, and the groups that they come in.

    Attributes:
        values: float64 [N].
        group: int64 [N], 0 to ``groups`` - 1.
        groups: number of groups.
    """

    values: Floats
    group: Integers
    groups: int

    @classmethod
    def of(cls, predictions: Predictions, which: str) -> Self:
        """Return those of all responses.

        Raises:
            ValueError: there is no response, or one without a variance.
        """
        known = np.isfinite(predictions.variance)
        if not known.size or not known.all():
            missing = (
                "there is no response" if known.all() else f"{predictions.name_of(int(np.argmin(known)))} has none"
            )
            raise ValueError(f"the set {which} needs a variance for each response, and {missing}")
        groups, positions = np.unique(predictions.response_group, return_inverse=True)
        return cls(predictions.variance, positions, groups.size)

    def drawn(self, resamples: int, rng: np.random.Generator) -> Floats:
        """Return how often each response is in each resample of the groups, float64 [resamples, N]."""
        counts = rng.multinomial(self.groups, np.full(self.groups, 1 / self.groups), size=resamples)
        return np.take(counts, self.group, axis=1).astype(np.float64)


def separation(inside: Predictions, outside: Predictions, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Return how well variances tell the responses of ``outside`` from those of ``inside``, with its 95 % interval.

    Args:
        inside: scored text of the kind that the model has learned from, but not the text itself.
        outside: scored text of another kind.
        resamples: of the groups of both, at least 100.
        seed: of the resamples.

    Raises:
        ValueError: too few resamples, or a response without a variance.
    """
    if resamples < 100:
        raise ValueError(f"an interval needs at least 100 resamples, not {resamples}")
    near, far = Variances.of(inside, "inside"), Variances.of(outside, "outside")
    area = _Area(near.values, far.values)
    point = float(area(np.ones((1, near.values.size)), np.ones((1, far.values.size)))[0])
    fewest = min(near.groups, far.groups)
    if fewest < FEWEST_GROUPS:
        return Estimate(point, None, None, f"{fewest} groups in one set; an interval needs at least {FEWEST_GROUPS}")
    if min(point, 1 - point) < 1e-12:
        return _apart(point, near.groups, far.groups)
    edge = upper_level(fewest)
    low, high = np.quantile(_resampled(area, near, far, resamples, seed), (1 - edge, edge))
    return Estimate(point, float(min(low, point)), float(max(high, point)))


def _resampled(area: "_Area", near: Variances, far: Variances, resamples: int, seed: int) -> Floats:
    of_near, of_far = np.random.default_rng(seed).spawn(2)
    block = max(1, BLOCK // (near.values.size + far.values.size))
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    return np.concatenate([area(near.drawn(size, of_near), far.drawn(size, of_far)) for size in sizes])


def _apart(point: float, near: int, far: int) -> Estimate:
    miss = (1 - LEVEL) / 2
    reach = max(miss ** (1 / near) + miss ** (1 / far) - 1, 0.0)
    return Estimate(1.0, reach, 1.0) if point > 0.5 else Estimate(0.0, 0.0, 1 - reach)


class _Area:
    """The area under weights of both sets; values are sorted once, equal ones are one step."""

    def __init__(self, near: Floats, far: Floats) -> None:
        steps, places = np.unique(np.concatenate([near, far]), return_inverse=True)
        self.steps, self.near, self.far = steps.size, places[: near.size], places[near.size :]

    def __call__(self, near: Floats, far: Floats) -> Floats:
        """Return the area, float64 [B], under the weights of both sets, float64 [B, N] each."""
        here, there = _summed(near, self.near, self.steps), _summed(far, self.far, self.steps)
        below = np.cumsum(here, axis=1) - here / 2
        return np.asarray(np.einsum("bs,bs->b", there, below) / (here.sum(1) * there.sum(1)))


def _summed(weights: Floats, places: Integers, steps: int) -> Floats:
    """Return the sums [B, steps] of weights [B, N] at each place."""
    order = np.argsort(places, kind="stable")
    found = np.zeros((weights.shape[0], steps))
    present, starts = np.unique(places[order], return_index=True)
    found[:, present] = np.add.reduceat(np.take(weights, order, axis=1), starts, axis=1)
    return found
