"""Pages: one file, nothing fetched, and no text that a user brought is ever more than text."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.pages import html
from plaudit.pages.blocks import (
    Cell,
    Choice,
    Choices,
    Figure,
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

STUB = "window.Plotly = {react() {}};"
HOSTILE = st.text(alphabet="<>/&\"'!-scriptSCRIPT \u2028]{}=") | st.text()


class Reader(HTMLParser):
    """Keeps elements, attributes and text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def page(word: str = "x") -> Page:
    """A page with every kind of block; ``word`` stands wherever a text can."""
    rows = [(word, Cell(word, float(number))) for number in range(12)]
    table = Table(word, (word, "number"), rows, word)
    blocks = [
        Paragraph(word),
        Sentences([word]),
        Notices([Notice(word, word, "bad", "second")], numbered=True),
        Figures([Figure(word, word, word)]),
        table,
        Plot(word, [{"x": [1], "y": [2], "name": word, "line": {"color": "@accent"}}], {}, word, table),
        Passages(
            word,
            [Passage({word: word, "kind": f"{n}"}, [(word, word)], [(word, word)], (word, word)) for n in range(2)],
        ),
        Choices("id", word, [Choice(word, word, word, (word, word))], "answers.json", word, word, {"kind": word}),
        Folded(word, word),
    ]
    return Page(word, word, [Section("first", word, blocks, word), Section("second", word, [Paragraph(word)])], word)


@settings(deadline=None, max_examples=60)
@given(text=HOSTILE)
def test_escaped_text_is_text(text) -> None:
    """In an element and in an attribute a parser reads back what was written, but for what HTML cannot hold."""
    written = html.escaped(text)
    read = Reader(f'<p title="{written}">{written}</p>')
    kept = "".join("\ufffd" if html._UNWRITABLE.match(one) else one for one in text)

    assert read.elements == [("p", {"title": kept})]
    assert "".join(read.words) == kept
    assert written.encode("utf-8").decode("utf-8") == written


@settings(deadline=None, max_examples=25)
@given(
    value=st.recursive(
        HOSTILE | st.integers() | st.none(), lambda own: st.lists(own) | st.dictionaries(HOSTILE, own), max_leaves=4
    )
)
def test_inlined_json_ends_where_it_ends(value) -> None:
    """Data in a script element comes back exactly and opens or closes nothing."""
    written = html.inlined(value)

    assert not {"<", ">", "&"} & set(written)
    assert json.loads(written) == value
    read = Reader(f'<script type="application/json">{written}</script>')
    assert [tag for tag, _ in read.elements] == ["script"]
    assert "".join(read.words) == written


@settings(deadline=None, max_examples=40)
@given(word=HOSTILE.filter(lambda word: word not in {"", "kind"}))
def test_no_text_changes_what_a_page_is_made_of(word) -> None:
    """Whatever stands in every title, cell, label, plot and choice, the elements and their attributes are the same."""
    usual, hostile = Reader(html.render(page(), STUB)), Reader(html.render(page(word), STUB))

    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in usual.elements]
    names = [sorted(attributes) for _, attributes in hostile.elements]
    assert names == [sorted(attributes) for _, attributes in usual.elements]


def test_a_page_fetches_nothing() -> None:
    """No element names an address, and the policy forbids what a script might try."""
    read = Reader(html.render(page(), STUB))
    outside = [
        (tag, value)
        for tag, attributes in read.elements
        for name, value in attributes.items()
        if name in {"src", "href", "action", "data", "poster"} and not (value or "").startswith("#")
    ]
    policies = [own["content"] for tag, own in read.elements if own.get("http-equiv") == "Content-Security-Policy"]

    assert outside == []
    assert policies == [html.POLICY]
    assert "http" not in html.POLICY


def test_a_page_can_be_read_by_machines_that_read_aloud() -> None:
    """A language, one h1, landmarks, a caption and scoped headings for each table, a label for each field."""
    read = Reader(html.render(page(), STUB))
    tags = [tag for tag, _ in read.elements]
    fields = [own for tag, own in read.elements if tag in {"input", "select"}]

    assert dict(read.elements[0][1]) == {"lang": "en"}
    assert tags.count("h1") == 1
    assert {"header", "nav", "main", "footer"} <= set(tags)
    assert tags.count("table") == tags.count("caption")
    assert all(own.get("scope") == "col" for tag, own in read.elements if tag == "th")
    labels = {own.get("for") for tag, own in read.elements if tag == "label"}
    assert all(own.get("id") in labels for own in fields if "data-filter" in own)
    names = [own["id"] for _, own in read.elements if "id" in own]
    assert len(names) == len(set(names))
    pointed = [own["aria-labelledby"] for _, own in read.elements if "aria-labelledby" in own]
    assert set(pointed) <= set(names)


def test_without_plotly_the_numbers_stay_and_the_page_says_so() -> None:
    """The tables of plots are there, a notice names the extra, and no drawing is promised."""
    written = html.render(page(), "")

    assert "pip install" in written
    assert "plaudit[report]" in written
    assert "pip install" not in html.render(page(), STUB)
    assert written.count("<table>") == html.render(page(), STUB).count("<table>")


@pytest.mark.parametrize("anchors", [("a", "a"), ("A", "b"), ("", "b"), ('a"', "b")])
def test_anchors_are_anchors(anchors) -> None:
    """One that could not be linked to, or is there twice, is refused."""
    sections = [Section(anchor, "title", []) for anchor in anchors]

    with pytest.raises(ValueError, match="anchor"):
        html.render(Page("t", "s", sections), "")


def test_a_row_has_a_cell_a_column() -> None:
    """A table with a hole in it is refused when it is made."""
    with pytest.raises(ValueError, match="row 1 of the table 'numbers' has 1 cells for 2 columns"):
        Table("numbers", ("a", "b"), [("1", "2"), ("3",)])


def test_numbers_of_plots_are_finite() -> None:
    """A NaN would not be JSON; it is refused, not written."""
    with pytest.raises(ValueError, match="JSON"):
        html.render(Page("t", "s", [Section("a", "b", [Plot("p", [{"x": [float("nan")]}])])]), STUB)
