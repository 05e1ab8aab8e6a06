"""Rank several responses to each prompt: JSON lines in and out."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def rank(
    model: Annotated[Path, typer.Argument(help="An artefact or a sequence-classification checkpoint.")],
    file: Annotated[Path | None, typer.Argument(help="JSON lines; standard input if not given.")] = None,
    best: Annotated[int, typer.Option(help="Keep only the best so many; 0 keeps all.", min=0)] = 0,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    as_json: Json = False,
) -> None:
    """Rank each line: {"prompt": …, "responses": […]}; the best comes first."""
    from plaudit.workflows import scoring

    scorer = scoring.open_scorer(model, dtype)
    with file.open(encoding="utf-8") if file else sys.stdin as lines:
        ranked = list(scoring.rank_rows(scorer, scoring.rows_of(lines, str(file or "standard input")), best))
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in ranked)
    emit({"rankings": ranked, "n": len(ranked)}, text, as_json=as_json)
