"""Search for text that buys reward without quality."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, OnBadRow, Template, data_settings, emit, emit_lines


def attack(
    model: Annotated[Path, typer.Argument(help="An artefact or a sequence-classification checkpoint.")],
    source: Annotated[list[str], typer.Argument(help="Preferences: files, folders, builtin: names, hub ids.")],
    search: Annotated[
        list[str] | None,
        typer.Option(help="random, evolutionary or gradient; again for more. All that the model allows if left out."),
    ] = None,
    budget: Annotated[int, typer.Option(help="Conversations that each search may score, judging included.")] = 4096,
    responses: Annotated[int, typer.Option(help="Rejected responses that a suffix is searched on.")] = 8,
    held_out: Annotated[int, typer.Option(help="Comparisons of other prompts that it is judged on, at most.")] = 128,
    keep: Annotated[int, typer.Option(help="Suffixes of each search that are judged.")] = 3,
    longest: Annotated[int, typer.Option(help="Words or phrases of a suffix; tokens, where gradients guide.")] = 8,
    seed: Annotated[int, typer.Option(help="Of the choice of comparisons, the searches and the resamples.")] = 0,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    setting: Annotated[list[str] | None, typer.Option("--set", help="A dotted setting: data.gap=1.0.")] = None,
    lines: Annotated[
        bool,
        typer.Option("--lines", help="Print only attacked conversations, to be piped to `plaudit score MODEL`."),
    ] = False,
    on_bad_row: OnBadRow = None,
    template: Template = None,
    as_json: Json = False,
) -> None:
    """Search for a text that raises the rewards of rejected responses, and judge it on other prompts."""
    from plaudit import config
    from plaudit.evaluation.attacks.attack import Effort
    from plaudit.workflows.attacking import SEARCHES, attack_model
    from plaudit.workflows.data import Data

    if lines and as_json:
        raise ValueError("--lines and --json are two forms of output; ask for one of them")
    tables = config.read(None, data_settings(setting, on_bad_row), {"data": Data})
    data = config.build(Data, tables.get("data", {}), "data")
    effort = Effort(
        budget=budget, responses=responses, held_out=held_out, keep=keep, resamples=resamples, seed=seed
    )  # fmt: skip
    found = attack_model(
        model, source, searches=search or SEARCHES, longest=longest, effort=effort, data=data, dtype=dtype,
        template=template,
    )  # fmt: skip
    if lines:
        emit_lines(found.lines(), "attacked", as_json=False)
    else:
        emit(found.to_json(), str(found), as_json=as_json)
