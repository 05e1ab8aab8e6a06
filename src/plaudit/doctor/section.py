"""An examination as a page, in the style of the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plaudit.doctor.examination import Examination
from plaudit.doctor.finding import SHOWN, Finding, Listing, Place, plural, said_of
from plaudit.pages import html
from plaudit.pages.blocks import (
    Block,
    Cell,
    Figure,
    Figures,
    Folded,
    Notice,
    Notices,
    Page,
    Paragraph,
    Section,
    Table,
    Tone,
)

TONES: dict[str, Tone] = {"error": "bad", "warning": "plain", "note": "quiet"}


def write_page(examination: Examination, path: Path) -> None:
    """Write the examination to ``path`` as one HTML file that opens offline, whole or not at all."""
    html.write(page(examination), path)


def page(examination: Examination) -> Page:
    """Return the examination as a page."""
    data = examination.data
    counted = [plural(data[name], name.removesuffix("s")) for name in ("records", "responses", "comparisons")]
    return Page(
        title="What the doctor found",
        subtitle=" · ".join([", ".join(data["sources"]), *counted, *_helped(data)]),
        sections=[
            _opening(examination),
            *(_section(number, finding) for number, finding in enumerate(examination.findings, 1)),
            *_measured(examination),
        ],
        footer="Rates have 95 % intervals from resampled groups (prompts with their near-duplicates).",
    )


def _helped(data: Mapping[str, Any]) -> list[str]:
    """Return which tokenizer and model were asked, where some were."""
    return ([f"tokenizer of {data['tokenizer']}"] if data["tokenizer"] else []) + (
        ["rewards of a model"] if data["scored"] else []
    )


def _opening(examination: Examination) -> Section:
    counts, data = examination.counts, examination.data
    figures = [Figure(f"{severity}s", str(count)) for severity, count in counts.items()]
    figures += [
        Figure("records", f"{data['records']:,}"),
        Figure("groups", f"{data['groups']:,}", "units of resampling"),
    ]
    findings = examination.findings
    notices = [
        Notice(f"{one.severity}: {_title(one)}", one.sentence, TONES[one.severity], _anchor(number))
        for number, one in enumerate(findings, 1)
    ]
    nothing = Notice("Nothing was found.", "No check found a fault in these preferences.", "good")
    return Section("summary", "Summary", [Figures(figures), Notices(notices or [nothing], numbered=len(notices) > 1)])


def _title(finding: Finding) -> str:
    return finding.code.replace("_", " ")


def _anchor(number: int) -> str:
    return f"finding-{number}"


def _section(number: int, finding: Finding) -> Section:
    blocks: list[Block] = [Paragraph(f"What to do: {finding.advice}")]
    if finding.repair:
        blocks.append(Paragraph(f"plaudit clean DATA --repair {finding.repair} --output FILE mends it.", "quiet"))
    blocks += [_table(listing) for listing in finding.listings]
    if finding.places:
        blocks.append(_places(finding.places, finding.count))
    if finding.diff:
        blocks.append(Folded("Both renderings, line by line", finding.diff))
    return Section(_anchor(number), _title(finding).capitalize(), blocks, finding.sentence)


def _places(places: Sequence[Place], count: int) -> Table:
    columns: tuple[str, ...] = ("source", "row", "record", "what is there")
    rows: list[list[Cell | str]] = [
        [_file(place), Cell(str(place.row or "–"), place.row), place.record or "–", place.remark] for place in places
    ]
    if not any(place.remark for place in places):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    note = f"The first {SHOWN}; there are more." if len(places) == SHOWN < count else ""
    return Table("Rows to look at", columns, rows, note)


def _file(place: Place) -> str:
    return Path(place.file).name if place.file else "–"


def _table(listing: Listing) -> Table:
    rows = [[_cell(value) for value in row] for row in listing.rows]
    return Table(listing.caption, listing.columns, rows)


def _cell(value: str | float) -> Cell:
    if isinstance(value, str):
        share = value.removesuffix("%")
        number = share.replace(".", "", 1).isdigit() and share != value
        return Cell(value, float(share) if number else None)
    return Cell(f"{value:,}", float(value))


def _measured(examination: Examination) -> list[Section]:
    """Return what was looked at without a finding, and the tables that are of interest all the same."""
    silent = {name: one for name, one in examination.outcomes.items() if not one.findings}
    rows = [[examination.titles[name], said_of(one)] for name, one in silent.items()]
    blocks: list[Block] = []
    if rows:
        blocks.append(Table("Checks without a finding", ("check", "measured"), rows))
    blocks += [_table(listing) for one in examination.outcomes.values() for listing in one.listings]
    return [Section("measured", "What else was looked at", blocks)] if blocks else []
