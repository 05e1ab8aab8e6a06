"""How a verb prints its result: text for people, or exactly one JSON object for programs."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
"""The option ``--json`` that every verb takes."""


def emit(result: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print ``result`` as one line of strict JSON if ``as_json``, else ``text``.

    JSON has no NaN and no infinity: both become null. Paths become strings, dataclasses objects, NumPy arrays lists.

    Raises:
        TypeError: the result holds something that JSON cannot say.
    """
    print(json.dumps(_plain(result), allow_nan=False) if as_json else text)


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
