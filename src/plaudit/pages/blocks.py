"""What a page is made of: sections of paragraphs, notices, figures, tables, plots, passages to read and choices.

Everything is plain text and plain numbers: nothing here is HTML, and everything is escaped where it is written
(`plaudit.pages.html`). Colours are names that the page's style resolves, in light and in dark: ``@accent``, ``@muted``,
``@faint``, ``@text``, ``@bad``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["plain", "good", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text.

    Attributes:
        text: of it.
        tone: ``quiet`` for a remark beside the matter.
    """

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Sentences:
    """Several sentences, one below the other."""

    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to see before the rest.

    Attributes:
        title: a few words.
        text: a sentence or two.
        tone: ``bad`` where something is wrong, ``good`` where all is well.
        anchor: the section to look at, or ``""``.
    """

    title: str
    text: str
    tone: Tone = "plain"
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Notices:
    """Several notices, the most important first, numbered where there is an order."""

    notices: Sequence[Notice]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One number in large type.

    Attributes:
        label: what it is.
        value: as people read it.
        detail: its interval, or what to hold it against.
    """

    label: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """A row of numbers in large type."""

    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: as people read it.
        order: what the column is sorted by; the text where it is None.
        tone: of the text.
    """

    text: str
    order: float | None = None
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that sorts by any column and, where it is long, filters.

    Attributes:
        caption: what it shows.
        columns: headings.
        rows: a cell a column; a plain text is a cell too.
        note: below it.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    note: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} of the table {self.caption!r} has {len(row)} cells for {len(self.columns)} columns"
                )


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, and its numbers as a table for those who do not see it.

    Attributes:
        title: what it shows.
        traces: as Plotly has them, plain data.
        layout: likewise; colours, fonts and margins are the page's.
        caption: how to read it.
        numbers: the same as a table, folded away below the plot.
        height: in pixels.
    """

    title: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    caption: str = ""
    numbers: Table | None = None
    height: int = 360


@dataclass(frozen=True, slots=True)
class Passage:
    """Texts that belong together, with what is known of them.

    Attributes:
        labels: name to value; readers filter by them.
        texts: heading and text, shown side by side where there is room.
        facts: name and value, shown in small type.
        context: heading and text of what they belong to, above them; nothing where the text is empty.
    """

    labels: Mapping[str, str]
    texts: Sequence[tuple[str, str]]
    facts: Sequence[tuple[str, str]] = ()
    context: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Passages:
    """Texts to read, filtered by their labels and by search.

    Attributes:
        caption: what they are.
        passages: in the order in which they are shown.
    """

    caption: str
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class Choice:
    """Two texts to choose from.

    Attributes:
        first: identity of the first text, written to the file of answers and not shown.
        second: likewise.
        context: what both answer; may be empty.
        texts: the first and the second.
    """

    first: str
    second: str
    context: str
    texts: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choices:
    """Pairs that a person decides one by one; the answers are kept in the browser and saved as a file.

    Attributes:
        identity: of these pairs: answers to others are not mixed with theirs.
        question: asked of each pair.
        pairs: in the order in which they are asked.
        file: proposed name of the file of answers.
        heading: over the context.
        ending: said when all are answered.
        stated: fields that the file holds beside the answers, such as what kind of file it is.
    """

    identity: str
    question: str
    pairs: Sequence[Choice]
    file: str
    heading: str = "Context"
    ending: str = "Thank you. Save the answers."
    stated: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Folded:
    """Text of fixed width behind a heading that opens it: a recipe, a record."""

    title: str
    text: str


Block = Paragraph | Sentences | Notices | Figures | Table | Plot | Passages | Choices | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading.

    Attributes:
        anchor: what a link to it ends with: letters, digits and hyphens.
        title: its heading, also in the contents.
        blocks: what is in it.
        lead: one or two sentences below the heading.
    """

    anchor: str
    title: str
    blocks: Sequence[Block]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    Attributes:
        title: in large type, and the browser's.
        subtitle: below it.
        sections: the first has no heading of its own in the contents: it is the opening.
        footer: in small type at the end.
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
    footer: str = ""
