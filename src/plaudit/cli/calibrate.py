"""Calibrate saved predictions."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def calibrate(
    predictions: Annotated[
        Path | None, typer.Argument(help="Predictions that `evaluate --save` wrote (.npz or .jsonl).")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="A calibrator to try; all of them if not given.")] = None,
    error: Annotated[float, typer.Option(help="Share of comparisons that may be decided wrongly.")] = 0.1,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of dealing to folds and of resamples.")] = 0,
    into: Annotated[
        Path | None, typer.Option(help="Put what was fitted into this artefact, of the same model.")
    ] = None,
    remove: Annotated[
        Path | None, typer.Option(help="Take the calibration out of this artefact, nothing else.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write everything here as JSON, such as calibration.json.")] = None,
    as_json: Json = False,
) -> None:
    """Turn margins into probabilities that hold on unseen prompts; say when to abstain and what length is paid."""
    if remove is not None:
        _remove(remove, alone=predictions is None and into is None and save is None, as_json=as_json)
        return
    if predictions is None:
        raise typer.BadParameter("name the predictions to calibrate (or an artefact to --remove a calibration from)")
    from plaudit.predictions import Predictions
    from plaudit.workflows.calibration import calibrate_predictions
    from plaudit.workflows.shipping import Fit, ship

    if into is not None:
        made = ship(predictions, into, Fit(kinds=kind or None, error=error, resamples=resamples, seed=seed))
        if save is not None:
            made.calibrated.save(save)
        emit(made.as_mapping(), str(made), as_json=as_json)
        return
    found = calibrate_predictions(
        Predictions.load(predictions), kind or None, error=error, resamples=resamples, seed=seed
    )
    if save is not None:
        found.save(save)
    emit(found.as_mapping(), str(found), as_json=as_json)


def _remove(folder: Path, *, alone: bool, as_json: bool) -> None:
    if not alone:
        raise typer.BadParameter("--remove stands alone: without predictions, --into and --save")
    from plaudit.scoring.shipping import remove

    there = remove(folder)
    text = f"the calibration of {folder} was removed" if there else f"{folder} carried no calibration"
    emit({"artefact": folder, "removed": there}, text, as_json=as_json)
