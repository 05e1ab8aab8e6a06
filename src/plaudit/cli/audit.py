"""Ask everything about a reward model, and write it as a page, a record and a model card."""

from pathlib import Path
from typing import Annotated, Any

import typer

from plaudit.cli._printing import Json, OnBadRow, data_settings, emit


def audit(
    model: Annotated[
        str,
        typer.Argument(
            help="A run, an artefact, a checkpoint, scores (.csv, .npz, .jsonl), or package.module:callable."
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option("--data", help="Preferences: files, builtin: names, hub ids; the test part of a run if left out."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for audit.html, audit.json and README.md.")] = Path("runs/audit"),
    compare: Annotated[
        list[Path] | None, typer.Option(help="Another model's run or scores on the same comparisons; again for more.")
    ] = None,
    human: Annotated[
        list[Path] | None, typer.Option(help="Answers that a person saved from the page; again for more.")
    ] = None,
    gate: Annotated[
        Path | None, typer.Option(help="A TOML file of bounds; the exit code is 1 where one is broken.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    cache: Annotated[Path | None, typer.Option(help="An SQLite file that keeps rewards.")] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of resamples, folds and the blind sample.")] = 0,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A dotted setting: data.gap=1.0, audit.pairs=80.")
    ] = None,
    on_bad_row: OnBadRow = None,
    as_json: Json = False,
) -> None:
    """Audit a reward model: verdict, accuracy, calibration, length, texts, gates, as a page that opens offline."""
    from plaudit import config
    from plaudit.workflows import audit as workflow
    from plaudit.workflows.asked import Asked
    from plaudit.workflows.data import Data

    tables = config.read(None, data_settings(setting, on_bad_row), {"data": Data, "audit": workflow.Auditing})
    data = config.build(Data, tables.get("data", {}), "data")
    drawn: dict[str, Any] = {"resamples": resamples, "seed": seed, **tables.get("audit", {})}
    how = config.build(workflow.Auditing, drawn, "audit")
    asked = Asked.of(compare or (), human or (), gate)
    made = workflow.audit(_subject(model, source or [], data, dtype, cache), how, asked.beside()).gated(asked.gates)
    written = made.write(output)
    emit({**made.to_json(), "written": written}, made.told(written), as_json=as_json)
    if not made.passed:
        raise typer.Exit(1)


def _subject(model: str, sources: list[str], data: Any, dtype: str, cache: Path | None) -> Any:
    """Return what is to be audited; only a saved model needs torch."""
    from plaudit.workflows import subjects

    if subjects.is_saved(model):
        return subjects.of_scores(model, sources, data)
    if subjects.is_callable(model):
        return subjects.of_callable(subjects.named(model), sources, name=model, data=data)
    from plaudit.workflows.opening import of_model

    return of_model(model, sources, data=data, dtype=dtype, cache=cache)
