"""Guidelines: Markdown in, safe HTML out."""

from html.parser import HTMLParser

from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit.annotation.pages.guidelines import rendered

ALLOWED = {
    *("h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "a", "hr", "br"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}  # fmt: skip


class Elements(HTMLParser):
    """Keeps what elements there are, with their attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@settings(max_examples=30)
@given(st.text(alphabet="<>/[]()!#*`_:&\"'= \n|-javscriptonxe") | st.text())
@example("<script>alert(1)</script>")
@example("[x](javascript:alert(1))")
@example("[x](data:text/html,<script>1</script>)")
@example("![x](https://example.org/x.png)")
@example("<a href='x' onclick='1'>y</a>")
@example('[x](https://example.org "t\\" onclick=\\"1")')
@example("[x]: vbscript:x\n[x]")
def test_nothing_dangerous_comes_out(markdown) -> None:
    """Whatever is written, only plain elements come out, without handlers, and links lead to no scripts."""
    for tag, attributes in Elements(rendered(markdown)).found:
        assert tag in ALLOWED
        assert not any(name.startswith("on") or name in {"src", "srcset"} for name in attributes)
        address = (attributes.get("href") or "").lower()
        assert not address.startswith(("javascript:", "vbscript:", "data:", "file:"))


def test_headings_stand_below_the_pages_own() -> None:
    """The page has an h1 and h2; what the owner writes begins at h3, however deep it goes."""
    html = rendered("# one\n\n#### four\n\n###### six\n")

    assert "<h3>one</h3>" in html
    assert "<h6>four</h6>" in html
    assert "<h6>six</h6>" in html


def test_links_open_beside_the_work() -> None:
    """A link leaves the page, and what is entered there, as it is."""
    assert '<a href="https://example.org" rel="noopener noreferrer" target="_blank">' in rendered(
        "[x](https://example.org)"
    )
