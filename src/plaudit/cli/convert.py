"""Turn a checkpoint into an artefact, or an artefact into another."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def convert(
    model: Annotated[Path, typer.Argument(help="An artefact or a sequence-classification checkpoint.")],
    out: Annotated[Path, typer.Argument(help="The new artefact's folder.")],
    pooling: Annotated[str | None, typer.Option(help="The new pooling; the old one is kept if not given.")] = None,
    template: Annotated[str | None, typer.Option(help="The new text form, chat, plain, chatml, … or a file.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the saved weights; bfloat16 rounds the head too.")] = "float32",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the new folder if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Give a checkpoint plaudit's contract; print what changes and how rewards move."""
    from plaudit.scoring.convert import convert as change

    done = change(model, out, pooling=pooling, template=template, dtype=dtype, overwrite=overwrite)
    rewards = [
        {"canary": name, "before": before, "after": after}
        for name, before, after in zip(done.names, done.before.tolist(), done.after.tolist(), strict=True)
    ]
    result = {"artefact": done.folder, "changes": done.changes, "order_changed": done.order_changed, "rewards": rewards}
    emit(result, "\n".join(done.lines()), as_json=as_json)
