"""Write a page as one HTML file that opens offline: styles, scripts and plotly inside, nothing fetched.

Every text is escaped here and nowhere else; numbers of plots and texts of choices go in as JSON in which no ``<`` is
left, so that no text can end the element it stands in. A content security policy forbids the page to load anything.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatch
from importlib import resources
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from plaudit.pages.blocks import (
    Cell,
    Choices,
    Figures,
    Folded,
    Notice,
    Notices,
    Page,
    Paragraph,
    Passage,
    Passages,
    Plot,
    Section,
    Sentences,
    Table,
)
from plaudit.replacing import replace_file

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)
FILTERED_FROM = 9
"""Rows from which on a table has a field to filter by."""

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_ANCHOR = re.compile(r"[a-z][a-z0-9-]*")

NO_PLOTS = "The plots are missing: plotly is not installed where this page was made. pip install 'plaudit[report]'"


def escaped(text: str) -> str:
    """Return ``text`` as it may stand in an element or in a quoted attribute; what HTML cannot hold becomes U+FFFD."""
    return html.escape(_UNWRITABLE.sub("\ufffd", text), quote=True)


def inlined(value: Any) -> str:
    """Return ``value`` as JSON that may stand in a script element, whatever texts are in it.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def can_plot() -> bool:
    """Return whether plotly, the extra ``report``, is installed."""
    return find_spec("plotly") is not None


def write(page: Page, path: Path) -> None:
    """Write the page to ``path``, whole or not at all."""
    replace_file(path, render(page))


def render(page: Page, plotly: str | None = None) -> str:
    """Return the page as HTML.

    Args:
        page: what is on it.
        plotly: source of plotly.js; that of the installed package by default, and none where there is none. Without it
            plots are left out, their numbers stay, and the page says so.

    Raises:
        ValueError: an anchor is no anchor, or is there twice.
    """
    _check_anchors(page.sections)
    source = _installed() if plotly is None else plotly
    wanted = any(isinstance(block, Plot) for section in page.sections for block in section.blocks)
    scripts = [*([source] if wanted and source else []), _resource("page.js"), _resource("choices.js")]
    notice = f'<p class="notice bad" role="note">{escaped(NO_PLOTS)}</p>' if wanted and not source else ""
    opening, *others = page.sections
    numbers = count(1)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escaped(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escaped(page.title)}</title><style>{_resource('page.css')}</style></head><body>",
            '<a class="skip" href="#content">Skip to the content</a>',
            f"<header><h1>{escaped(page.title)}</h1><p>{escaped(page.subtitle)}</p></header>",
            f'<div class="frame">{_contents(others)}<main id="content" tabindex="-1">{notice}',
            *(_section(section, numbers) for section in (opening, *others)),
            f"</main></div><footer>{escaped(page.footer)}</footer>",
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>\n",
        ]
    )


def sections_of(sections: Iterable[Section]) -> str:
    """Return the sections as HTML for a page that brings its own frame, style and scripts.

    Raises:
        ValueError: an anchor is no anchor, or is there twice.
    """
    shown, numbers = list(sections), count(1)
    _check_anchors(shown)
    return "\n".join(_section(section, numbers) for section in shown)


def _installed() -> str:
    if not can_plot():
        return ""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an extra, see [report]

    return str(get_plotlyjs())


def _resource(name: str) -> str:
    return (resources.files("plaudit.pages") / name).read_text(encoding="utf-8")


def _check_anchors(sections: Iterable[Section]) -> None:
    anchors = [section.anchor for section in sections]
    for anchor in anchors:
        if not _ANCHOR.fullmatch(anchor) or anchors.count(anchor) > 1:
            raise ValueError(f"the anchor {anchor!r} must be small letters, digits and hyphens, and there once")


def _contents(sections: Iterable[Section]) -> str:
    links = "".join(f'<li><a href="#{section.anchor}">{escaped(section.title)}</a></li>' for section in sections)
    return (
        f'<nav aria-label="Contents"><details class="contents" open><summary>Contents</summary><ol>{links}</ol>'
        "</details></nav>"
    )


def _section(section: Section, numbers: Iterator[int]) -> str:
    lead = f'<p class="lead">{escaped(section.lead)}</p>' if section.lead else ""
    blocks = "\n".join(_block(block, next(numbers)) for block in section.blocks)
    return (
        f'<section id="{section.anchor}" aria-labelledby="{section.anchor}-title">'
        f'<h2 id="{section.anchor}-title">{escaped(section.title)}</h2>{lead}{blocks}</section>'
    )


@singledispatch
def _block(block: Any, number: int) -> str:
    raise TypeError(f"a page has no block of the kind {type(block).__name__} (block {number})")


@_block.register
def _paragraph(block: Paragraph, number: int) -> str:  # noqa: ARG001 - as every block
    return f'<p class="{block.tone}">{escaped(block.text)}</p>'


@_block.register
def _sentences(block: Sentences, number: int) -> str:  # noqa: ARG001 - as every block
    return f'<ul class="sentences">{"".join(f"<li>{escaped(one)}</li>" for one in block.sentences)}</ul>'


@_block.register
def _notices(block: Notices, number: int) -> str:  # noqa: ARG001 - as every block
    kind = "ol" if block.numbered else "ul"
    return f'<{kind} class="notices">{"".join(map(_notice, block.notices))}</{kind}>'


