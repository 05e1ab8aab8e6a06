"""Train a reward model from a configuration."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from plaudit.cli._printing import Json, OnBadRow, data_settings, emit


def train(
    configuration: Annotated[Path | None, typer.Argument(help="A TOML file; see configs/.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="A dotted setting, training.epochs=2.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the run; the artefact is in it.")] = Path("runs/train"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest whole checkpoint.")] = False,
    on_bad_row: OnBadRow = None,
    balance: Annotated[
        Literal["none", "length"] | None,
        typer.Option(help="Weigh comparisons until length does not say who wins; as --set data.balance=…."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a reward model, save it, load it back, and measure it on held-out preferences."""
    from plaudit import config
    from plaudit.workflows.training import SCHEMA, train_and_evaluate

    settings = [*data_settings(setting, on_bad_row), *([f"data.balance={balance}"] if balance else ())]
    tables = config.read(configuration, settings, SCHEMA)
    trained = train_and_evaluate(tables, output, resume=resume)
    remarks = filter(None, (trained.speed, trained.learned, f"The reward model is in {trained.artefact}."))
    emit(trained.as_mapping(), "\n".join([str(trained.evaluation), *remarks]), as_json=as_json)
