"""Generated pages are those that the code makes now."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from plaudit.members import SETS, names
from tests.architecture.sources import ROOT


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """Load docs/generate.py."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_generated_page_is_stale(generate: ModuleType) -> None:
    """Each page is, byte for byte, what docs/generate.py writes: run `make docs` where it is not."""
    wanted: dict[Path, str] = generate.pages()

    assert [str(p) for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text] == []
    assert set((ROOT / "docs" / "kinds").glob("*.md")) == {page for page in wanted if page.parent.name == "kinds"}


def test_every_kind_has_a_heading(generate: ModuleType) -> None:
    """A kind is documented by being there."""
    wanted: dict[Path, str] = generate.pages()

    for kind_set in SETS:
        for name in names(kind_set):
            assert f"\n## {name}\n" in wanted[ROOT / "docs" / "kinds" / f"{kind_set}.md"]


def test_docstrings_become_markdown(generate: ModuleType) -> None:
    """Mathematics, code words and examples are put in Markdown's terms."""
    docstring = "A :math:`x`.\n\n.. math:: y = 1\n   + 2\n\nNow ``code``:\n\n>>> 1 + 1\n2\n>>> 3\n3\n\nEnd."

    assert generate._markdown(docstring) == (
        "A $x$.\n\n$$y = 1\n   + 2$$\n\nNow `code`:\n\n```pycon\n>>> 1 + 1\n2\n>>> 3\n3\n```\n\nEnd."
    )


def test_settings_are_read_without_importing(generate: ModuleType) -> None:
    """A dataclass's fields, a constructor's arguments and a function's arguments are a kind's settings."""
    tree = generate.ast.parse(
        "class Plain:\n    a: float = 1.0\n    b: int\n"
        "class Made:\n    def __init__(self, c: bool = True): pass\n"
        "def called(d: str) -> float: pass\n"
    )

    assert [generate._settings(node).splitlines()[1] for node in tree.body] == [
        "Plain(a: float = 1.0, b: int)",
        "Made(c: bool=True)",
        "called(d: str)",
    ]
