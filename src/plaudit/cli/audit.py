"""Ask everything about a reward model, and write it as a page, a record and a model card."""

from pathlib import Path
from typing import Annotated, Any

import typer

from plaudit.cli._printing import Json, OnBadRow, Template, data_settings, emit

Probe = Annotated[
    list[str] | None, typer.Option(help="A probe to run, or module:Class; again for more. All if left out.")
]
Attack = Annotated[int, typer.Option(help="Conversations that each search of an attack may score; 0 for no attack.")]
Gap = Annotated[list[str] | None, typer.Option(help="Other preferences to set the accuracy on beside, as NAME=SOURCE.")]
GateFile = Annotated[Path | None, typer.Option(help="A TOML file of bounds; the exit code is 1 where one is broken.")]
Human = Annotated[list[Path] | None, typer.Option(help="Answers that a person saved from the page; again for more.")]
Against = Annotated[
    list[Path] | None, typer.Option(help="Another model's run or scores on the same comparisons; again for more.")
]


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
    compare: Against = None,
    human: Human = None,
    gate: GateFile = None,
    probe: Probe = None,
    probes: Annotated[bool, typer.Option(help="Whether to run probes.")] = True,
    attack: Attack = 0,
    gap: Gap = None,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    cache: Annotated[Path | None, typer.Option(help="An SQLite file that keeps rewards.")] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of resamples, folds and the blind sample.")] = 0,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A dotted setting: data.gap=1.0, audit.pairs=80.")
    ] = None,
    on_bad_row: OnBadRow = None,
    template: Template = None,
    as_json: Json = False,
) -> None:
    """Audit a reward model: verdict, accuracy, calibration, length, texts, gates, as a page that opens offline."""
    from plaudit import config
    from plaudit.workflows import audit as workflow
    from plaudit.workflows.asked import Asked
    from plaudit.workflows.data import Data
    from plaudit.workflows.examining import Examining, examine, named_sets

    tables = config.read(None, data_settings(setting, on_bad_row), {"data": Data, "audit": workflow.Auditing})
    data = config.build(Data, tables.get("data", {}), "data")
    drawn: dict[str, Any] = {"resamples": resamples, "seed": seed, **tables.get("audit", {})}
    how = config.build(workflow.Auditing, drawn, "audit")
    asked = Asked.of(compare or (), human or (), gate)
    wanted = Examining(probes=(probe or None) if probes else [], attack=attack, sets=named_sets(gap or []))
    subject = _subject(model, source or [], data, {"dtype": dtype, "cache": cache, "template": template})
    beside = examine(subject, wanted, how=how, data=data, beside=asked.beside())
    made = workflow.audit(subject, how, beside).gated(asked.gates)
    written = made.write(output)
    emit({**made.to_json(), "written": written}, made.told(written), as_json=as_json)
    if not made.passed:
        raise typer.Exit(1)


def _subject(model: str, sources: list[str], data: Any, opening: dict[str, Any]) -> Any:
    """Return what is to be audited; only a saved model needs torch."""
    from plaudit.workflows import subjects

    if opening["template"] is not None and (subjects.is_saved(model) or subjects.is_callable(model)):
        raise ValueError(f"--template says how a checkpoint reads texts; {model} is none")
    if subjects.is_saved(model):
        return subjects.of_scores(model, sources, data)
    if subjects.is_callable(model):
        return subjects.of_callable(subjects.named(model), sources, name=model, data=data)
    from plaudit.workflows.opening import of_model

    return of_model(model, sources, data=data, **opening)
