"""Ship a calibration: fit to a model's held-out predictions what its artefact will carry, and put it there."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plaudit import __version__
from plaudit.calibration.adjustment import LengthAdjustment
from plaudit.calibration.calibrate import calibrate
from plaudit.calibration.conformal import Abstained, abstain
from plaudit.calibration.lengths import cross_adjusted
from plaudit.calibration.observed import Uncalibratable
from plaudit.calibration.shipped import Meaning, Shipped
from plaudit.predictions import Predictions
from plaudit.scoring import shipping
from plaudit.workflows.calibration import Calibrated, calibrate_predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How to fit; see `plaudit.workflows.calibration.calibrate_predictions`."""

    kinds: Sequence[str] | None = None
    error: float = 0.1
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was put into an artefact.

    Attributes:
        folder: the artefact.
        calibrated: the figures behind it.
        shipped: what lies there now.
    """

    folder: Path
    calibrated: Calibrated
    shipped: Shipped

    def as_mapping(self) -> dict[str, Any]:
        """Return the figures and, under ``shipped``, the record that lies in the artefact."""
        return {**self.calibrated.as_mapping(), "artefact": str(self.folder), "shipped": self.shipped.record()}

    def __str__(self) -> str:
        """Return the figures, and what was put where, as plain text."""
        return "\n".join([str(self.calibrated).rstrip(), "", f"put into {self.folder}:", *self.shipped.lines(), ""])


def ship(path: Path, folder: Path, fit: Fit) -> Delivery:
    """Fit calibration, abstention and the adjustment for length to saved predictions and put them into an artefact.

    What a margin means is fitted twice: to margins of rewards as they are, and to those of rewards adjusted for length,
    each by a fit on other groups.

    Args:
        path: predictions of comparisons that the model was not trained on, as ``plaudit evaluate --save`` writes them.
        folder: the model's artefact; what it carried before is replaced.
        fit: how.

    Raises:
        OtherModel: another model made the predictions, or their rewards are adjusted already.
        BadArtefact: there is no artefact.
        Uncalibratable: too few groups, all ties, margins that do not differ.
    """
    predictions = Predictions.load(path)
    model = shipping.require_own(folder, predictions)
    found = calibrate_predictions(predictions, fit.kinds, fit.error, fit.resamples, fit.seed)
    length, why = _by_length(found, predictions, fit)
    shipped = Shipped(
        model=model,
        recipe=_recipe(path, predictions, fit) | {"length": why},
        raw=_meaning(found.calibration.fitted, found.calibration.sentence, found.abstained),
        length=length,
    )
    shipping.put(folder, shipped)
    return Delivery(folder=folder, calibrated=found, shipped=shipped)


def _by_length(
    found: Calibrated, predictions: Predictions, fit: Fit
) -> tuple[tuple[LengthAdjustment, Meaning] | None, str]:
    """Return the adjustment and what margins mean with it, and the sentence about it; None and why not."""
    if isinstance(found.debiasing, str):
        return None, found.debiasing
    adjusted = cross_adjusted(predictions, seed=fit.seed)
    own = calibrate(adjusted, fit.kinds, slices=[], resamples=fit.resamples, seed=fit.seed)
    rule: Abstained | str
    try:
        rule = abstain(adjusted, fit.error, resamples=fit.resamples, seed=fit.seed)
    except Uncalibratable as reason:
        rule = f"no rule: {reason}"
    return (found.debiasing.adjustment, _meaning(own.fitted, own.sentence, rule)), found.debiasing.sentence


def _meaning(fitted: Any, sentence: str, rule: Abstained | str) -> Meaning:
    return Meaning(calibrator=fitted, abstention=None if isinstance(rule, str) else rule.abstention, sentence=sentence)


def _recipe(path: Path, predictions: Predictions, fit: Fit) -> dict[str, Any]:
    """Return what the fit is of, as plain data."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    said = "these predictions" if predictions.model else "nothing: the predictions do not say which model made them"
    return {
        "data": {
            "file": path.name,
            "sha256": digest,
            "comparisons": len(predictions),
            "groups": predictions.group_count,
            "by_response": predictions.by_response,
        },
        "model_told_by": said,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": {
            "kinds": list(fit.kinds) if fit.kinds else "all",
            "error": fit.error,
            "resamples": fit.resamples,
            "seed": fit.seed,
        },
        "plaudit": __version__,
    }
