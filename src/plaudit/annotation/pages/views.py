"""What the pages show beside the records of the store: plain values, and nothing of HTML but the guidelines'."""

from dataclasses import dataclass

from plaudit.pages.blocks import Section


@dataclass(frozen=True, slots=True)
class Written:
    """The owner's guidelines, ready to show.

    Attributes:
        version: which of the versions this is; 0 where there are none.
        html: rendered by `plaudit.annotation.pages.guidelines.rendered`.
    """

    version: int
    html: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at the page.

    Attributes:
        key: names the visitor in the browser's memory; says nothing about them.
        csrf: token that a form has to carry.
    """

    key: str
    csrf: str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An annotator's personal link as the owner sees it; the link itself is shown once, when it is made.

    Attributes:
        name: of the annotator.
        active: whether their links are good.
    """

    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class OwnerView:
    """The owner's page.

    Attributes:
        title: of the campaign.
        sections: progress, agreement, annotators, checks, disagreements.
        links: of all annotators.
        created: name and link that were made just now, or None.
        exports: name of each export and what it holds.
        guidelines: source of the present version, in Markdown.
        version: of the guidelines.
        closed: whether the campaign is closed.
    """

    title: str
    sections: tuple[Section, ...]
    links: tuple[LinkRow, ...]
    created: tuple[str, str] | None
    exports: tuple[tuple[str, str], ...]
    guidelines: str
    version: int
    closed: bool
