"""Rank several responses to each prompt: JSON lines in and out, as they come."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Adjust, Chunk, Json, Template, emit_lines, lines_of


def rank(
    model: Annotated[Path, typer.Argument(help="An artefact or a sequence-classification checkpoint.")],
    file: Annotated[Path | None, typer.Argument(help="JSON lines; standard input if not given.")] = None,
    best: Annotated[int, typer.Option(help="Keep only the best so many; 0 keeps all.", min=0)] = 0,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    chunk: Chunk = 64,
    adjust: Adjust = "none",
    template: Template = None,
    as_json: Json = False,
) -> None:
    """Rank each line: {"prompt": …, "responses": […]}; the best comes first."""
    from plaudit.workflows import scoring

    scorer = scoring.open_scorer(model, dtype, adjust=adjust, template=template)
    with lines_of(file) as lines:
        ranked = scoring.rank_rows(scorer, lines, str(file or "standard input"), n=best, chunk=chunk)
        emit_lines(ranked, "rankings", as_json=as_json)
