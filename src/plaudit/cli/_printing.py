"""How a verb prints its result: text for people, or exactly one JSON object for programs."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from plaudit.workflows.announcing import is_first

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
"""The option ``--json`` that every verb takes."""


OnBadRow = Annotated[
    Literal["error", "drop"] | None,
    typer.Option(help="Refuse a row that cannot be used, or drop and count it; the same as --set data.on_bad_row=…."),
]
"""The option ``--on-bad-row`` of verbs that read preferences."""

Adjust = Annotated[
    Literal["none", "length"],
    typer.Option(help="Which reward orders: the model's own, or the one adjusted for length, where it carries that."),
]
"""The option ``--adjust`` of verbs that score."""

Template = Annotated[
    str | None,
    typer.Option(
        help="How a checkpoint without a contract was given its texts: verbatim (its chat template), plain, as_given "
        "(texts plain, turns by its chat template, as TRL does: the default where it has one), chat, chatml or a file."
    ),
]
"""The option ``--template`` of verbs that open a checkpoint which plaudit did not write."""

VotesOf = Annotated[list[str], typer.Argument(help="Files, folders or hub data sets with votes of named annotators.")]
Format = Annotated[str, typer.Option(help="The data's format; told from the columns if empty.")]
BadVotes = Annotated[
    Literal["error", "drop"], typer.Option(help="Refuse a row that cannot be used, or drop and count it.")
]
Sides = Annotated[
    Literal["listed", "stated"],
    typer.Option(help="Responses stood as listed unless a vote says otherwise, or only where a vote says how."),
]
Without = Annotated[list[str] | None, typer.Option(help="Leave out an annotator; again for more.")]
"""What the verbs about annotators' votes take."""

Chunk = Annotated[
    int,
    typer.Option(
        min=1,
        help="Lines scored together; their results are printed, in order, before more is read. Smaller answers sooner.",
    ),
]
"""The option ``--chunk`` of verbs that answer line by line."""


def data_settings(setting: list[str] | None, on_bad_row: str | None) -> list[str]:
    """Return the dotted settings of a verb with its ``--on-bad-row`` as the last one."""
    return [*(setting or ()), *([f"data.on_bad_row={on_bad_row}"] if on_bad_row else ())]


def emit(result: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print ``result`` as one line of strict JSON if ``as_json``, else ``text``.

    JSON has no NaN and no infinity: both become null. Paths become strings, dataclasses objects, NumPy arrays lists.
    Of several processes of a run only the first prints.

    Raises:
        TypeError: the result holds something that JSON cannot say.
    """
    if not is_first():
        return
    print(json.dumps(_plain(result), allow_nan=False) if as_json else text)


@contextmanager
def lines_of(file: Path | None) -> Iterator[Iterable[str | bytes]]:
    """Yield the lines of ``file``, or of standard input as they arrive."""
    if file is None:
        yield getattr(sys.stdin, "buffer", sys.stdin)
    else:
        with file.open("rb") as stream:
            yield stream


def emit_lines(rows: Iterable[Mapping[str, Any]], name: str, *, as_json: bool) -> None:
    """Print each row as a line of strict JSON the moment it is there, or if ``as_json`` one object at the end.

    Args:
        rows: the results.
        name: of their list in the one object; ``n`` beside it is their number.
        as_json: whether one object is wanted. It is printed whole or, where a row raises, not at all.
    """
    if as_json:
        held = list(rows)
        emit({name: held, "n": len(held)}, "", as_json=True)
        return
    for row in rows:
        if is_first():
            print(_line(row), flush=True)


def _line(row: Mapping[str, Any]) -> str:
    """Return the row with its characters as they are, unless one cannot be printed or would end the line."""
    text = json.dumps(_plain(row), allow_nan=False, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(_plain(row), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if isinstance(value, Path):
        return str(value)
    return _plain(value.tolist()) if hasattr(value, "tolist") else value
