"""Say who of the annotators answers like the others, and what each leans to."""

from typing import Annotated, Literal

import typer

from plaudit.cli._printing import BadVotes, Format, Json, Sides, VotesOf, Without, emit


def annotators(
    data: VotesOf,
    correction: Annotated[
        Literal["holm", "fdr"], typer.Option(help="Of many tests: no wrong call at all, or a small share of them.")
    ] = "fdr",
    sides: Sides = "listed",
    without: Without = None,
    format: Format = "",  # noqa: A002
    on_bad_row: BadVotes = "error",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    as_json: Json = False,
) -> None:
    """Say who answers like the others, who guesses, and who leans to a side or to length."""
    from plaudit.evaluation.table import text
    from plaudit.labels.agreement_table import render_annotators
    from plaudit.workflows.voting import judge_annotators

    found = judge_annotators(
        data, correction=correction, sides=sides == "listed", without=without or (), format=format,
        on_bad_row=on_bad_row, resamples=resamples, seed=seed,
    )  # fmt: skip
    table = render_annotators(found.standings, found.bias, found.left_out)
    emit(found.to_json(), text(table), as_json=as_json)
