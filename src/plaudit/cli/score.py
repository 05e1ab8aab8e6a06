"""Score conversations: JSON lines in, JSON lines with rewards out, as they come."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from plaudit.cli._printing import Adjust, Chunk, Json, Template, emit_lines, lines_of


def score(
    model: Annotated[Path, typer.Argument(help="An artefact or a sequence-classification checkpoint.")],
    file: Annotated[Path | None, typer.Argument(help="JSON lines; standard input if not given.")] = None,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    cache: Annotated[Path | None, typer.Option(help="An SQLite file that keeps rewards.")] = None,
    on_unfit: Annotated[
        Literal["error", "nan"], typer.Option(help="What becomes of one that does not fit: nan gives it no reward.")
    ] = "error",
    chunk: Chunk = 64,
    adjust: Adjust = "none",
    template: Template = None,
    as_json: Json = False,
) -> None:
    """Score each line: {"prompt": …, "response": …} or {"messages": […]}; prompts may be left out."""
    from plaudit.workflows import scoring

    scorer = scoring.open_scorer(model, dtype, cache, adjust=adjust, template=template)
    with lines_of(file) as lines:
        rows = scoring.score_rows(scorer, lines, str(file or "standard input"), on_unfit=on_unfit, chunk=chunk)
        emit_lines(_counting(rows) if cache is not None else rows, "scores", as_json=as_json)


def _counting(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Pass the rows on, then say how many rewards were in the cache."""
    there = n = 0
    for row in rows:
        yield row
        there, n = there + bool(row["cached"]), n + 1
    print(f"cache: {there} of {n} were there", file=sys.stderr)
