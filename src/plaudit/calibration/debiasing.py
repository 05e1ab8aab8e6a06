r"""Debiasing: rewards as they are, without what they owe to length, and divided by it, side by side.

For each way, with intervals from the same resamples of groups:

* **accuracy**, and how much of it the way gains or loses, comparison by comparison;
* **length correlation**: Spearman's :math:`\rho` of reward and length over responses;
* **at equal verdict**: the partial correlation of margin and difference in log-length given the verdict (won, lost,
  tie), every comparison counted in both orders. Longer responses may be better; this is what length is paid *beside*
  being preferred. With :math:`r_{md}, r_{my}, r_{dy}` the correlations about 0 of margin, difference in
  :math:`\log(1 + \ell)` and verdict (1, or 0 in a tie), it is
  :math:`(r_{md} - r_{my} r_{dy}) / \sqrt{(1 - r_{my}^2)(1 - r_{dy}^2)}`.

The adjustment is cross-fitted: each reward is adjusted by a fit on other groups.

**Reward divided by length** is there for comparison alone. Where rewards are negative it turns the order round: of two
equally bad responses the longer gets the higher reward, so padding pays. Those rewards are refused, unless asked
for; and as rewards of comparisons have no natural zero, adding a constant changes the order too.

>>> from plaudit.predictions import Predictions
>>> per_length(Predictions.from_pairs([6.0], [2.0], lengths=([3], [4]))).rewards.tolist()
[2.0, 0.5]
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from rich.table import Table

from plaudit.calibration.adjustment import LengthAdjustment
from plaudit.calibration.lengths import FOLDS, SHARE, cross_adjusted, fit
from plaudit.calibration.margins import Change, at, bare, numbered
from plaudit.evaluation.correlations import correlations
from plaudit.evaluation.intervals import Estimate, intervals
from plaudit.evaluation.length_bias import AtEqualVerdict
from plaudit.evaluation.metrics import Metric
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.sections import plain
from plaudit.predictions import Predictions

RAW, ADJUSTED, DIVIDED = "as it is", "adjusted for length", "divided by length"
"""The ways, in the order in which they are shown."""


class NegativeRewards(ValueError):
    """Rewards below 0 were to be divided by length; the message says how many there are and what would happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Rewards made in one way.

    Attributes:
        accuracy: share of comparisons that are right.
        change: its accuracy less that of rewards as they are, in the same resamples.
        correlation: Spearman's, of reward and length over responses.
        at_equal_verdict: partial correlation of margin and difference in length.
    """

    accuracy: Estimate
    change: Estimate
    correlation: Estimate
    at_equal_verdict: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Debiasing:
    """Rewards freed of length, and what that costs.

    Attributes:
        adjustment: fitted to all responses, to ship.
        ways: name to figures, in the order of `RAW`, `ADJUSTED`, `DIVIDED`; the last only where no reward is below 0.
        refused: why there is no `DIVIDED`, or ``""``.
        comparisons: number of comparisons; no way leaves one out.
    """

    adjustment: LengthAdjustment
    ways: Mapping[str, Way]
    refused: str
    comparisons: int

    @property
    def sentence(self) -> str:
        """What the adjustment does, in words."""
        raw, adjusted = self.ways[RAW], self.ways[ADJUSTED]
        return (
            f"adjusted for length, the correlation of reward and length goes from {raw.correlation} to "
            f"{adjusted.correlation}, at equal verdict from {raw.at_equal_verdict} to {adjusted.at_equal_verdict}; "
            f"accuracy changes by {adjusted.change} from {raw.accuracy}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict; numbers that are not finite are None."""
        ways = {name: asdict(way) for name, way in self.ways.items()}
        stated = {"sentence": self.sentence, "record": self.adjustment.record(), "refused": self.refused}
        found: dict[str, Any] = plain(stated | {"ways": ways, "comparisons": self.comparisons})
        return found

    def table(self) -> Table:
        """Return a line for each way, for a rich console."""
        title = f"reward and length, {self.comparisons:,} comparisons"
        table = Table(title=title, caption=self.refused or None, title_justify="left", caption_justify="left")
        for heading in ("reward", "accuracy", "change", "correlation with length", "at equal verdict"):
            table.add_column(heading)
        for name, way in self.ways.items():
            table.add_row(name, *map(str, (way.accuracy, way.change, way.correlation, way.at_equal_verdict)))
        return table


