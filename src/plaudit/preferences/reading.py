"""Reading preferences from files, folders, the hub and built-in sets, into a `Preferences`."""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from plaudit import assets, members
from plaudit.preferences.builtin import PREFIX, builtin_rows, stem_of
from plaudit.preferences.codec import encode
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.fields import DERIVED
from plaudit.preferences.files import READERS, files_of, rows_of, surrogate
from plaudit.preferences.flaws import flaws
from plaudit.preferences.formats import Format
from plaudit.preferences.hub import HubName, hub_rows
from plaudit.preferences.preference import Preference
from plaudit.preferences.rows import BadRow, BadSource, Ledger, Row
from plaudit.preferences.unjudged import Unjudged
from plaudit.preferences.writing import TableWriter

OnBadRow = Literal["error", "drop"]
OnFlaw = Literal["error", "drop", "keep"]
Source = str | Path


def read(
    source: Source,
    format: str | Format | None = None,  # noqa: A002  (it is what users call it)
    on_bad_row: OnBadRow = "error",
    weight: float = 1.0,
    on_flaw: OnFlaw | None = None,
    unjudged: bool = False,
) -> Preferences:
    """Return the preferences of one source.

    Args:
        source: a jsonl, jsonl.gz, parquet or csv file, a folder of those, ``builtin:NAME``, or a hub data set
            (``owner/name``, ``owner/name:subset``, ``owner/name[split]``).
        format: a format's name (see ``members.names("formats")``) or the format itself; None to tell from the columns
            of each file.
        on_bad_row: ``"drop"`` counts malformed rows in ``.drops`` instead of raising.
        weight: how much each comparison of this source counts.
        on_flaw: what to do with well-formed records that have an empty response, a response preferred to its equal, or
            a cyclic ranking; by default the same as ``on_bad_row``.
        unjudged: take files of responses about which nothing is said, too, as records without comparisons; see
            `plaudit.preferences.unjudged`.

    Raises:
        BadSource: the source is missing, empty, unreachable, in no known format or in several at once.
        BadRow: a row is malformed or flawed, or its id was there before; the message names file, row and field.
    """
    _check_options(source, on_bad_row, weight, on_flaw or on_bad_row)
    form = members.load("formats", format)() if isinstance(format, str) else format
    ledger = Ledger(drop=on_bad_row == "drop")
    with TableWriter() as writer:
        intake = _Intake(ledger, weight, on_flaw or on_bad_row, writer, unjudged)
        for part in _parts(source, ledger):
            intake.take(part, form)
        return intake.preferences(str(source))


def _check_options(source: Source, on_bad_row: str, weight: float, on_flaw: str) -> None:
    if not (np.isfinite(weight) and weight >= 0):
        raise ValueError(f"weight of {source}: {weight} should be a finite number of at least 0")
    for option, value, known in (("on_bad_row", on_bad_row, OnBadRow), ("on_flaw", on_flaw, OnFlaw)):
        if value not in get_args(known):
            raise ValueError(f"{option} is {value!r}; it should be one of {', '.join(get_args(known))}")


