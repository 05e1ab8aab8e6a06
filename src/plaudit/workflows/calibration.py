"""Calibrate saved predictions: probabilities, abstention and length, from anybody's scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from plaudit.calibration.calibrate import Calibration, calibrate
from plaudit.calibration.conformal import Abstained, abstain
from plaudit.calibration.debiasing import Debiasing, debias
from plaudit.calibration.observed import Uncalibratable
from plaudit.evaluation.table import text
from plaudit.predictions import Predictions
from plaudit.replacing import replace_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What came of calibrating a set of predictions.

    Attributes:
        calibration: the map from margins to probabilities, and what it changes.
        abstained: the rule by which to abstain, or why there is none.
        debiasing: rewards freed of length, or why there are none.
    """

    calibration: Calibration
    abstained: Abstained | str
    debiasing: Debiasing | str

    def as_mapping(self) -> dict[str, Any]:
        """Return everything as a plain dict; a part that is not there is an object with its ``reason``."""
        parts = {"abstention": self.abstained, "debiasing": self.debiasing}
        others = {name: {"reason": one} if isinstance(one, str) else one.to_json() for name, one in parts.items()}
        return {"calibration": self.calibration.to_json(), **others}

    def __str__(self) -> str:
        """Return sentences and tables as plain text."""
        abstained = self.abstained if isinstance(self.abstained, str) else self.abstained.sentence
        shown = Group(self.calibration.table(), Text(f"abstention: {abstained}\n"))
        if isinstance(self.debiasing, str):
            return text(Group(shown, Text(f"length: {self.debiasing}")))
        return text(Group(shown, Text(f"length: {self.debiasing.sentence}"), self.debiasing.table()))

    def save(self, path: Path) -> None:
        """Write `as_mapping` to ``path`` as JSON, whole or not at all."""
        replace_file(path, json.dumps(self.as_mapping(), indent=1, allow_nan=False) + "\n")


def calibrate_predictions(
    predictions: Predictions,
    kinds: Sequence[str] | None = None,
    error: float = 0.1,
    resamples: int = 2000,
    seed: int = 0,
) -> Calibrated:
    """Return the best map to probabilities, the rule to abstain by, and rewards freed of length.

    Args:
        predictions: comparisons that the model was not trained on, of at least 20 groups.
        kinds: names of calibrators; all by default.
        error: the rate of errors that abstaining is to keep.
        resamples: number of resamples behind each interval.
        seed: of dealing to folds and of resamples.

    Raises:
        Uncalibratable: too few groups, all ties, margins that do not differ.
    """
    calibration = calibrate(predictions, kinds, resamples=resamples, seed=seed)
    abstained: Abstained | str
    debiasing: Debiasing | str
    try:
        abstained = abstain(predictions, error, resamples=resamples, seed=seed)
    except Uncalibratable as reason:
        abstained = f"no rule: {reason}"
    try:
        debiasing = debias(predictions, resamples=resamples, seed=seed)
    except Uncalibratable as reason:
        debiasing = f"not adjusted: {reason}"
    return Calibrated(calibration=calibration, abstained=abstained, debiasing=debiasing)