def _notice(notice: Notice) -> str:
    link = f' <a href="#{escaped(notice.anchor)}">See below</a>' if notice.anchor else ""
    return (
        f'<li class="notice {notice.tone}"><strong>{escaped(notice.title)}</strong>'
        f"<span>{escaped(notice.text)}{link}</span></li>"
    )


@_block.register
def _figures(block: Figures, number: int) -> str:  # noqa: ARG001 - as every block
    shown = "".join(
        f'<div><dt>{escaped(one.label)}</dt><dd class="value">{escaped(one.value)}</dd>'
        f'<dd class="detail">{escaped(one.detail)}</dd></div>'
        for one in block.figures
    )
    return f'<dl class="figures">{shown}</dl>'


@_block.register
def _table(block: Table, number: int) -> str:
    name = f"table-{number}"
    heads = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escaped(column)}</button></th>'
        if column
        else '<th scope="col"><span class="hidden">action</span></th>'
        for column in block.columns
    )
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in block.rows)
    note = f'<p class="quiet">{escaped(block.note)}</p>' if block.note else ""
    return (
        f'<div class="table" data-table>{_filter(block, name)}'
        f'<div class="scroll" role="region" aria-labelledby="{name}" tabindex="0"><table>'
        f'<caption id="{name}">{escaped(block.caption)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}</div>"
    )


def _filter(block: Table, name: str) -> str:
    if len(block.rows) < FILTERED_FROM:
        return ""
    return (
        f'<p class="filter"><label for="{name}-filter">Filter rows</label> '
        f'<input id="{name}-filter" type="search" data-filter autocomplete="off">'
        f'<output aria-live="polite" data-count>{len(block.rows)} rows</output></p>'
    )


def _cell(cell: Cell | str) -> str:
    one = Cell(cell) if isinstance(cell, str) else cell
    order = "" if one.order is None else f' data-order="{one.order!r}" class="number {one.tone}"'
    plain = f' class="{one.tone}"' if one.order is None and one.tone != "plain" else ""
    return f"<td{order}{plain}>{escaped(one.text)}</td>"


@_block.register
def _plot(block: Plot, number: int) -> str:
    caption = f"<p>{escaped(block.caption)}</p>" if block.caption else ""
    numbers = (
        f"<details class='numbers'><summary>The numbers</summary>{_table(block.numbers, number)}</details>"
        if block.numbers
        else ""
    )
    drawn = inlined({"traces": list(block.traces), "layout": dict(block.layout)})
    return (
        f'<figure class="plot"><figcaption><h3>{escaped(block.title)}</h3>{caption}</figcaption>'
        f'<div class="drawing" data-plot="plot-{number}" role="img" aria-label="{escaped(block.title)}" '
        f'style="height:{int(block.height)}px"></div>'
        f'<script type="application/json" id="plot-{number}">{drawn}</script>{numbers}</figure>'
    )


@_block.register
def _passages(block: Passages, number: int) -> str:
    labels = dict.fromkeys(name for passage in block.passages for name in passage.labels)
    choices = {name: sorted({p.labels[name] for p in block.passages if name in p.labels}) for name in labels}
    selects = "".join(
        f'<label>{escaped(name)} <select data-label="{place}"><option value="">all</option>'
        + "".join(f"<option>{escaped(value)}</option>" for value in found)
        + "</select></label>"
        for place, (name, found) in enumerate(choices.items())
        if len(found) > 1
    )
    shown = "".join(_passage(passage, list(labels)) for passage in block.passages)
    return (
        f'<div class="passages" data-passages><h3 id="passages-{number}">{escaped(block.caption)}</h3>'
        f'<div class="filter" role="search"><label>Search <input type="search" data-search autocomplete="off"></label>'
        f'{selects}<output aria-live="polite" data-count>{len(block.passages)} shown</output></div>{shown}</div>'
    )


def _passage(passage: Passage, labels: list[str]) -> str:
    told = [*passage.labels.items(), *passage.facts]
    facts = "".join(f"<li>{escaped(name)} <b>{escaped(value)}</b></li>" for name, value in told)
    context = _text("context", *passage.context) if passage.context[1] else ""
    texts = context + "".join(_text("", *one) for one in passage.texts)
    own = escaped(json.dumps([passage.labels.get(name, "") for name in labels]))
    return f'<article data-labels="{own}"><ul class="facts">{facts}</ul><div class="texts">{texts}</div></article>'


def _text(kind: str, heading: str, text: str) -> str:
    return (
        f'<div class="{kind}"><h4>{escaped(heading)}</h4><div class="text" tabindex="0" role="group" '
        f'aria-label="{escaped(heading)}">{escaped(text)}</div></div>'
    )


@_block.register
def _choices(block: Choices, number: int) -> str:
    pairs = [
        {"first": pair.first, "second": pair.second, "context": pair.context, "texts": list(pair.texts)}
        for pair in block.pairs
    ]
    known: Mapping[str, Any] = {
        "identity": block.identity,
        "question": block.question,
        "heading": block.heading,
        "ending": block.ending,
        "file": block.file,
        "stated": dict(block.stated),
        "pairs": pairs,
    }
    return (
        f'<div class="choices" data-choices="choices-{number}"></div>'
        f'<script type="application/json" id="choices-{number}">{inlined(known)}</script>'
        '<p class="paper">Judged in the browser; not on paper.</p>'
    )


@_block.register
def _folded(block: Folded, number: int) -> str:  # noqa: ARG001 - as every block
    return (
        f'<details class="folded"><summary>{escaped(block.title)}</summary>'
        f'<pre tabindex="0">{escaped(block.text)}</pre></details>'
    )
