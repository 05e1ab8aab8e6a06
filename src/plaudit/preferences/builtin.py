"""The built-in rating sets: snippets of movie and product reviews, each rated from -4 to 4 by 15 to 29 people.

Rows have ``id``, ``text``, ``rating`` (the mean), ``sd`` and ``votes`` (every person's rating); product snippets also
have ``group``, the review they come from (the part of the id before ``_``).
"""

import json
from collections.abc import Iterator
from pathlib import Path

from plaudit.preferences.rows import BadSource, Fields, Ledger, Row

PREFIX = "builtin:"
STEMS = {"movie-ratings": "movieReviewSnippets", "product-ratings": "amazonReviewSnippets"}


def builtin_rows(name: str, folder: Path, ledger: Ledger) -> Iterator[Row]:
    """Yield the rows of the set ``name`` (without ``builtin:``), whose files lie in ``folder``.

    Raises:
        BadSource: no set has this name, or a file is missing.
        BadRow: a line has the wrong number of cells, or no ratings are known for it (unless the ledger drops).
    """
    stem = stem_of(name)
    votes = {row.fields["id"]: row.fields for row in _table(folder / f"{stem}_anonDataRatings.txt", "sd", ledger)}
    for row in _table(folder / f"{stem}_GroundTruth.txt", "text", ledger):
        rated = votes.get(row.fields["id"])
        if rated is None:
            ledger.bad(row.bad("id", f"has no line in {stem}_anonDataRatings.txt", "no ratings"))
            continue
        group = {"group": row.fields["id"].partition("_")[0]} if name == "product-ratings" else {}
        yield Row({**row.fields, "sd": rated["sd"], "votes": rated["votes"], **group}, row.file, row.number)


def stem_of(name: str) -> str:
    """Return how the files of a set begin.

    Raises:
        BadSource: no set has this name.
    """
    if name not in STEMS:
        known = ", ".join(PREFIX + known for known in STEMS)
        raise BadSource(f"{PREFIX}{name} is not built in; the built-in preference data are: {known}")
    return STEMS[name]


def _table(path: Path, third: str, ledger: Ledger) -> Iterator[Row]:
    """Yield the lines of a file whose third column is a ``text``, or an ``sd`` followed by the votes."""
    if not path.is_file():
        raise BadSource(f"{path}: the file is missing from the built-in set")
    with path.open(encoding="utf-8-sig", newline=None) as lines:
        for at, line in enumerate(lines, 1):
            row = Row({}, path.name, at)
            cells = line.rstrip("\n").split("\t", 2 if third == "text" else 3)
            try:
                yield Row(_fields(cells, third), path.name, at)
            except (ValueError, IndexError) as error:
                ledger.bad(row.bad("", f"is not id, mean and {third}, tab-separated: {error}", "wrong cells"))


def _fields(cells: list[str], third: str) -> Fields:
    fields: Fields = {"id": cells[0], "rating": float(cells[1])}
    if third == "text":
        return fields | {"text": cells[2]}
    return fields | {"sd": float(cells[2]), "votes": json.loads(cells[3])}
