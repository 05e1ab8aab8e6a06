"""Examine preferences before training: what is wrong with them, in which rows, and what to do."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from plaudit.cli._printing import Json, emit

Against = Annotated[
    list[str] | None, typer.Option(help="Other preferences that should share no prompt with these; again for more.")
]


def doctor(
    data: Annotated[
        list[str],
        typer.Argument(help="Preferences: files, folders, builtin: names, hub ids; as NAME=SOURCE to name a split."),
    ],
    against: Against = None,
    tokenizer: Annotated[
        str, typer.Option(help="A base whose tokenizer and template to try: builtin:, folder, hub id.")
    ] = "",
    model: Annotated[
        Path | None, typer.Option(help="A reward model: its tokenizer is tried, its rewards help to find wrong labels.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="How text is written for --tokenizer: auto (if left out), chat, plain, …")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="Tokens a sequence may have, for --tokenizer: 2,048 if left out.")
    ] = None,
    check: Annotated[list[str] | None, typer.Option(help="A check to run; again for more. All if left out.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write all of it as an HTML page, too.")] = None,
    fail_on: Annotated[
        Literal["error", "warning"] | None, typer.Option(help="Exit with 1 where something so bad, or worse, is found.")
    ] = None,
    data_format: Annotated[str, typer.Option("--format", help="The format; told from the columns if left out.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="Look only at the first so many records of each source.")] = 0,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of resamples, folds and what is drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Examine preferences before training: findings by severity, with rows to look at and what to do about each."""
    from plaudit.doctor.section import write_page
    from plaudit.doctor.terminal import text
    from plaudit.workflows.doctor import Examining
    from plaudit.workflows.doctor import doctor as examine

    how = Examining(
        against=against or [], checks=check or [], format=data_format, limit=limit, resamples=resamples, seed=seed
    )
    tokenize, score = _opened(tokenizer, model, template, max_length)
    found = examine(data, how, tokenize=tokenize, score=score)
    if page is not None:
        write_page(found, page)
    emit({**found.to_json(), "page": page}, text(found, page), as_json=as_json)
    if fail_on and found.fails(fail_on):
        raise typer.Exit(1)


def _opened(tokenizer: str, model: Path | None, template: str | None, max_length: int | None) -> tuple[Any, Any]:
    """Return tokenizer and rewards of what was named; only these need torch."""
    if not tokenizer and (template or max_length):
        raise ValueError("--template and --max-length are for --tokenizer; name one, or leave them out")
    if not tokenizer and model is None:
        return None, None
    from plaudit.workflows import tokenizing

    how = (tokenizer, template or "auto", max_length or tokenizing.LONGEST)
    return (tokenizing.of_tokenizer(*how), None) if model is None else tokenizing.of_model(model, *how)
