r"""Conformal abstention: decide only where the margin is wide enough for a stated rate of errors.

A comparison is decided for the side with the higher reward where :math:`|\Delta| > \theta`; else the scorer abstains.
:math:`\theta` is split-conformal. With :math:`\Delta` the margin of the side that wins, the prediction set of a
comparison holds each side whose own margin is at least :math:`-\theta`: both sides where :math:`|\Delta| \le \theta`,
one elsewhere.

**The guarantee.** For an error rate :math:`\alpha` and a comparison drawn from a *new* group, exchangeable with the G
groups :math:`\theta` was fitted to, by its weight within the group,

.. math:: P(\text{decided for the side that loses}) \le \alpha,

whatever the model and the data. It is *marginal*: on average over groups to fit to and new ones. It does not say that
:math:`\alpha` holds in every slice, nor for this one :math:`\theta`. And it counts errors among *all* comparisons:
among those that are decided the rate is :math:`\alpha` over their share, at most. It is void where new prompts are of
another kind. The figures of `abstain` count comparisons, so where large groups are harder than small ones they may
lie above :math:`\alpha`.

* **Groups, not comparisons, are exchangeable.** Each group counts 1 / (G + 1), shared out within it by weight, and a
  group yet to come counts as always wrong, so :math:`\theta` is the least number with
  :math:`\sum_g \bar F_g(\theta) \ge (1 - \alpha)(G + 1)`, where :math:`\bar F_g` is the weighted share of group g in
  which the winner's margin is at least :math:`-\theta`. That needs :math:`G \ge 1/\alpha - 1`.
* **Where responses are drawn**, comparisons that share one are not exchangeable with a comparison of two new ones. A
  random set is kept in which no response appears twice, chosen without looking at rewards; each counts as a group,
  whatever its weight. The guarantee is for a comparison of two new responses, where who is compared with whom does
  not hang on rewards.
* **A tie** between people is half a win each way: deciding it is half an error.

Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005); for groups Lee, Barber and Willett,
Distribution-free inference with hierarchical data (2023), section 3.

>>> from plaudit.predictions import Predictions
>>> margins = [3.0] * 90 + [-1.0] * 6 + [-2.0] * 3
>>> abstention(Predictions.from_pairs(margins, [0.0] * 99), error=0.05).threshold
1.0
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plaudit.calibration.folds import cross_fitted, usual
from plaudit.calibration.margins import bare, with_margins
from plaudit.calibration.observed import Uncalibratable
from plaudit.evaluation.intervals import Estimate, interval, intervals
from plaudit.evaluation.metrics import OfTerms
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats, Predictions

_ROUNDING = 1e-9
_AT_ONCE = 4096
"""Comparisons that are looked at before those whose responses are taken are struck out."""


@dataclass(frozen=True, slots=True)
class Abstention:
    """When to decide.

    Attributes:
        error: the stated rate: of all comparisons at most this share is decided wrongly.
        threshold: a comparison is decided where its margin is larger than this in size; in the reward's own units.
        groups: number of groups that it rests on.
    """

    error: float
    threshold: float
    groups: int

    def __post_init__(self) -> None:
        _check_error(self.error)
        if not 0 <= self.threshold < np.inf:
            raise ValueError(f"a threshold is a finite number from 0, not {self.threshold}")

    def decides(self, margins: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each comparison is decided, boolean [M], for margins [M].

        Raises:
            ValueError: a margin is NaN.
        """
        given = np.asarray(margins, dtype=np.float64)
        if np.isnan(given).any():
            raise ValueError(f"margin {int(np.argmax(np.isnan(given)))} is NaN; nothing can be decided by it")
        return np.asarray(np.abs(given) > self.threshold)

    def record(self) -> dict[str, Any]:
        """Return the fields as plain data; `of_record` reads them."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Abstention":
        """Return what `record` wrote; ValueError where it is something else."""
        wanted = {"error", "threshold", "groups"}
        if set(record) != wanted:
            raise ValueError(f"a record of abstention holds {sorted(wanted)}, not {sorted(record)}")
        return cls(**record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstained:
    """What abstaining does on groups that the threshold has not seen.

    Attributes:
        abstention: the rule, fitted to all comparisons.
        decided: share of comparisons that are decided.
        wrong: share of *all* comparisons that are decided wrongly; this is what the guarantee bounds.
        wrong_if_decided: share of those decided that are decided wrongly; no guarantee.
        wrong_without: share that is wrong if everything is decided.
    """

    abstention: Abstention
    decided: Estimate
    wrong: Estimate
    wrong_if_decided: Estimate
    wrong_without: Estimate

    @property
    def sentence(self) -> str:
        """What was promised and what was seen, in words."""
        rule = self.abstention
        return (
            f"deciding where the margin is above {rule.threshold:.4g} in size: at most {rule.error:.1%} of comparisons "
            f"from prompts of the same kind are decided wrongly, on average over prompts (split conformal, "
            f"{rule.groups:,} groups). On unseen groups {self.decided} are decided, {self.wrong} are decided wrongly; "
            f"of those decided {self.wrong_if_decided} are wrong, and {self.wrong_without} if all are decided"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found | {"sentence": self.sentence}


class Decided(OfTerms):
    """Share of comparisons that are decided; ``strength`` says which, 1 or 0."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    bound: ClassVar[int] = 1

    def terms(self, predictions: Predictions) -> Floats:
        """Return 1 or 0 a comparison, float64 [M]."""
        return predictions.strength


