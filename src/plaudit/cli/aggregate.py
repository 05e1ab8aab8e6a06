"""Make one label of several people's votes."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from plaudit.cli._printing import BadVotes, Format, Json, Sides, VotesOf, emit


def aggregate(
    data: VotesOf,
    output: Annotated[Path, typer.Option(help="The new file, .jsonl or .jsonl.gz.")],
    method: Annotated[str, typer.Option(help="How labels are made: see `plaudit kinds aggregation`.")] = "dawid_skene",
    as_format: Annotated[str, typer.Option(help="The new file's format.")] = "annotations",
    labels: Annotated[
        Literal["hard", "soft"],
        typer.Option(help="hard: one comparison, with strength and weight; soft: each answer, of its probability."),
    ] = "hard",
    certain: Annotated[float, typer.Option(help="The highest probability of a label that is believed.")] = 0.99,
    sides: Sides = "listed",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the method: aggregation.iterations=50.")
    ] = None,
    format: Format = "",  # noqa: A002
    on_bad_row: BadVotes = "error",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the new file if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Make one label of the votes on each two responses: with strength and weight, or soft."""
    from plaudit import config
    from plaudit.workflows.voting import aggregate_files

    tables = config.read(None, setting or ())
    done = aggregate_files(
        data, output, method=method, settings=tables.get("aggregation"), labels=labels, sides=sides == "listed",
        certain=certain, format=format, on_bad_row=on_bad_row, as_format=as_format, overwrite=overwrite,
    )  # fmt: skip
    emit(done.to_json(), "\n".join(done.lines()), as_json=as_json)
