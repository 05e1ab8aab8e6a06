r"""Gaps: what a model is worth on several kinds of data, and how much that is below what it is worth on its own kind.

A *gap* is a set's number less that of the reference set. The two sets are independent: other prompts, other people.
With the values :math:`a` and :math:`b` of the set and of the reference and their own 95 % intervals :math:`[l_a, u_a]`
and :math:`[l_b, u_b]`, the interval of :math:`a - b` is

.. math:: \Big[(a-b) - \sqrt{(a-l_a)^2 + (u_b-b)^2},\quad (a-b) + \sqrt{(u_a-a)^2 + (b-l_b)^2}\Big].

It needs nothing but the two intervals, so it respects whatever they respect: groups, responses without prompts,
accuracies of exactly 1, small sets. Where both are symmetric it is the usual one of two independent means.

A set with a *counterpart*, the same comparisons in another state (attacked, translated, paraphrased), is compared with
that one and not with the reference, pair by pair (`plaudit.evaluation.paired`).

Source: Zou and Donner, Construction of Confidence Limits About Effect Measures: A General Approach (2008), for any two
estimates with intervals; Newcombe, Interval Estimation for the Difference Between Independent Proportions (1998).

>>> import numpy as np
>>> from plaudit.predictions import Predictions
>>> rng = np.random.default_rng(0)
>>> own, other = (Predictions.from_pairs(rng.normal(mean, 1, 400), np.zeros(400)) for mean in (1.0, 0.3))
>>> found = gaps({"test": own, "other domain": other})
>>> print(found.rows[1].gaps["accuracy"].estimate, found.rows[1].gaps["accuracy"].verdict)
-0.220 [-0.279, -0.158] worse
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, sqrt
from typing import Any, ClassVar, Literal

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from plaudit.evaluation.intervals import Estimate, intervals
from plaudit.evaluation.metrics import Metric, OfTerms, choose
from plaudit.evaluation.paired import differences
from plaudit.evaluation.sections import plain
from plaudit.evaluation.table import label, text
from plaudit.predictions import Floats, Predictions

METRICS = ("accuracy", "mean_reward")
UNCERTAINTY = "uncertainty"
ATTACKED, UNATTACKED = "attacked", "the same, not attacked"
"""Rows of an attack, and of the same comparisons without it."""

Verdict = Literal["better", "worse", "higher", "lower", "not distinguishable", "no interval"]


class Uncertainty(OfTerms):
    """Mean standard deviation of a margin, as the model itself gives it; in reward units."""

    label: ClassVar[str] = "uncertainty of a margin"
    higher_is_better: ClassVar[bool | None] = None

    def terms(self, predictions: Predictions) -> Floats:
        """Return the standard deviation of each margin, float64 [M]."""
        return np.sqrt(predictions.margin_variance)


@dataclass(frozen=True, slots=True)
class Gap:
    """A set's number less that of another.

    Attributes:
        estimate: the difference with its interval.
        of: what it is compared with: the reference, or its counterpart.
        paired: whether the two are of the same comparisons.
        higher_is_better: what is true of the metric.
    """

    estimate: Estimate
    of: str
    paired: bool
    higher_is_better: bool | None

    @property
    def verdict(self) -> Verdict:
        """What the interval says of the set."""
        low, high = self.estimate.low, self.estimate.high
        if low is None or high is None:
            return "no interval"
        if low <= 0 <= high:
            return "not distinguishable"
        if self.higher_is_better is None:
            return "higher" if low > 0 else "lower"
        return "better" if (low > 0) == self.higher_is_better else "worse"

    def to_json(self) -> dict[str, Any]:
        """Return the fields and the verdict."""
        return {**self.estimate.to_json(), "of": self.of, "paired": self.paired, "verdict": self.verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One set.

    Attributes:
        name: of the set.
        comparisons: number of them.
        groups: that they fall into.
        metrics: name to the number.
        gaps: name to how far it is from the reference, or from the counterpart; empty for the reference.
    """

    name: str
    comparisons: int
    groups: int
    metrics: Mapping[str, Estimate]
    gaps: Mapping[str, Gap]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data; numbers that are not finite are None."""
        found: dict[str, Any] = plain(
            {
                "name": self.name,
                "comparisons": self.comparisons,
                "groups": self.groups,
                "metrics": {name: asdict(one) for name, one in self.metrics.items()},
                "gaps": {name: one.to_json() for name, one in self.gaps.items()},
            }
        )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Several sets beside each other.

    Attributes:
        reference: name of the set that the others are compared with.
        rows: a set each, the reference first.
        resamples: behind each interval.
        seed: theirs.
    """

    reference: str
    rows: tuple[Row, ...]
    resamples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        rows = [row.to_json() for row in self.rows]
        return {"reference": self.reference, "rows": rows, "resamples": self.resamples, "seed": self.seed}

    def table(self) -> Group:
        """Return the table for a rich console."""
        return _table(self)

    def __str__(self) -> str:
        """Return the table as plain text."""
        return text(self.table())


