"""An examination as people read it in a terminal."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from plaudit.doctor.examination import Examination
from plaudit.doctor.finding import Finding, plural, said_of

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
PLACES = 3
"""Rows that a finding shows here; the page and ``--json`` have more."""
WIDTH = 100
CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
"""Characters that a terminal would obey."""


def text(examination: Examination, page: Path | None = None) -> str:
    """Return the findings, the worst first, then what was looked at without one, as text for a terminal."""
    console = Console(width=_width())
    with console.capture() as captured:
        console.print(Group(*_parts(examination, page)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()).rstrip()


def _width() -> int:
    return min(Console().width, WIDTH)


def _parts(examination: Examination, page: Path | None) -> Iterator[RenderableType]:
    data = examination.data
    yield Text(
        f"{plural(data['records'], 'record')}, {plural(data['responses'], 'response')}, "
        f"{plural(data['comparisons'], 'comparison')} in {plural(data['groups'], 'group')}"
    )
    yield Text(headline(examination) + "\n", style="bold")
    for finding in examination.findings:
        yield from _finding(finding)
    if not all(outcome.findings for outcome in examination.outcomes.values()):
        yield _silent(examination)
    if page is not None:
        yield Text(f"\nOpen {page} in a browser.")


def headline(examination: Examination) -> str:
    """Return how many findings there are, by severity."""
    counts = [plural(count, severity) for severity, count in examination.counts.items() if count]
    return ", ".join(counts) if counts else "Nothing was found."


def _finding(finding: Finding) -> Iterator[RenderableType]:
    yield Text.assemble((f"{finding.severity}  ", STYLES[finding.severity]), (finding.code, "bold"))
    yield _indented(finding.sentence)
    yield _indented(f"→ {finding.advice}{_repair(finding)}")
    for place in finding.places[:PLACES]:
        yield _indented(f"· {place}", "dim")
    if finding.diff:
        yield _indented(finding.diff, "dim")
    yield Text("")


def _repair(finding: Finding) -> str:
    return f" Repair: plaudit clean --repair {finding.repair}." if finding.repair else ""


def _indented(said: str, style: str = "") -> Padding:
    return Padding(_text(said, style), (0, 0, 0, 2))


def _text(said: str, style: str = "") -> Text:
    """Return a text whose control characters are shown, not obeyed: some of it comes out of files."""
    return Text(said.translate(CONTROLS), style=style)


def _silent(examination: Examination) -> Table:
    """Return the checks that found nothing, with what they measured or why they do not apply."""
    table = Table(title="Looked at, and nothing found", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("check", no_wrap=True)
    table.add_column("")
    for name, outcome in examination.outcomes.items():
        if not outcome.findings:
            table.add_row(name, _text(said_of(outcome), "dim" if outcome.reason else ""))
    return table