def read_many(
    sources: Sequence[tuple[Source, float]],
    format: str | Format | None = None,  # noqa: A002  (it is what users call it)
    on_bad_row: OnBadRow = "error",
    on_flaw: OnFlaw | None = None,
    unjudged: bool = False,
) -> Preferences:
    """Return the preferences of several sources, each with its weight, one after the other (see `read`)."""
    if not sources:
        raise BadSource("read_many: no source was named; it takes pairs of a source and its weight")
    return Preferences.concatenate(
        [read(source, format, on_bad_row, weight, on_flaw, unjudged) for source, weight in sources]
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that must share a format: one file, one hub split; ``source`` names records whose rows do not."""

    name: str
    source: str
    rows: Iterator[Row]


def _parts(source: Source, ledger: Ledger) -> Iterator[_Part]:
    text = str(source)
    if text.startswith(PREFIX):
        yield _builtin(text, ledger)
        return
    local = isinstance(source, Path) or Path(source).exists() or text.endswith(tuple(READERS))
    wanted = None if local else HubName.parse(text)
    if wanted is not None:
        yield _Part(str(wanted), str(wanted), hub_rows(wanted, ledger))
        return
    path = Path(source)
    for file in files_of(path):
        name = str(file)
        yield _Part(name, f"file:{path.resolve().name}", rows_of(file, ledger, name))


def _builtin(text: str, ledger: Ledger) -> _Part:
    name = text.removeprefix(PREFIX)
    stem_of(name)
    return _Part(text, text, builtin_rows(name, assets.data_file(text), ledger))


@dataclass
class _Intake:
    """Takes parts in, record by record, and gives a `Preferences`."""

    ledger: Ledger
    weight: float
    on_flaw: OnFlaw
    writer: TableWriter
    unjudged: bool = False
    hashes: "array[int]" = field(default_factory=lambda: array("q"))

    def take(self, part: _Part, form: Format | None) -> None:
        """Read all rows of a part, in the format given or else the one its first row fits."""
        first = next(part.rows, None)
        if first is None:
            if not self.ledger.drops:
                raise BadSource(f"{part.name}: it holds no rows")
            return
        rows: Iterator[Row] = chain([first], part.rows)
        if form is None and self.unjudged and Unjudged().fits(first.fields):
            form = Unjudged()
        if form is None:
            name = _detect(first)
            form, rows = _formats()[name], _alike(rows, name, first, self.ledger)
        for preference in form.read(rows, self.ledger):
            if not self._is_flawed(preference):
                self._keep(preference if preference.source else replace(preference, source=part.source))

    def _is_flawed(self, preference: Preference) -> bool:
        flaw = next(flaws(preference), None) if self.on_flaw != "keep" else None
        if flaw is None:
            return False
        if self.on_flaw == "error":
            row = self.ledger.row
            raise row.bad(_field_of(row, flaw.at), flaw.problem, flaw.reason)
        self.ledger.drops[flaw.reason] += 1
        return True

    def _keep(self, preference: Preference) -> None:
        row = self.ledger.row
        try:
            columns = encode(preference, self.weight, row.file, row.number)
        except (TypeError, UnicodeEncodeError) as error:
            self.ledger.bad(row.bad(surrogate(dict(row.fields)), f"cannot be kept as JSON: {error}", "not JSON"))
            return
        self.writer.append(columns)
        self.hashes.append(hash(preference.id))

    def preferences(self, source: str) -> Preferences:
        """Return what was taken in, every record under an id of its own."""
        drops = self.ledger.drops
        if not self.hashes:
            lost = ", ".join(f"{count} × {reason}" for reason, count in drops.items())
            raise BadSource(f"{source}: no row is left; dropped: {lost or 'none'}")
        table, kept = _with_own_ids(self.writer.finish(), self.hashes, self.ledger)
        return Preferences(table, kept, Counter(drops))


def _field_of(row: Row, at: int) -> str:
    """Return the field of a row that holds response ``at`` of its record."""
    for pair in (("chosen", "rejected"), ("response_a", "response_b")):
        if pair[0] in row.fields:
            return pair[at]
    return next((name for name in ("text", "response") if name in row.fields), f"responses[{at}].text")


def _with_own_ids(table: Any, hashes: "array[int]", ledger: Ledger) -> tuple[Any, Any]:
    """Settle ids that occur twice: a source's own is an error or a drop, a derived one gets the count behind ``#``.

    Returns the table, and the rows kept (None for all).
    """
    order = np.argsort(np.asarray(hashes), kind="stable")
    again = order[1:][np.diff(np.asarray(hashes)[order]) == 0]
    if not len(again):
        return table, None
    ids = table.column("id").to_pylist()
    seen: Counter[str] = Counter()
    first: dict[str, int] = {}
    kept = np.ones(len(ids), bool)
    suspects = {ids[at] for at in again}
    for at, name in enumerate(ids):
        if name in suspects:
            seen[name] += 1
            first.setdefault(name, at)
            if seen[name] > 1 and name.startswith(DERIVED):
                ids[at] = f"{name}#{seen[name]}"
            elif seen[name] > 1:
                kept[at] = False
                ledger.bad(_duplicate(table, first[name], at))
    table = table.set_column(table.schema.get_field_index("id"), "id", pa.array(ids, pa.large_string()))
    return table, None if kept.all() else np.flatnonzero(kept)


def _duplicate(table: Any, first: int, second: int) -> BadRow:
    place = [(table.column("file")[at].as_py(), table.column("row")[at].as_py()) for at in (first, second)]
    name = table.column("id")[second].as_py()
    problem = f"{name!r} is the id of {place[0][0]}, row {place[0][1]} too; every record needs its own"
    return Row({}, *place[1]).bad("id", problem, "duplicate id")


def _formats() -> dict[str, Format]:
    return {name: members.load("formats", name)() for name in members.names("formats")}


def format_of(row: Row, name: str | None = None) -> Format:
    """Return the format called ``name``, or else the one that a row is in.

    Raises:
        BadSource: the row fits no format, or several.
        plaudit.members.UnknownKind: there is no such format.
    """
    found: Format = _formats()[_detect(row)] if name is None else members.load("formats", name)()
    return found


def _detect(row: Row) -> str:
    fitting = [name for name, form in _formats().items() if form.fits(row.fields)]
    if len(fitting) == 1:
        return fitting[0]
    where, has = f"{row.file}, row {row.number}", ", ".join(row.fields) or "none"
    if fitting:
        raise BadSource(f"{where}: its columns ({has}) fit several formats; pass format= one of {', '.join(fitting)}")
    needs = "; ".join(f"{name}: {form.needs}" for name, form in _formats().items())
    raise BadSource(f"{where}: its columns ({has}) fit no format. Formats and what they need: {needs}")


def _alike(rows: Iterator[Row], name: str, first: Row, ledger: Ledger) -> Iterator[Row]:
    """Yield the rows, refusing those that are meant for another format; what fits none is the format's to refuse."""
    formats = _formats()
    form = formats.pop(name)
    for row in rows:
        other = None if form.fits(row.fields) else next((o for o, f in formats.items() if f.fits(row.fields)), None)
        if other is None:
            yield row
        elif ledger.drop:
            ledger.drops[f"another format ({other})"] += 1
        else:
            raise BadSource(
                f"{row.file}: mixed formats: row {first.number} is {name}, row {row.number} is {other}; "
                "it should be one format a file"
            )
