"""Search over backbones, architectures, objectives and learning rates on a budget."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, OnBadRow, data_settings, emit


def search(
    configuration: Annotated[
        Path | None, typer.Argument(help="A TOML file: a training configuration with [search] and [search.vary].")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="A dotted setting, search.trials=20.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the search; a folder a trial is in it.")] = Path(
        "runs/search"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in the folder.")] = False,
    on_bad_row: OnBadRow = None,
    as_json: Json = False,
) -> None:
    """Train many models on one budget, prune and choose by held-out nll, test the best one."""
    from plaudit import config
    from plaudit.workflows.search import SCHEMA
    from plaudit.workflows.search import search as run

    tables = config.read(configuration, data_settings(setting, on_bad_row), SCHEMA)
    found = run(tables, output, resume=resume)
    emit(found.as_mapping(), found.as_text(), as_json=as_json)
    if found.best is None:
        raise typer.Exit(1)
