"""What the documents say can be followed: links, paths, make targets, verbs, examples."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plaudit import cli
from tests.architecture.sources import PACKAGE, ROOT
from tests.docs.documents import Block, Document, documents

EVERY = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
PLACES = ("src/", "tests/", "docs/", "configs/", "examples/", "benchmarks/")
SLOW = "<!-- test: slow -->"
"""A line before a Python block that trains: the block is then run among the slow tests."""


def examples() -> list[Any]:
    """Return every Python block of every document, those that train marked slow."""
    found = [(document, block) for document in documents() for block in document.blocks() if block.kind == "python"]
    return [
        pytest.param(block, id=f"{document.name}:{block.line}", marks=[pytest.mark.slow] * (block.before == SLOW))
        for document, block in found
    ]


@EVERY
def test_links_resolve(document: Document) -> None:
    """Every relative link leads to a file that exists, and to a heading that it has."""
    broken = [link for link in re.findall(r"\]\(([^)\s]+)\)", document.prose()) if not _resolves(document.path, link)]

    assert broken == []


def _resolves(origin: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    file, _, anchor = link.partition("#")
    target = (origin.parent / file).resolve() if file else origin
    if not anchor:
        return target.exists()
    return target.is_file() and anchor in Document(target, target.read_text(encoding="utf-8")).anchors()


@EVERY
def test_paths_exist(document: Document) -> None:
    """Every path named in code, such as src/plaudit/members.py, is there."""
    named = [word for code in document.code() for word in re.findall(r"[\w./-]+", code) if word.startswith(PLACES)]

    assert [path for path in named if not (ROOT / path.rstrip(".")).exists()] == []


@EVERY
def test_make_targets_exist(document: Document) -> None:
    """Every `make target` named in code is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z.-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {target for code in document.code() for target in re.findall(r"^(?:\$ )?make ([a-z.-]+)", code)}

    assert named - targets - {"help"} == set()


@EVERY
def test_verbs_exist(document: Document) -> None:
    """Every `plaudit verb` named in code is a verb."""
    commands = [re.findall(r"^(?:\$ )?(?:\S*/)?plaudit ([a-z][a-z-]*)", code) for code in document.code()]

    assert {verb for found in commands for verb in found} - set(cli.verbs()) == set()


@pytest.mark.parametrize("block", examples())
def test_examples_run(block: Block, tmp_path: Path) -> None:
    """Every Python block runs from an empty folder, as a reader would run it."""
    program = tmp_path / "example.py"
    program.write_text(block.body, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", program.name],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def test_every_verb_is_documented() -> None:
    """docs/cli.md has a heading for each verb."""
    assert set(cli.verbs()) <= Document(ROOT / "docs" / "cli.md", _read("docs/cli.md")).anchors()


def test_every_room_is_on_the_tour() -> None:
    """docs/tour.md names every package of src/plaudit, so that no code is without its place."""
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in PACKAGE.glob("*/__init__.py")}

    assert {room for room in rooms if f"{room}/" not in _read("docs/tour.md")} == set()


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
