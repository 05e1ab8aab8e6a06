"""Score conversations: JSON lines in, JSON lines with rewards out."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def score(
    model: Annotated[Path, typer.Argument(help="An artefact or a sequence-classification checkpoint.")],
    file: Annotated[Path | None, typer.Argument(help="JSON lines; standard input if not given.")] = None,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    cache: Annotated[Path | None, typer.Option(help="An SQLite file that keeps rewards.")] = None,
    on_unfit: Annotated[str, typer.Option(help="error, or nan: what becomes of one that does not fit.")] = "error",
    as_json: Json = False,
) -> None:
    """Score each line: {"prompt": …, "response": …} or {"messages": […]}; prompts may be left out."""
    from plaudit.workflows import scoring

    if on_unfit not in ("error", "nan"):
        raise typer.BadParameter("error or nan", param_hint="--on-unfit")
    scorer = scoring.open_scorer(model, dtype, cache)
    with file.open(encoding="utf-8") if file else sys.stdin as lines:
        rows = scoring.rows_of(lines, str(file or "standard input"))
        scored = list(scoring.score_rows(scorer, rows, "nan" if on_unfit == "nan" else "error"))
    if cache is not None:
        print(f"cache: {sum(row['cached'] for row in scored)} of {len(scored)} were there", file=sys.stderr)
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in scored)
    emit({"scores": scored, "n": len(scored)}, text, as_json=as_json)
