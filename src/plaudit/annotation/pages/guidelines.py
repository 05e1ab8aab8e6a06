"""The owner's guidelines: Markdown to HTML, without raw HTML and without anything fetched."""

from functools import lru_cache

from markdown_it import MarkdownIt


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    """Return CommonMark with tables; raw HTML is shown as text and images are not loaded."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@lru_cache(maxsize=16)
def rendered(markdown: str) -> str:
    """Return ``markdown`` as HTML that holds no script and no raw HTML, with headings below those of the page.

    Links keep only addresses that CommonMark's checker lets through: no ``javascript:``, no ``data:``.
    """
    tokens = _reader().parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        for inner in token.children or ():
            if inner.type == "link_open":
                inner.attrs |= {"rel": "noopener noreferrer", "target": "_blank"}
    return str(_reader().renderer.render(tokens, _reader().options, {}))
