"""A file with some of its rows mended or left out, and a line for each of these that says what was done and why.

Every row is read with a mark of its own, which formats keep as they keep any field that they do not know. Written
again, each row so tells which one it was: rows whose fields are as before stay as they stand in the file.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

from plaudit.doctor.raw import kind_of, write_rows
from plaudit.doctor.repairs import MALFORMED, Beside, Mended, Step, chosen, mend
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.fields import DERIVED
from plaudit.preferences.files import rows_of
from plaudit.preferences.formats import Format
from plaudit.preferences.preference import Preference
from plaudit.preferences.reading import format_of
from plaudit.preferences.rows import BadRow, BadSource, Fields, Ledger, Row
from plaudit.replacing import replace_file

MARK = "\x00row"
"""The field that says which row it is, while it is looked at."""


@dataclass(frozen=True, slots=True)
class Treated:
    """What became of one row.

    Attributes:
        row: its number in the source, from 1.
        record: id of the record that it belongs to, or ``""``.
        done: ``dropped`` or ``rewritten``.
        repairs: the codes.
        why: a few words for each.
    """

    row: int
    record: str
    done: str
    repairs: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What came of cleaning a file.

    Attributes:
        source: the file.
        output: the clean one.
        ledger: the file with a line for every row that was touched.
        rows: rows of the source.
        treated: rows that were touched, in order.
    """

    source: Path
    output: Path
    ledger: Path
    rows: int
    treated: tuple[Treated, ...]

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Code to how many rows were dropped and rewritten for it."""
        found: dict[str, Counter[str]] = {}
        for one in self.treated:
            for code in one.repairs:
                found.setdefault(code, Counter())[one.done] += 1
        return found

    def lines(self) -> list[str]:
        """Return what was done, as text."""
        of_code = [
            f"{code}: " + ", ".join(f"{count:,} rows {done}" for done, count in counts.items())
            for code, counts in self.counts.items()
        ]
        left = self.rows - sum(one.done == "dropped" for one in self.treated)
        return [*(of_code or ["nothing to mend"]), f"{self.output}: {left:,} of {self.rows:,} rows", f"{self.ledger}"]


@dataclass
class _Refused(Ledger):
    """A ledger that keeps the rows that cannot be read, where that is wanted."""

    errors: list[BadRow] = field(default_factory=list)

    def bad(self, error: BadRow) -> None:
        """Keep the row, or raise."""
        if not self.drop:
            raise type(error)(Row({}, error.file, error.number), error.field, _mended(error), error.reason) from error
        self.errors.append(error)


def _mended(error: BadRow) -> str:
    return f"{str(error).split(': ', 1)[-1]} (leave such rows out with --repair {MALFORMED})"


def clean(
    source: Path,
    codes: Iterable[str],
    output: Path,
    *,
    against: Sequence[Preferences] = (),
    form: str | None = None,
    ledger: Path | None = None,
) -> Cleaned:
    """Write ``source`` to ``output`` with the chosen repairs done, and what was done to each row beside it.

    Args:
        source: a file that plaudit reads; it stays as it is.
        codes: of the repairs, see `plaudit.doctor.repairs`.
        output: the clean file, of the same kind.
        against: preferences that these should share nothing with, for ``contamination``.
        form: name of the format; told from the first row if not given.
        ledger: file for what was done, JSON lines; ``output`` with ``.ledger.jsonl`` behind it if not given.

    Raises:
        UnknownRepair: there is no such repair.
        BadRow: a row cannot be read, and ``malformed_rows`` was not chosen.
        BadSource: a file is not what it should be, or nothing would be left.
        Unwritable: a mended record has no place in the format.
    """
    wanted = list(codes)
    repairs = chosen(wanted)
    _require(source)
    refused = _Refused(drop=MALFORMED in wanted)
    before = {row.number: dict(row.fields) for row in rows_of(source, refused, str(source))}
    written = _format(source, before, form)
    records, repeated = _records(source, before, written, refused)
    after = mend(records, repairs, Beside(against))
    rows = _rows(before, after, written)
    if not rows:
        raise BadSource(f"{source}: nothing would be left of {len(before):,} rows; nothing was written")
    touched = {number: fields for number, fields in rows.items() if fields is not None}
    write_rows(source, output, sorted(rows), touched)
    lost = [*_refusals(refused), *(_repeats(record, written) for record in repeated)]
    treated = [*chain.from_iterable(lost), *_treated(records, after, rows, written)]
    where = ledger or output.with_name(output.name + ".ledger.jsonl")
    count = len({*before, *(error.number for error in refused.errors)})
    done = Cleaned(source, output, where, count, tuple(sorted(treated, key=lambda one: one.row)))
    replace_file(where, "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in done.treated))
    return done


def _require(source: Path) -> None:
    if not source.is_file():
        raise BadSource(f"{source}: no such file; one file is cleaned at a time")
    kind_of(source)


def _format(source: Path, rows: Mapping[int, Fields], form: str | None) -> Format:
    if not rows:
        raise BadSource(f"{source}: it holds no rows that can be read")
    number, fields = next(iter(rows.items()))
    return format_of(Row(fields, str(source), number), form)


def _records(
    source: Path, rows: Mapping[int, Fields], form: Format, refused: _Refused
) -> tuple[list[Preference], list[Preference]]:
    """Return the records, their rows marked, and apart from them those whose id occurred before."""
    marked = (Row({**fields, MARK: number}, str(source), number) for number, fields in rows.items())
    kept: dict[str, Preference] = {}
    repeated: list[Preference] = []
    for at, record in enumerate(form.read(marked, refused)):
        if record.id not in kept:
            kept[record.id] = record
        elif record.id.startswith(DERIVED):
            kept[f"{record.id}#{at}"] = record
        elif not refused.drop:
            refused.bad(refused.row.bad("id", f"{record.id!r} is the id of an earlier record", "duplicate id"))
        else:
            repeated.append(record)
    return list(kept.values()), repeated


def _written(record: Preference, form: Format) -> Iterator[tuple[int, Fields]]:
    """Yield the rows of a record, each with the number of the row that it was."""
    for fields in form.write([record]):
        plain = dict(fields)
        yield plain.pop(MARK), plain


def _rows(before: Mapping[int, Fields], after: Mended, form: Format) -> dict[int, Fields | None]:
    """Return the number of every row that stays, with its new fields where they are others."""
    found: dict[int, Fields | None] = {}
    for at, record in enumerate(after.records):
        for number, fields in _written(record, form) if record is not None else ():
            changed = at in after.done and fields != before[number]
            found[number] = _in_order(fields, before[number]) if changed else None
    return found


def _in_order(fields: Fields, before: Fields) -> Fields:
    """Return the fields in the order in which they stood, new ones behind them."""
    return {name: fields[name] for name in before if name in fields} | fields


def _treated(
    records: Sequence[Preference], after: Mended, rows: Mapping[int, Fields | None], form: Format
) -> Iterator[Treated]:
    """Yield what became of each row of the records that were mended; rows that stayed as they were are left out."""
    for at, steps in after.done.items():
        touched: dict[int, list[Step]] = {}
        before = dict(_written(records[at], form))
        for step in steps:
            now = dict(_written(step.record, form)) if step.record is not None else {}
            for number, fields in before.items():
                if fields != now.get(number):
                    touched.setdefault(number, []).append(step)
            before = now
        for number, own in touched.items():
            if rows.get(number, {}) is not None:
                done = "rewritten" if number in rows else "dropped"
                codes, why = tuple(step.code for step in own), tuple(step.why for step in own)
                yield Treated(number, records[at].id, done, codes, why)


def _refusals(refused: _Refused) -> Iterator[list[Treated]]:
    """Yield a line for each row that could not be read."""
    for error in refused.errors:
        yield [Treated(error.number, "", "dropped", (MALFORMED,), (str(error).split(": ", 1)[-1],))]


def _repeats(record: Preference, form: Format) -> list[Treated]:
    """Return a line for each row of a record whose id occurred before."""
    why = ("its id is that of an earlier record",)
    return [Treated(number, record.id, "dropped", (MALFORMED,), why) for number, _ in _written(record, form)]
