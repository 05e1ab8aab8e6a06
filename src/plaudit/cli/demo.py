"""Train a small reward model on real human judgements and show how good it is."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def demo(
    output: Annotated[Path, typer.Option(help="Folder of the run; the artefact is in it.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(help="Of the split, the head and the order.")] = 0,
    setting: Annotated[list[str] | None, typer.Option("--set", help="A dotted setting, training.epochs=2.")] = None,
    as_json: Json = False,
) -> None:
    """Train on movie reviews that people rated, measure on unseen ones, score three new ones."""
    from plaudit.workflows import demo as workflow

    shown = workflow.demo(output, seed=seed, overrides=tuple(setting or ()))
    emit(shown.as_mapping(), shown.as_text(), as_json=as_json)
