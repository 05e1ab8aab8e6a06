"""Mend a file of preferences with the repairs that were chosen, and write down what was done to each row."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def clean(
    data: Annotated[Path, typer.Argument(help="A file of preferences: .jsonl, .jsonl.gz, .csv or .parquet.")],
    repair: Annotated[
        list[str], typer.Option(help="Codes of findings of `plaudit doctor` to mend, joined by commas; again for more.")
    ],
    output: Annotated[Path, typer.Option(help="The clean file, of the same kind.")],
    against: Annotated[
        list[str] | None, typer.Option(help="Preferences to share nothing with, for the repair contamination.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="JSON lines of what was done; OUTPUT.ledger.jsonl if left out.")
    ] = None,
    data_format: Annotated[str, typer.Option("--format", help="The format; told from the columns if left out.")] = "",
    as_json: Json = False,
) -> None:
    """Mend a file of preferences: only the repairs that are named; rows that need none stay byte for byte."""
    from plaudit.workflows.cleaning import clean as mend

    done = mend(data, repair, output, against=against or [], form=data_format, ledger=ledger)
    result = {"source": done.source, "output": done.output, "ledger": done.ledger, "rows": done.rows}
    dropped = sum(one.done == "dropped" for one in done.treated)
    counts = {"dropped": dropped, "rewritten": len(done.treated) - dropped}
    emit(result | counts | {"repairs": done.counts}, "\n".join(done.lines()), as_json=as_json)
