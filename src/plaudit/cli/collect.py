"""Put models that were trained apart into one ensemble."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from plaudit.cli._printing import Json, OnBadRow, data_settings, emit


def collect(
    models: Annotated[list[Path], typer.Argument(help="Artefacts of scalar models: runs with other seeds or data.")],
    output: Annotated[Path, typer.Option(help="The new artefact's folder.")],
    train: Annotated[
        list[str] | None,
        typer.Option(help="Training preferences: members are put on one mean and deviation over them."),
    ] = None,
    combine: Annotated[
        Literal["mean", "worst", "uncertainty_weighted"], typer.Option(help="How members become one reward.")
    ] = "mean",
    penalty: Annotated[float, typer.Option(help="Variances taken off the mean, for uncertainty_weighted.")] = 0.5,
    own: Annotated[
        Literal["auto", "adapters", "weights"],
        typer.Option(help="Store each member whole, or the backbone once and each member's LoRA adapter and head."),
    ] = "auto",
    setting: Annotated[list[str] | None, typer.Option("--set", help="A dotted setting: data.limit=1000.")] = None,
    on_bad_row: OnBadRow = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the new folder if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Put models that were trained apart into one ensemble, after checking that they are alike."""
    from plaudit import config
    from plaudit.workflows.collecting import collect as put_together
    from plaudit.workflows.data import Data

    tables = config.read(None, data_settings(setting, on_bad_row), {"data": Data})
    data = config.build(Data, tables.get("data", {}), "data")
    known = data.compared(data.read(list(train))) if train else None
    done = put_together(
        models, output, combine=combine, penalty=penalty, own=own, train=known, on_unfit=data.on_unfit,
        overwrite=overwrite,
    )  # fmt: skip
    result = {"artefact": done.folder, "own": done.own, "members": done.members, "difference": done.difference}
    emit(result | {"settled": done.settled}, "\n".join(done.lines()), as_json=as_json)