class Wrong(OfTerms):
    """Share of all comparisons that are decided wrongly; ``strength`` says which are decided."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    bound: ClassVar[int] = 1

    def terms(self, predictions: Predictions) -> Floats:
        """Return 1, 0.5 or 0 a comparison, float64 [M]."""
        return predictions.strength * (1 - Accuracy().terms(predictions))


class WrongWithout(OfTerms):
    """Share of comparisons that are wrong if all are decided."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    bound: ClassVar[int] = 1

    def terms(self, predictions: Predictions) -> Floats:
        """Return 1, 0.5 or 0 a comparison, float64 [M]."""
        return 1 - Accuracy().terms(predictions)


def abstention(predictions: Predictions, error: float = 0.1, seed: int = 0) -> Abstention:
    """Return when to decide so that at most ``error`` of comparisons from new groups are decided wrongly.

    Args:
        predictions: comparisons that the model was not trained on.
        error: the rate, above 0 and below 0.5.
        seed: of which comparisons are kept, where responses are drawn.

    Raises:
        Uncalibratable: no comparison of positive weight, or too few groups for so low a rate.
        ValueError: the rate is not one.
    """
    _check_error(error)
    counted = bare(predictions)
    counted = counted.select(counted.weight > 0)
    if not len(counted):
        raise Uncalibratable(f"nothing to fit to: {len(predictions)} comparisons, none of positive weight")
    if counted.by_response:
        counted = counted.select(_disjoint(counted, seed))
    groups = counted.group_count if not counted.by_response else len(counted)
    if (1 - error) * (groups + 1) > groups + _ROUNDING:
        what = "comparisons that share no response" if counted.by_response else "groups"
        raise Uncalibratable(
            f"an error rate of {error:g} needs at least {int(np.ceil(1 / error - 1 - _ROUNDING))} {what}; "
            f"there are {groups}"
        )
    return Abstention(error, _threshold(counted, (1 - error) * (groups + 1)), groups)


def abstain(
    predictions: Predictions, error: float = 0.1, folds: int | None = None, resamples: int = 2000, seed: int = 0
) -> Abstained:
    """Return the rule of `abstention` with what it does on groups it has not seen, by cross-fitting.

    Args:
        predictions: of at least 20 groups.
        error: the rate.
        folds: how many parts groups are dealt to; 5, or 8 where responses are drawn, by default.
        resamples: number of resamples behind each interval, at least 100.
        seed: of dealing, choice and resamples.

    Raises:
        Uncalibratable: too few groups, for folds or for so low a rate.
        ValueError: the rate is not one.
    """
    rule = abstention(predictions, error, seed)

    def judge(seen: Predictions, unseen: Predictions) -> Floats:
        return abstention(seen, error, seed).decides(unseen.margins).astype(np.float64)

    dealt = usual(predictions) if folds is None else folds
    decided = cross_fitted(predictions, {"": judge}, dealt, seed)[""]
    judged = with_margins(bare(predictions), predictions.margins, beside=decided)
    metrics = {"decided": Decided(), "wrong": Wrong(), "wrong_without": WrongWithout()}
    return Abstained(
        abstention=rule,
        wrong_if_decided=_among(judged, resamples, seed),
        **intervals(metrics, judged, resamples, seed),
    )


def _among(judged: Predictions, resamples: int, seed: int) -> Estimate:
    """Return the share of those decided that is decided wrongly."""
    decided = judged.select((judged.strength > 0) & (judged.weight > 0))
    if not len(decided):
        return Estimate(np.nan, None, None, "nothing is decided")
    return interval(Wrong(), decided, resamples, seed)


def _check_error(error: float) -> None:
    if not 0 < error < 0.5:
        raise ValueError(f"an error rate is above 0 and below 0.5, not {error}")


def _threshold(predictions: Predictions, wanted: float) -> float:
    """Return the least θ from 0 at which the groups' shares of right or undecided comparisons sum to ``wanted``."""
    groups = np.arange(len(predictions)) if predictions.by_response else predictions.comparison_groups[0]
    _, place = np.unique(groups, return_inverse=True)
    share = predictions.weight / np.bincount(place, predictions.weight)[place]
    margins, outcome = predictions.margins, predictions.outcome
    short = np.concatenate([-margins, margins])  # how far the winner's margin falls short of 0
    shares = np.concatenate([share * outcome, share * (1 - outcome)])
    order = np.argsort(short, kind="stable")
    reached = np.cumsum(shares[order])
    return max(0.0, float(short[order][min(int(np.searchsorted(reached, wanted - _ROUNDING)), len(short) - 1)]))


def _disjoint(predictions: Predictions, seed: int) -> NDArray[np.int64]:
    """Return places of comparisons in random order, no two of which share a group; rewards are not looked at."""
    groups = np.unique(np.stack(predictions.comparison_groups), return_inverse=True)[1].reshape(2, -1)
    left, right = groups
    taken = np.zeros(groups.max() + 1, dtype=np.bool_)
    waiting, kept = np.random.default_rng(seed).permutation(len(predictions)), []
    while waiting.size:
        for place in waiting[:_AT_ONCE].tolist():
            if not (taken[left[place]] or taken[right[place]]):
                taken[[left[place], right[place]]] = True
                kept.append(place)
        waiting = waiting[_AT_ONCE:]
        waiting = waiting[~(taken[left[waiting]] | taken[right[waiting]])]
    return np.array(kept, dtype=np.int64)
