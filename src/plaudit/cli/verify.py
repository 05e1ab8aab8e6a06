"""Check that a saved model still gives the rewards it gave when it was saved."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def verify(
    model: Annotated[Path, typer.Argument(help="An artefact.")],
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    as_json: Json = False,
) -> None:
    """Compare weights, tokenizer and template with the contract, and the canaries' ids and rewards."""
    from plaudit.scoring.verify import verify as check

    report = check(model, dtype)
    checks = [{"name": one.name, "passed": one.passed, "detail": one.detail} for one in report.checks]
    emit({"artefact": model, "passed": report.passed, "checks": checks}, "\n".join(report.lines()), as_json=as_json)
    if not report.passed:
        raise typer.Exit(1)
