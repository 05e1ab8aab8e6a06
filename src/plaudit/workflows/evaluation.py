"""Measure a saved model on preferences: one Scorer, one set of predictions, one evaluation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from plaudit.evaluation.evaluate import Evaluation, evaluate
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.best_of_n import Score
from plaudit.scoring.conversations import Pair
from plaudit.scoring.predict import predict
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.data import Data, announce


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How finely to measure.

    Attributes:
        resamples: bootstrap resamples behind each interval.
        slices: names of fields by which to break the figures down; [] for none, left out for all that the data has.
    """

    resamples: int = 2000
    slices: list[str] | None = None

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise ValueError(f"resamples must be at least 100, not {self.resamples}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of measuring a saved model.

    Attributes:
        evaluation: every metric with its interval.
        predictions: the rewards and comparisons behind it.
        seconds: wall time of scoring and evaluating.
        artefact: what was measured.
    """

    evaluation: Evaluation
    predictions: Predictions
    seconds: float
    artefact: Path

    def as_mapping(self) -> dict[str, Any]:
        """Return the figures that ``--json`` prints."""
        report = self.evaluation.to_json()
        speed = {"seconds": self.seconds, "pairs_per_second": len(self.predictions.chosen) / self.seconds}
        return {**report, **why(self.evaluation), **speed, "artefact": str(self.artefact)}


def why(evaluation: Evaluation) -> dict[str, str | None]:
    """Return ``interval_reason``: why the accuracy has no interval, or None where it has one."""
    accuracy = evaluation.overall.metrics.get("accuracy")
    return {"interval_reason": (accuracy.reason or None) if accuracy else None}


def measure(
    scorer: Scorer,
    preferences: Preferences,
    *,
    on_unfit: Literal["error", "drop"] = "error",
    measurement: Measurement | None = None,
    say: Say = to_stderr,
) -> tuple[Evaluation, Predictions]:
    """Score every distinct response of ``preferences`` once and evaluate the comparisons.

    Args:
        scorer: the model.
        preferences: what to measure it on.
        on_unfit: what to do about comparisons with a response that cannot be encoded.
        measurement: resamples and slices.
        say: is told how many rewards the cache had, if there is one.
    """
    refuse: Literal["error", "nan"] = "error" if on_unfit == "error" else "nan"

    def scored(pairs: Sequence[Pair]) -> list[Score]:
        scores = scorer.score(pairs, on_unfit=refuse, deviations=True)
        if scorer.cache is not None:
            say(f"cache: {sum(score.cached for score in scores)} of {len(scores)} were there")
        return scores

    predictions = predict(scored, preferences, on_unfit)
    how = measurement or Measurement()
    return evaluate(predictions, slices=how.slices, resamples=how.resamples), predictions


def evaluate_model(
    path: Path | str,
    sources: Sequence[str],
    *,
    data: Data | None = None,
    dtype: str = "float32",
    cache: Path | None = None,
    measurement: Measurement | None = None,
    say: Say = to_stderr,
) -> Measured:
    """Load the model at ``path`` and measure it on all comparisons of ``sources``.

    Args:
        path: an artefact or a sequence-classification checkpoint.
        sources: preference data, as in `Data`.
        data: how to read it (format, bad rows, ratings to comparisons).
        dtype: of computing.
        cache: an SQLite file that keeps rewards.
        measurement: resamples and slices.
        say: receives what was read, what was dropped, and how many rewards the cache had.
    """
    settings = data or Data()
    preferences = settings.compared(settings.read(list(sources)), all_pairs=True)
    announce("evaluated", preferences, say)
    scorer = Scorer.load(path, dtype=dtype, cache=cache)
    begin = time.monotonic()
    evaluation, predictions = measure(scorer, preferences, on_unfit=settings.on_unfit, measurement=measurement, say=say)
    return Measured(evaluation, predictions, time.monotonic() - begin, Path(path))
