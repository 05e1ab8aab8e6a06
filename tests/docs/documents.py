"""The Markdown files of the project, and what can be checked in them."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT, tracked

FENCE = re.compile(r"^(?P<before>[^\n]*)\n```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, the line it starts on, the line before it."""

    kind: str
    body: str
    line: int
    before: str


@dataclass(frozen=True, slots=True)
class Document:
    """A Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Path from the root of the project."""
        return self.path.relative_to(ROOT).as_posix()

    def blocks(self) -> list[Block]:
        """Return the fenced blocks in order."""
        return [
            Block(
                found["kind"], found["body"], self.text.count("\n", 0, found.start("body")) + 1, found["before"].strip()
            )
            for found in FENCE.finditer("\n" + self.text)
        ]

    def prose(self) -> str:
        """Return the text without its fenced blocks."""
        return FENCE.sub(r"\g<before>", "\n" + self.text)

    def code(self) -> list[str]:
        """Return every piece of code: the lines of fenced blocks, and what stands in backticks."""
        fenced = [line for block in self.blocks() for line in block.body.splitlines()]
        return [*fenced, *re.findall(r"`([^`\n]+)`", self.prose())]

    def anchors(self) -> set[str]:
        """Return the anchors that the headings make."""
        titles = re.findall(r"^#+ +(.+)$", self.prose(), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def documents() -> list[Document]:
    """Return every Markdown file of the project."""
    return [Document(path, path.read_text(encoding="utf-8")) for path in sorted(tracked("*.md"))]
