"""Evaluate: every metric with its interval, per slice, beside what reading nothing would get.

>>> import numpy as np
>>> from plaudit.predictions import Predictions
>>> rng = np.random.default_rng(0)
>>> better, worse = rng.normal(1, 1, 400), rng.normal(0, 1, 400)
>>> print(evaluate(Predictions.from_pairs(better, worse)).overall.metrics["accuracy"])
0.757 [0.715, 0.797]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from rich.console import Group

from plaudit.evaluation.baselines import BASELINES, AccuracyOf
from plaudit.evaluation.ceiling import Ceiling, ceiling
from plaudit.evaluation.correlations import Correlation, correlations
from plaudit.evaluation.discoveries import Discovery, discoveries
from plaudit.evaluation.flags import flags
from plaudit.evaluation.intervals import LEVEL, intervals
from plaudit.evaluation.metrics import Metric, choose
from plaudit.evaluation.rankings import Ranking, rankings
from plaudit.evaluation.sections import Flag, Section
from plaudit.evaluation.selective import Selective, selective
from plaudit.evaluation.slices import parts, with_length
from plaudit.evaluation.table import Beside, render, text
from plaudit.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a set of predictions is worth.

    Attributes:
        overall: all comparisons.
        slices: slice to label to the numbers of that part.
        flags: what to know first, most important first.
        correlations: of the reward and its parts with the ratings of the same responses; empty where there are none.
        unit: what was resampled, ``prompts`` or ``responses``.
        resamples: number of resamples behind each interval.
        seed: their seed.
        selective: what dropping the least certain comparisons does, or None where the model gives no variances.
        discoveries: which labels of which slices differ from the rest in accuracy.
        ceiling: how right any model could be, or None where no two responses were judged twice.
        rankings: how well the responses of each prompt are put in order; empty where no prompt has three.
    """

    overall: Section
    slices: Mapping[str, Mapping[str, Section]]
    flags: tuple[Flag, ...]
    correlations: tuple[Correlation, ...] = ()
    unit: str
    resamples: int
    seed: int
    selective: Selective | None = None
    discoveries: tuple[Discovery, ...] = ()
    ceiling: Ceiling | None = None
    rankings: tuple[Ranking, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict, with the usual numbers at the top.

        ``accuracy``, ``interval`` (its two ends, or None), ``ece``, ``nll``, ``brier`` and ``n`` repeat what
        ``overall`` holds; those whose metric was not asked for are left out. ``selective`` and ``ceiling`` are there
        where they are known.
        """
        return {
            **_headline(self.overall),
            "level": LEVEL,
            "unit": self.unit,
            "resamples": self.resamples,
            "seed": self.seed,
            "flags": [asdict(flag) for flag in self.flags],
            "overall": self.overall.to_json(),
            "correlations": [one.to_json() for one in self.correlations],
            "slices": {name: {label: part.to_json() for label, part in of.items()} for name, of in self.slices.items()},
            "discoveries": [one.to_json() for one in self.discoveries],
            "rankings": [one.to_json() for one in self.rankings],
            **({} if self.selective is None else {"selective": self.selective.to_json()}),
            **({} if self.ceiling is None else {"ceiling": self.ceiling.to_json()}),
        }

    def table(self) -> Group:
        """Return flags and tables for a rich console."""
        return render(
            self.overall,
            self.slices,
            self.flags,
            self._drawn(),
            self.correlations,
            self.selective,
            Beside(self.discoveries, self.ceiling, self.rankings),
        )

    def __str__(self) -> str:
        """Return flags and tables as plain text."""
        return text(self.table())

    def _drawn(self) -> str:
        return f"intervals: {self.resamples} resamples of {self.unit}, seed {self.seed}"


def evaluate(
    predictions: Predictions,
    metrics: Sequence[str] | Mapping[str, Metric] | None = None,
    slices: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Evaluation:
    """Return every metric with its 95 % interval, for all comparisons and per slice, beside the baselines.

    Where responses are rated, the correlation of rewards and parts with ratings stands beside; where margins have
    variances, selective accuracy by them.

    Args:
        predictions: the scored comparisons.
        metrics: names of metrics, or metrics by name; all of `plaudit.evaluation.metrics` by default.
        slices: names of the slices to break down by; by default all the predictions carry with two labels or more, and
            ``chosen_is`` (longer or shorter) where lengths are known.
        resamples: number of resamples behind each interval.
        seed: seed of the resamples.

    Raises:
        ValueError: there is no comparison of positive weight, or no such slice.
    """
    if not (predictions.weight > 0).any():
        raise ValueError(f"nothing to evaluate: {len(predictions)} comparisons, none of positive weight")
    chosen = dict(metrics) if isinstance(metrics, Mapping) else choose(metrics)
    sliced = with_length(predictions)

    def section(part: Predictions) -> Section:
        return _section(part, chosen, resamples, seed)

    overall, names = section(predictions), _telling(sliced) if slices is None else list(slices)
    return Evaluation(
        overall=overall,
        slices={name: _labelled(sliced, name, section) for name in names},
        flags=flags(predictions, overall),
        correlations=correlations(predictions, resamples=resamples, seed=seed),
        unit="responses" if predictions.by_response else "prompts",
        resamples=resamples,
        seed=seed,
        selective=selective(predictions, resamples=resamples, seed=seed),
        discoveries=discoveries(sliced, names, resamples, seed),
        ceiling=ceiling(predictions, resamples, seed),
        rankings=rankings(predictions, resamples=resamples, seed=seed),
    )


def _telling(predictions: Predictions) -> list[str]:
    """Return the slices that divide the comparisons: one with a single label would say everything twice."""
    return [name for name, labels in predictions.slices.items() if len(set(labels.tolist())) > 1]


def _labelled(predictions: Predictions, name: str, section: Callable[[Predictions], Section]) -> Mapping[str, Section]:
    alone = replace(predictions, slices={name: predictions.slices[name]}) if name in predictions.slices else predictions
    return {str(label): section(part) for label, part in parts(alone, name) if (part.weight > 0).any()}


def _section(predictions: Predictions, metrics: Mapping[str, Metric], resamples: int, seed: int) -> Section:
    beside: dict[str, Metric] = {f"baseline {name}": AccuracyOf(scorer) for name, scorer in BASELINES.items()}
    found = intervals({**metrics, **beside}, predictions, resamples, seed)
    return Section(
        comparisons=len(predictions),
        groups=predictions.group_count,
        ties=float(np.mean(predictions.outcome == 0.5)),
        equal_rewards=float(np.mean(predictions.margins == 0)),
        metrics={name: found[name] for name in metrics},
        baselines={name: found[f"baseline {name}"] for name in BASELINES},
    )


def _headline(section: Section) -> dict[str, Any]:
    metrics = section.metrics
    headline: dict[str, Any] = {}
    if "accuracy" in metrics:
        accuracy = metrics["accuracy"]
        headline |= {
            "accuracy": accuracy.value,
            "interval": None if accuracy.low is None else [accuracy.low, accuracy.high],
        }
    if "expected_calibration_error" in metrics:
        headline["ece"] = metrics["expected_calibration_error"].value
    if "log_likelihood" in metrics:
        headline["nll"] = -metrics["log_likelihood"].value
    if "brier" in metrics:
        headline["brier"] = metrics["brier"].value
    return headline | {"n": section.comparisons}
