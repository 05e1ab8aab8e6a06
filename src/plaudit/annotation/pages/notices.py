"""Pages that say one thing: done, practice over, refused, away."""

from collections.abc import Mapping, Sequence

from plaudit.annotation.pages.frame import document
from plaudit.annotation.pages.views import Visitor
from plaudit.pages.html import escaped


def notice_page(
    title: str, sentences: Sequence[str], *, tone: str = "plain", link: tuple[str, str] | None = None, again: int = 0,
    visitor: Visitor | None = None,
) -> str:  # fmt: skip
    """Return a page with a heading and a few sentences.

    Args:
        title: the heading.
        sentences: below it.
        tone: ``good`` or ``bad``, or plain.
        link: words and address of what to do next.
        again: seconds after which the browser looks again by itself; 0 for never.
        visitor: whose answers, kept in the browser, are to be sent from this page.
    """
    words = "".join(f"<p>{escaped(one)}</p>" for one in sentences)
    onward = f'<p><a class="button main" href="{escaped(link[1])}" data-next>{escaped(link[0])}</a></p>' if link else ""
    data: Mapping[str, str] = {"visitor": visitor.key, "csrf": visitor.csrf} if visitor else {}
    body = (
        f'<main id="content" class="notice-page {tone}"><h1>{escaped(title)}</h1>{words}{onward}'
        '<p class="saving" id="saving" role="status" aria-live="polite"></p></main>'
    )
    more = {"again": str(again)} if again else {}
    return document(title, body, kind="single", scripts=("waiting.js",), data={**data, **more})


def practice_over(right: int, number: int, needed: int, visitor: Visitor) -> str:
    """Return the page after the last practice example: passed, or once more."""
    counted = f"{right} of {number} agree with the examples; {needed} are needed."
    if right >= needed:
        return notice_page("Practice passed", [counted], tone="good", link=("Start", "/task"), visitor=visitor)
    again = "Read the guidelines once more and try again: the examples come in another order."
    return notice_page(
        "Not there yet", [counted, again], tone="bad", link=("Practise again", "/practice/again"), visitor=visitor
    )
