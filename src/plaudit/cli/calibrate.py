"""Calibrate saved predictions."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def calibrate(
    predictions: Annotated[Path, typer.Argument(help="Predictions that `evaluate --save` wrote (.npz or .jsonl).")],
    kind: Annotated[list[str] | None, typer.Option(help="A calibrator to try; all of them if not given.")] = None,
    error: Annotated[float, typer.Option(help="Share of comparisons that may be decided wrongly.")] = 0.1,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of dealing to folds and of resamples.")] = 0,
    save: Annotated[Path | None, typer.Option(help="Write everything here as JSON, such as calibration.json.")] = None,
    as_json: Json = False,
) -> None:
    """Turn margins into probabilities that hold on unseen prompts; say when to abstain and what length is paid."""
    from plaudit.predictions import Predictions
    from plaudit.workflows.calibration import calibrate_predictions

    found = calibrate_predictions(
        Predictions.load(predictions), kind or None, error=error, resamples=resamples, seed=seed
    )
    if save is not None:
        found.save(save)
    emit(found.as_mapping(), str(found), as_json=as_json)
