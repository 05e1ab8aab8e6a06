r"""Compare: two or more models on the same comparisons, pair by pair, with a verdict.

Each pair of models has for every metric the difference with its interval (`plaudit.evaluation.paired`), McNemar's test
of who is right (`plaudit.evaluation.mcnemar`), and the smallest difference that these data could show
(`plaudit.evaluation.power`).

Among more than two models there are several pairs, and of twenty comparisons of equals one would seem to differ. A
verdict other than ``not distinguishable`` then also needs Holm's p, over the pairs for that metric, to be at most 0.05,
so that the probability of any wrong verdict on a metric is at most 5 %. Intervals stay those of each pair by itself.

Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6 (1979).

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> good = rng.normal(1.0, 1.0, 400)
>>> models = {"good": good, "bad": good + rng.normal(0.0, 2.0, 400)}
>>> scored = {name: Predictions.from_pairs(margins, np.zeros(400)) for name, margins in models.items()}
>>> [contest.verdict for contest in compare(scored).contests]
['better']
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from plaudit.evaluation.intervals import LEVEL, Estimate, intervals
from plaudit.evaluation.mcnemar import McNemar, mcnemar
from plaudit.evaluation.metrics import Metric, choose
from plaudit.evaluation.paired import Difference, Resamples, Verdict
from plaudit.evaluation.pairing import Pairing, pair
from plaudit.evaluation.power import detectable, unpaired
from plaudit.evaluation.sections import plain
from plaudit.predictions import Floats, Predictions

JUDGED = "accuracy"
"""The metric whose verdict is that of the pair, if it was asked for; else the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One metric of one pair of models.

    Attributes:
        difference: how much higher it is for the first.
        p: two-sided, corrected by Holm's procedure where there are several pairs.
        verdict: on the first model, where there are several pairs with Holm's p.
        paired: smallest difference that would be found four times in five on the same comparisons.
        unpaired: likewise, were each model measured on comparisons of its own.
    """

    difference: Difference
    p: float
    verdict: Verdict
    paired: float
    unpaired: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict, the difference as ``value``, ``low``, ``high`` and ``reason``."""
        smallest = {"paired": self.paired, "unpaired": self.unpaired}
        error = self.difference.standard_error
        found: dict[str, Any] = plain({"standard_error": error, "p": self.p, "detectable": smallest})
        return {**plain(self.difference.estimate.to_json()), "verdict": self.verdict, **found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Two models.

    Attributes:
        first: name of the one that verdicts are about.
        second: name of the other.
        metrics: name to what was found.
        mcnemar: the test of who is right.
    """

    first: str
    second: str
    metrics: Mapping[str, Judged]
    mcnemar: McNemar

    @property
    def verdict(self) -> Verdict:
        """The verdict on accuracy, or on the first metric if accuracy was not asked for."""
        return self.metrics[JUDGED if JUDGED in self.metrics else next(iter(self.metrics))].verdict

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a plain dict."""
        judged = {name: one.to_json() for name, one in self.metrics.items()}
        test = {**self.mcnemar.to_json(), "respects": self.mcnemar.respects}
        return {
            "first": self.first,
            "second": self.second,
            "verdict": self.verdict,
            "metrics": judged,
            "mcnemar": test,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What comparing models found.

    Attributes:
        models: name to metric to its value with its own interval.
        contests: every two models, in the order in which they were given.
        comparisons: how many all of them were judged by.
        groups: number of groups they fall into.
        unit: what was resampled, ``prompts`` or ``responses``.
        by: how comparisons were matched, by ``ids`` or by ``position``.
        left_out: name to the number of its comparisons that some other model has not.
        resamples: number of resamples behind each interval.
        seed: theirs.
    """

    models: Mapping[str, Mapping[str, Estimate]]
    contests: tuple[Contest, ...]
    comparisons: int
    groups: int
    unit: Literal["prompts", "responses"]
    by: Literal["ids", "position"]
    left_out: Mapping[str, int]
    resamples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict; numbers that are not finite are None."""
        own = {name: {key: asdict(one) for key, one in found.items()} for name, found in self.models.items()}
        facts = {name: getattr(self, name) for name in ("comparisons", "groups", "unit", "by", "resamples", "seed")}
        contests = [one.to_json() for one in self.contests]
        return {**facts, "level": LEVEL, "left_out": dict(self.left_out), "models": plain(own), "contests": contests}


def compare(
    models: Mapping[str, Predictions],
    metrics: Sequence[str] | Mapping[str, Metric] | None = None,
    *,
    shared_only: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> Compared:
    """Return every two models compared on the same comparisons.

    Args:
        models: name to predictions, two or more; in another order if they have ids.
        metrics: names of metrics, or metrics by name; by default those of which higher or lower is better.
        shared_only: compare on what all models have, and count what is left out, instead of refusing.
        resamples: number of resamples behind each interval, at least 100.
        seed: theirs.

    Raises:
        plaudit.evaluation.pairing.NotPaired: the comparisons are not the same.
        ValueError: no metric, too few resamples, or nothing to measure.
    """
    chosen = dict(metrics) if isinstance(metrics, Mapping) else _chosen(metrics)
    if not chosen:
        raise ValueError("there is no metric to compare models by")
    paired = pair(models, shared_only=shared_only)
    if not any((one.weight > 0).any() for one in paired.models.values()):
        raise ValueError("nothing to compare: no comparison has a positive weight")
    first = next(iter(paired.models.values()))
    return Compared(
        models={name: intervals(chosen, one, resamples, seed) for name, one in paired.models.items()},
        contests=_contests(paired, chosen, resamples, seed),
        comparisons=len(first),
        groups=first.group_count,
        unit="responses" if first.by_response else "prompts",
        by=paired.by,
        left_out=paired.left_out,
        resamples=resamples,
        seed=seed,
    )


def _chosen(names: Sequence[str] | None) -> dict[str, Metric]:
    found = choose(names)
    judged = {name: one for name, one in found.items() if getattr(one, "higher_is_better", None) is not None}
    return judged if names is None else found


def _contests(paired: Pairing, metrics: Mapping[str, Metric], resamples: int, seed: int) -> tuple[Contest, ...]:
    drawn = {name: Resamples.of(metrics, one, resamples, seed) for name, one in paired.models.items()}
    errors = {name: one.standard_errors() for name, one in drawn.items()}
    pairs = list(combinations(drawn, 2))
    found = [drawn[first].less(drawn[second]) for first, second in pairs]
    corrected = {name: holm(np.array([one[name].p for one in found])) for name in metrics}
    return tuple(
        Contest(
            first=first,
            second=second,
            metrics={
                name: _judged(one, float(corrected[name][place]), len(pairs), [errors[first], errors[second]], name)
                for name, one in found[place].items()
            },
            mcnemar=mcnemar(paired.models[first], paired.models[second]),
        )
        for place, (first, second) in enumerate(pairs)
    )


def _judged(difference: Difference, p: float, pairs: int, errors: Sequence[Mapping[str, float]], name: str) -> Judged:
    alone = [one.get(name, np.nan) for one in errors]
    apart = unpaired(alone[0], alone[1])
    clear = pairs == 1 or p <= 1 - LEVEL or difference.verdict == "no interval"
    return Judged(
        difference=difference,
        p=p,
        verdict=difference.verdict if clear else "not distinguishable",
        paired=difference.detectable,
        unpaired=float("nan") if np.isnan(apart) else detectable(apart, difference.groups),
    )


def holm(p: Floats) -> Floats:
    """Return p-values [T] corrected so that any wrong rejection among them is as rare as the level says; NaN stays."""
    order = np.argsort(p)
    left = np.arange(p.size, 0, -1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * left), 1.0)
    return corrected
