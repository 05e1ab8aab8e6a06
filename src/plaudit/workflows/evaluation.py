"""Measure a saved model on preferences: one Scorer, one set of predictions, one evaluation."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Group

from plaudit.calibration.conformal import Decided, Wrong
from plaudit.calibration.figures import BeforeAndAfter, judged
from plaudit.calibration.margins import bare, with_margins
from plaudit.calibration.shipped import Adjust, Meaning, described
from plaudit.calibration.table import figures
from plaudit.evaluation.evaluate import Evaluation, evaluate
from plaudit.evaluation.intervals import Estimate, intervals
from plaudit.evaluation.sections import plain
from plaudit.evaluation.table import text
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.best_of_n import Score
from plaudit.scoring.conversations import Pair
from plaudit.scoring.predict import predict
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.shipping import marked
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
class Carried:
    """What the calibration that a model carries is worth on the comparisons it was measured on.

    Attributes:
        kind: of the map.
        figures: NLL, ECE and Brier score of the sigmoid of the margin, and of the calibrated probability.
        abstaining: shares of comparisons that are ``decided`` and decided ``wrong``; empty where there is no rule.
        error: the rate that the rule was fitted to keep, or None.
    """

    kind: str
    figures: BeforeAndAfter
    abstaining: Mapping[str, Estimate]
    error: float | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as a plain dict; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self))
        return found | {"probabilities": described(self.kind)}

    def __str__(self) -> str:
        """Return the figures as plain text."""
        shown = text(
            Group(figures(f"with the calibration that the model carries ({self.kind})", {"all": self.figures}))
        )
        if self.error is None:
            return shown
        decided, wrong = (self.abstaining[name] for name in ("decided", "wrong"))
        return f"{shown}abstaining for at most {self.error:.1%} errors: {decided} are decided, {wrong} wrongly\n"


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of measuring a saved model.

    Attributes:
        evaluation: every metric with its interval.
        predictions: the rewards and comparisons behind it.
        seconds: wall time of scoring and evaluating.
        artefact: what was measured.
        carried: the same with the calibration that the model carries, or None where it carries none.
    """

    evaluation: Evaluation
    predictions: Predictions
    seconds: float
    artefact: Path
    carried: Carried | None = None

    def as_mapping(self) -> dict[str, Any]:
        """Return the figures that ``--json`` prints."""
        report = self.evaluation.to_json()
        speed = {"seconds": self.seconds, "pairs_per_second": len(self.predictions.chosen) / self.seconds}
        carried = {} if self.carried is None else {"calibrated": self.carried.to_json()}
        return {**report, **why(self.evaluation), **speed, "artefact": str(self.artefact), **carried}

    def __str__(self) -> str:
        """Return what a person reads."""
        return str(self.evaluation) if self.carried is None else f"{self.evaluation}\n{self.carried}"


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

    identity, adjusted = scorer.artefact.identity, scorer.adjust == "length"
    predictions = marked(predict(scored, preferences, on_unfit), identity, adjusted=adjusted)
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
    adjust: Adjust = "none",
    template: str | None = None,
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
        adjust: which reward is measured, see `Scorer`.
        template: text form of a checkpoint without a contract.
        say: receives what was read, what was dropped, and how many rewards the cache had.
    """
    settings = data or Data()
    preferences = settings.compared(settings.read(list(sources)), all_pairs=True)
    announce("evaluated", preferences, say)
    scorer = Scorer.load(path, dtype=dtype, cache=cache, adjust=adjust, template=template)
    begin = time.monotonic()
    evaluation, predictions = measure(scorer, preferences, on_unfit=settings.on_unfit, measurement=measurement, say=say)
    carried = None
    if (shipped := scorer.artefact.shipped) is not None:
        carried = _carried(shipped.of(adjust), predictions, (measurement or Measurement()).resamples)
    return Measured(evaluation, predictions, time.monotonic() - begin, Path(path), carried)


def _carried(meaning: Meaning, predictions: Predictions, resamples: int, seed: int = 0) -> Carried:
    """Return what a shipped map and rule are worth on comparisons."""
    margins, rule = predictions.margins, meaning.abstention
    found = judged(predictions, meaning.calibrator.log_odds(margins), resamples, seed)
    if rule is None:
        return Carried(meaning.calibrator.kind, found, {}, None)
    decided = with_margins(bare(predictions), margins, beside=rule.decides(margins))
    shares = intervals({"decided": Decided(), "wrong": Wrong()}, decided, resamples, seed)
    return Carried(meaning.calibrator.kind, found, shares, rule.error)
