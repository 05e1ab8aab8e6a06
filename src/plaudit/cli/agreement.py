"""Say how far annotators agree."""

from typing import Annotated, Literal

import typer

from plaudit.cli._printing import BadVotes, Format, Json, VotesOf, Without, emit


def agreement(
    data: VotesOf,
    by: Annotated[
        Literal["annotator", "pair", "time"] | None,
        typer.Option(help="Also each annotator against the others, each two of them, or votes of each time."),
    ] = None,
    without: Without = None,
    orientation: Annotated[
        Literal["listed", "either"],
        typer.Option(help="Responses as listed in the records, or both ways round: chance then knows no side."),
    ] = "listed",
    ties: Annotated[Literal["keep", "drop"], typer.Option(help="Whether votes for a tie count.")] = "keep",
    windows: Annotated[int, typer.Option(help="With --by time: how many, of as many votes each.")] = 5,
    format: Format = "",  # noqa: A002
    on_bad_row: BadVotes = "error",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    as_json: Json = False,
) -> None:
    """Say how far annotators agree: percent, Cohen, Fleiss and Krippendorff, with intervals."""
    from plaudit.evaluation.table import text
    from plaudit.labels.agreement_table import render_agreement
    from plaudit.workflows.voting import agree

    found = agree(
        data, by=by, without=without or (), orientation=orientation, ties=ties, windows=windows, format=format,
        on_bad_row=on_bad_row, resamples=resamples, seed=seed,
    )  # fmt: skip
    emit(found.to_json(), text(render_agreement(found)), as_json=as_json)