def debias(
    predictions: Predictions,
    share: float = SHARE,
    counts: ArrayLike | None = None,
    folds: int = FOLDS,
    resamples: int = 2000,
    seed: int = 0,
) -> Debiasing:
    """Return what adjusting rewards for length, or dividing them by it, does to accuracy and length correlation.

    Args:
        predictions: with lengths, of at least 20 groups the model was not trained on.
        share: of the responses in a neighbourhood, see `plaudit.calibration.lengths.fit`.
        counts: tokens of each response [N], to divide by; characters if None.
        folds: how many parts groups are dealt to.
        resamples: number of resamples behind each interval, at least 100.
        seed: of dealing and resamples.

    Raises:
        plaudit.calibration.observed.Uncalibratable: too few groups or responses, no lengths, or all of one length.
        ValueError: the share or the counts are not as they should be.
    """
    core = bare(predictions)
    made, refused = {RAW: core, ADJUSTED: cross_adjusted(core, share, folds, seed)}, ""
    try:
        made[DIVIDED] = per_length(core, counts)
    except NegativeRewards as error:
        refused = f"{DIVIDED}: {error}"
    return Debiasing(
        adjustment=fit(core, share),
        ways=ways(core, made, resamples, seed),
        refused=refused,
        comparisons=len(core),
    )


def per_length(
    predictions: Predictions, counts: ArrayLike | None = None, on_negative: Literal["refuse", "allow"] = "refuse"
) -> Predictions:
    """Return the predictions with every reward divided by the response's length, for comparison only.

    Args:
        predictions: the scored comparisons.
        counts: tokens of each response [N], 1 or more; characters if None, an empty response counting as one.
        on_negative: whether rewards below 0, for which longer is then better, are refused.

    Raises:
        NegativeRewards: some are, and ``on_negative`` is "refuse".
        ValueError: the counts are not one number of 1 or more a response, or no length is known.
    """
    negative = int((predictions.rewards < 0).sum())
    if negative and on_negative == "refuse":
        raise NegativeRewards(
            f"{negative:,} of {predictions.rewards.size:,} rewards are below 0; divided by length, the longer of two "
            "equally bad responses gets the higher reward, so they are not divided"
        )
    if counts is None and not predictions.lengths.any():
        raise ValueError("no lengths are known; give the number of tokens of each response")
    divisors = np.maximum(predictions.lengths, 1) if counts is None else np.asarray(counts, dtype=np.float64)
    if divisors.shape != predictions.rewards.shape or not (np.isfinite(divisors) & (divisors >= 1)).all():
        raise ValueError(f"counts must be {predictions.rewards.size} finite numbers of 1 or more, one a response")
    return replace(predictions, rewards=predictions.rewards / divisors)


def ways(raw: Predictions, made: Mapping[str, Predictions], resamples: int = 2000, seed: int = 0) -> dict[str, Way]:
    """Return the figures of rewards made in several ways, all from the same resamples.

    Args:
        raw: what changes of accuracy are measured from.
        made: by name; the same comparisons in the same order, of this model or of others.
        resamples: number of resamples behind each interval, at least 100.
        seed: of the resamples.

    Raises:
        ValueError: a way has other comparisons.
    """
    for name, own in made.items():
        if not all(
            np.array_equal(getattr(own, side), getattr(raw, side)) for side in ("chosen", "rejected", "lengths")
        ):
            raise ValueError(f"{name!r} has other comparisons; rewards are compared on the same ones in the same order")
    metrics: dict[str, Metric] = {}
    for name, own in made.items():
        metrics[f"{name} accuracy"] = at(Accuracy(), own.margins)
        metrics[f"{name} change"] = Change(Accuracy(), own.margins, raw.margins)
        metrics[f"{name} at_equal_verdict"] = at(AtEqualVerdict(), own.margins)
    found = intervals(metrics, numbered(raw), resamples, seed)
    fields = ("accuracy", "change", "at_equal_verdict")
    return {
        name: Way(
            correlation=_with_length(own, resamples, seed),
            **{field: found[f"{name} {field}"] for field in fields},
        )
        for name, own in made.items()
    }


def _with_length(predictions: Predictions, resamples: int, seed: int) -> Estimate:
    """Return Spearman's correlation of reward and length over responses."""
    rated = replace(predictions, ratings={"length": predictions.lengths.astype(np.float64)})
    return correlations(rated, [("length", "reward")], resamples, seed)[0].spearman