def gaps(
    sets: Mapping[str, Predictions],
    reference: str | None = None,
    counterparts: Mapping[str, tuple[str, Predictions]] | None = None,
    *,
    metrics: Sequence[str] = METRICS,
    resamples: int = 2000,
    seed: int = 0,
) -> Gaps:
    """Return every set's numbers, and how far each is from the reference.

    The uncertainty of margins is there for sets whose margins all have a variance.

    Args:
        sets: name to scored comparisons, two or more.
        reference: name of the set that the others are compared with; the first if None.
        counterparts: for a set of the same comparisons in another state: what to call that, and its predictions.
        metrics: names from `plaudit.evaluation.metrics`.
        resamples: behind each interval.
        seed: theirs.

    Raises:
        ValueError: fewer than two sets, no such reference, a counterpart of no set, or a set without comparisons.
        NotPaired: a counterpart is not of the same comparisons.
    """
    first = next(iter(sets), "") if reference is None else reference
    others = dict(counterparts or {})
    _require_sets(sets, first, others)
    chosen = choose(metrics)
    order = {name: sets[name] for name in (first, *(name for name in sets if name != first))}
    known = {name: _measured(name, one, chosen, resamples, seed) for name, one in order.items()}
    rows = []
    for name, one in order.items():
        found: Mapping[str, Gap] = {}
        if name in others:
            found = _paired(one, *others[name], _available(chosen, one), resamples, seed)
        elif name != first:
            found = _unpaired(known[name], known[first], first, chosen)
        rows.append(
            Row(name=name, comparisons=len(one), groups=one.group_count, metrics=known[name], gaps=found)
        )  # fmt: skip
    return Gaps(reference=first, rows=tuple(rows), resamples=resamples, seed=seed)


def unpaired(ours: Estimate, theirs: Estimate) -> Estimate:
    """Return ``ours`` less ``theirs``, two numbers of independent sets, with its interval; see the module."""
    point = ours.value - theirs.value
    for one in (ours, theirs):
        if one.low is None or one.high is None:
            return Estimate(point, None, None, one.reason)
    assert ours.low is not None
    assert ours.high is not None
    assert theirs.low is not None
    assert theirs.high is not None
    below = sqrt((ours.value - ours.low) ** 2 + (theirs.high - theirs.value) ** 2)
    above = sqrt((ours.high - ours.value) ** 2 + (theirs.value - theirs.low) ** 2)
    return Estimate(point, point - below, point + above)


def _require_sets(
    sets: Mapping[str, Predictions], reference: str, counterparts: Mapping[str, tuple[str, Predictions]]
) -> None:
    if len(sets) < 2:
        raise ValueError(f"gaps are between two sets or more, not {len(sets)}")
    for name in (reference, *counterparts):
        if name not in sets:
            raise ValueError(f"there is no set {name!r}; there are: {', '.join(sets)}")
    if reference in counterparts:
        raise ValueError(f"the reference {reference!r} has a counterpart; only sets that are compared with one have")


def _available(metrics: Mapping[str, Metric], predictions: Predictions) -> dict[str, Metric]:
    """Return the metrics, with that of the uncertainty where every comparison that counts has one."""
    variances = predictions.margin_variance[predictions.weight > 0]
    return {**metrics, **({UNCERTAINTY: Uncertainty()} if np.isfinite(variances).all() else {})}


def _measured(
    name: str, predictions: Predictions, metrics: Mapping[str, Metric], resamples: int, seed: int
) -> dict[str, Estimate]:
    if not (predictions.weight > 0).any():
        raise ValueError(f"the set {name!r} has {len(predictions)} comparisons, none of positive weight")
    return intervals(_available(metrics, predictions), predictions, resamples, seed)


def _better(metric: object) -> bool | None:
    found: bool | None = getattr(metric, "higher_is_better", None)
    return found


def _unpaired(
    ours: Mapping[str, Estimate], theirs: Mapping[str, Estimate], reference: str, metrics: Mapping[str, Metric]
) -> dict[str, Gap]:
    shared = [name for name in ours if name in theirs]
    return {
        name: Gap(
            unpaired(ours[name], theirs[name]), reference, paired=False, higher_is_better=_better(metrics.get(name))
        )
        for name in shared
    }


def _paired(
    ours: Predictions, of: str, theirs: Predictions, metrics: Mapping[str, Metric], resamples: int, seed: int
) -> dict[str, Gap]:
    both = {name: metric for name, metric in metrics.items() if name in _available(metrics, theirs)}
    found = differences(both, ours, theirs, resamples, seed)
    return {
        name: Gap(one.estimate, of, paired=True, higher_is_better=one.higher_is_better) for name, one in found.items()
    }


def _table(found: Gaps) -> Group:
    caption = f"intervals: {found.resamples} resamples, seed {found.seed}; gaps from {found.reference} unless said"
    table = Table(title="the same model on other data", caption=caption, title_justify="left", caption_justify="left")
    names = list(dict.fromkeys(name for row in found.rows for name in row.metrics))
    table.add_column("")
    table.add_column("comparisons", justify="right")
    for name in names:
        table.add_column(_label(name), justify="right")
        table.add_column("gap", justify="right")
    for row in found.rows:
        cells = [cell for name in names for cell in (_number(row.metrics.get(name)), _gap(row.gaps.get(name)))]
        table.add_row(row.name, f"{row.comparisons:,}", *cells)
    return Group(table, *(Text(line) for row in found.rows for line in _sentences(row)))


def _sentences(row: Row) -> list[str]:
    gap = row.gaps.get("accuracy")
    if gap is None:
        return []
    how = f", the same comparisons as {gap.of}" if gap.paired else ""
    return [f"{row.name}{how}: accuracy {gap.verdict}"]


def _label(name: str) -> str:
    return Uncertainty.label if name == UNCERTAINTY else label(name)


def _number(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return f"{estimate.value:.3f}" if estimate.low is None else str(estimate)


def _gap(gap: Gap | None) -> str:
    if gap is None or not isfinite(gap.estimate.value):
        return ""
    one = gap.estimate
    if one.low is None or one.high is None:
        return f"{one.value:+.3f}"
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
