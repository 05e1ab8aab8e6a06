"""Compare models on the same comparisons."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def compare(
    models: Annotated[
        list[Path], typer.Argument(help="Two or more: runs, artefacts, saved predictions (.npz, .jsonl), .csv scores.")
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="What to compare; again for more. All that have a better and worse if left out."),
    ] = None,
    shared: Annotated[bool, typer.Option("--shared", help="Use what all have; count what is left out.")] = False,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    as_json: Json = False,
) -> None:
    """Say which of several models is better on the same comparisons, or that they cannot be told apart."""
    from plaudit.evaluation.compare_table import render_comparison
    from plaudit.evaluation.table import text
    from plaudit.workflows.comparing import compare_saved

    found = compare_saved(models, metric, shared_only=shared, resamples=resamples, seed=seed)
    emit(found.to_json(), text(render_comparison(found)), as_json=as_json)
