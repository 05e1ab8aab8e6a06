"""Choose which comparisons of a pool people should label next."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from plaudit.cli._printing import Adjust, Json, OnBadRow, data_settings, emit


def select(
    model: Annotated[Path, typer.Argument(help="The artefact that has learned from what was labelled so far.")],
    data: Annotated[
        list[str], typer.Option(help="Prompts with responses: files, builtin: names, hub ids. Labels are not read.")
    ],
    count: Annotated[int, typer.Option(min=1, help="How many comparisons to choose.")],
    output: Annotated[Path, typer.Option(help="A new JSON lines file: the queue, for annotation.")],
    strategy: Annotated[str, typer.Option(help="A selector, or module:Class; see `plaudit kinds selectors`.")] = (
        "d_optimal"
    ),
    labelled: Annotated[
        list[str] | None, typer.Option(help="Preferences whose compared pairs are left out; again for more.")
    ] = None,
    random_share: Annotated[float, typer.Option(help="Share of the comparisons that is drawn at random.")] = 0.1,
    pairs: Annotated[
        Literal["auto", "compared", "all"],
        typer.Option(help="Pairs that data compare, all pairs of a prompt's responses, or auto: all where none are."),
    ] = "auto",
    limit: Annotated[int, typer.Option(min=0, help="Pairs looked at, drawn if there are more; 0 for all.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 0,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A dotted setting: selector.diversity=0.5, data.format=trl.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    cache: Annotated[Path | None, typer.Option(help="An SQLite file that keeps rewards.")] = None,
    adjust: Adjust = "none",
    on_bad_row: OnBadRow = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Choose which comparisons to label next, a share of them at random, and write them as a queue."""
    from plaudit import config, members
    from plaudit.workflows.data import Data

    known = {"data": Data, "selector": members.load("selectors", strategy)}
    tables = config.read(None, data_settings(setting, on_bad_row), known)
    source = config.build(Data, tables.get("data", {}), "data")
    from plaudit.preferences.saving import require_free
    from plaudit.workflows import selecting
    from plaudit.workflows.scoring import open_scorer

    asked = selecting.Asked(
        count=count, strategy=strategy, settings=tables.get("selector", {}), random_share=random_share, which=pairs,
        limit=limit, block=source.block, seed=seed,
    )  # fmt: skip
    require_free(output, overwrite=overwrite)
    scorer = open_scorer(model, dtype, cache, adjust=adjust)
    chosen = selecting.select(scorer, source.read_pool(data), asked, source.read(labelled) if labelled else ())
    chosen.write(output, overwrite=overwrite)
    text = "\n".join([*chosen.lines(), f"written to {output}"])
    emit({**chosen.to_json(), "output": output}, text, as_json=as_json)
