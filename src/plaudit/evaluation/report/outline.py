"""Parts of the record that have no picture of their own: as tables, whatever is in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from plaudit.evaluation.report.words import cell, is_estimate, title
from plaudit.pages.blocks import Block, Cell, Paragraph, Table


def outlined(found: Any, caption: str) -> list[Block]:
    """Return tables that hold everything in ``found``.

    Texts under ``sentence`` stand above. Numbers and texts of one object are rows of one table; a list of objects, or
    an object of objects that are alike, is a table with a row each; what is nested deeper has tables of its own.
    """
    if isinstance(found, Sequence) and not isinstance(found, str):
        return _listed({str(place): one for place, one in enumerate(found, 1)}, caption)
    if not isinstance(found, Mapping) or is_estimate(found):
        return [Table(caption, ("", "found"), [("value", cell(found))])]
    above: list[Block] = [Paragraph(str(found["sentence"]))] if found.get("sentence") else []
    own = {name: one for name, one in found.items() if name != "sentence"}
    flat = {name: one for name, one in own.items() if _is_flat(one)}
    deep = {name: one for name, one in own.items() if name not in flat}
    if deep and not flat and all(isinstance(one, Mapping) for one in deep.values()):
        return above + _listed(deep, caption)
    rows = [(title(name), cell(one)) for name, one in flat.items()]
    above += [Table(caption, ("what", "found"), rows)] if rows else []
    return above + [block for name, one in deep.items() for block in outlined(one, f"{caption}: {title(name)}")]


def _is_flat(found: Any) -> bool:
    return is_estimate(found) or not isinstance(found, Mapping | Sequence) or isinstance(found, str)


def _listed(found: Mapping[str, Any], caption: str) -> list[Block]:
    """Return one row an entry; a column for each name that an entry has; deeper entries below."""
    if not found:
        return []
    if all(_is_flat(one) for one in found.values()):
        return [Table(caption, ("what", "found"), [(title(name), cell(one)) for name, one in found.items()])]
    entries = {name: one if isinstance(one, Mapping) else {"found": one} for name, one in found.items()}
    columns = list(dict.fromkeys(name for one in entries.values() for name, own in one.items() if _is_flat(own)))
    rows = [
        [Cell(title(name)), *(cell(one[column]) if column in one else Cell("") for column in columns)]
        for name, one in entries.items()
    ]
    tables: list[Block] = [Table(caption, ("what", *map(title, columns)), rows)]
    for name, one in entries.items():
        for key, own in one.items():
            tables += [] if _is_flat(own) or not own else outlined(own, f"{caption}: {title(name)}, {title(key)}")
    return tables
