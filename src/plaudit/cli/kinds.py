"""``plaudit kinds``: what can be chosen by name."""

from collections.abc import Mapping
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit
from plaudit.members import SETS, describe, names


def kinds(
    kind_set: Annotated[str | None, typer.Argument(metavar="[SET]", help="One open set, such as objectives.")] = None,
    as_json: Json = False,
) -> None:
    """List what can be chosen by name: objectives, metrics, formats and every other open set."""
    wanted = [kind_set] if kind_set else list(SETS)
    found = {each: {name: describe(each, name) for name in names(each)} for each in wanted}
    emit(found, _table(found), as_json=as_json)


def _table(found: Mapping[str, Mapping[str, str]]) -> str:
    blocks = []
    for kind_set, described in found.items():
        width = max(map(len, described), default=0)
        lines = [f"  {name:<{width}}  {line}" for name, line in described.items()]
        blocks.append("\n".join([kind_set, *(lines or ["  none yet"])]))
    return "\n\n".join(blocks)
