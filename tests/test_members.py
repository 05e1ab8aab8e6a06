"""Open sets: the folder is the registry, and listing it is free."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from plaudit import members
from plaudit.members import UnknownKind

ROOT = Path(__file__).parents[1]
PRESENT = [kind_set for kind_set in members.SETS if members._folder(kind_set).is_dir()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An open set ``objectives`` of two kinds, a private file and a text, in a package of its own."""
    package = tmp_path / "kinds_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first_kind.py").write_text('"""The first line.\n\nMore."""\n\n\nclass FirstKind:\n    pass\n')
    (package / "plain.py").write_text("def plain():\n    return 1\n")
    (package / "empty.py").write_text("")
    (package / "_private.py").write_text("")
    (package / "notes.txt").write_text("")
    (package / "set_inside").mkdir()
    (package / "set_inside" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(members.SETS, "objectives", "kinds_of_a_test")
    monkeypatch.setattr(members, "_folder", lambda kind_set: package)
    return package


def test_listing_and_describing_import_neither_torch_nor_the_kinds() -> None:
    """Names and first lines of every set come from the files alone."""
    program = f"""
import sys
from plaudit import members
for kind_set in {PRESENT!r}:
    for name in members.names(kind_set):
        members.describe(kind_set, name)
print(*sys.modules)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not {"torch", "transformers", "numpy"} & set(loaded)
    assert not [name for name in loaded if name.startswith(tuple(f"{members.SETS[one]}." for one in PRESENT))]


def test_a_kind_is_a_public_file(folder: Path) -> None:
    """Names are sorted module names; private modules, packages and other files are none."""
    assert members.names("objectives") == ["empty", "first_kind", "plain"]


def test_a_new_file_is_a_new_kind(folder: Path) -> None:
    """Nothing is registered anywhere: the file is enough."""
    (folder / "added.py").write_text("class Added:\n    pass\n")
    assert "added" in members.names("objectives")
    assert members.load("objectives", "added").__name__ == "Added"


def test_load_finds_the_class_or_the_function_of_the_files_name(folder: Path) -> None:
    """CamelCase of the file name first, then the file name itself."""
    assert members.load("objectives", "first_kind").__name__ == "FirstKind"
    assert members.load("objectives", "plain")() == 1


def test_describe_gives_the_first_line(folder: Path) -> None:
    """One line from the docstring; none where there is no docstring."""
    assert members.describe("objectives", "first_kind") == "The first line."
    assert members.describe("objectives", "plain") == ""


@pytest.mark.parametrize("name", ["first_knid", "_private", "notes", "", "FirstKind", "set_inside"])
def test_an_unknown_kind_lists_the_known_ones(folder: Path, name: str) -> None:
    """Both loading and describing refuse, naming the set, the name and every kind there is."""
    for refuse in (members.load, members.describe):
        with pytest.raises(UnknownKind) as caught:
            refuse("objectives", name)
        assert repr(name) in str(caught.value)
        assert "objectives; known: empty, first_kind, plain" in str(caught.value)


def test_a_file_without_its_kind_is_refused(folder: Path) -> None:
    """The message names the two names that were looked for."""
    with pytest.raises(UnknownKind, match="neither Empty nor empty"):
        members.load("objectives", "empty")


@pytest.mark.parametrize("kind_set", ["objective", "", "plaudit"])
def test_an_unknown_set_lists_the_known_ones(kind_set: str) -> None:
    """A set that does not exist is not an empty one."""
    with pytest.raises(UnknownKind, match="known sets: formats, architectures, objectives"):
        members.names(kind_set)


def test_a_foreign_kind_is_named_by_module_and_attribute() -> None:
    """What lies outside the set's folder needs no entry in it."""
    assert members.load("objectives", "types:ModuleType") is ModuleType


@pytest.mark.parametrize("name", ["no.such.module:Thing", "types:Nothing", ":Thing", "types:", "..types:ModuleType"])
def test_a_foreign_kind_that_is_not_there_lists_the_known_ones(name: str) -> None:
    """A wrong module or attribute is refused like any unknown name."""
    with pytest.raises(UnknownKind) as caught:
        members.load("objectives", name)
    assert repr(name) in str(caught.value)
    assert "bradley_terry" in str(caught.value)


@pytest.mark.parametrize("kind_set", PRESENT)
def test_every_present_kind_says_what_it_is(kind_set: str) -> None:
    """Each kind of each set has a one-line description."""
    assert all(members.describe(kind_set, name) for name in members.names(kind_set))
