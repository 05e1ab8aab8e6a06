"""Measure a reward model on preferences."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Adjust, Json, OnBadRow, Template, data_settings, emit


def evaluate(
    model: Annotated[Path, typer.Argument(help="An artefact or a sequence-classification checkpoint.")],
    source: Annotated[list[str], typer.Argument(help="Preferences: files, folders, builtin: names, hub ids.")],
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A dotted setting: data.gap=1.0, evaluation.slices=[].")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="An SQLite file that keeps rewards.")] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    save: Annotated[Path | None, typer.Option(help="Write the predictions here (.npz or .jsonl).")] = None,
    on_bad_row: OnBadRow = None,
    adjust: Adjust = "none",
    template: Template = None,
    as_json: Json = False,
) -> None:
    """Print accuracy, likelihood, calibration and more, each with its interval, beside the baselines."""
    from plaudit import config
    from plaudit.workflows.data import Data
    from plaudit.workflows.evaluation import Measurement, evaluate_model

    tables = config.read(None, data_settings(setting, on_bad_row), {"data": Data, "evaluation": Measurement})
    data = config.build(Data, tables.get("data", {}), "data")
    measurement = config.build(Measurement, {"resamples": resamples, **tables.get("evaluation", {})}, "evaluation")
    measured = evaluate_model(
        model, source, data=data, dtype=dtype, cache=cache, measurement=measurement, adjust=adjust, template=template
    )
    if save is not None:
        measured.predictions.save(save)
    emit(measured.as_mapping(), str(measured), as_json=as_json)
