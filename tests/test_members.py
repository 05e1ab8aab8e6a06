"""Open sets: listed without imports, loaded by name, refused with the known names."""

import subprocess
import sys
from pathlib import Path

import pytest

from plaudit import members
from plaudit.members import SETS, UnknownKind, describe, load, names

EVERY_KIND = [(kind_set, name) for kind_set in SETS for name in names(kind_set)]


@pytest.mark.parametrize(("kind_set", "name"), EVERY_KIND)
def test_every_kind_is_described_and_loads(kind_set: str, name: str) -> None:
    """Each listed file has a one-line description and offers what its name promises."""
    assert describe(kind_set, name)
    assert callable(load(kind_set, name))


def test_a_new_file_is_a_new_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Public files are listed, sorted and unread; private ones are not kinds; an empty or absent folder has none."""
    monkeypatch.setattr(members, "_folder", lambda _: tmp_path)
    for file in ("zeta.py", "alpha.py", "_rows.py", "__init__.py"):
        (tmp_path / file).write_text('"""First line.\n\nMore."""\nraise RuntimeError\n', encoding="utf-8")

    assert names("metrics") == ["alpha", "zeta"]
    assert describe("metrics", "zeta") == "First line."
    monkeypatch.setattr(members, "_folder", lambda _: tmp_path / "absent")
    assert names("metrics") == []


def test_a_kind_may_live_elsewhere() -> None:
    """``package.module:Thing`` loads from any module."""
    assert load("metrics", "math:hypot")(3, 4) == 5


@pytest.mark.parametrize("name", ["no_such", "math:no_such", "no.such.module:thing", ":", "a:"])
def test_an_unknown_kind_is_refused_with_the_known(name: str) -> None:
    """The message holds the wrong name and the right ones."""
    with pytest.raises(UnknownKind, match="bradley_terry") as refused:
        load("objectives", name)

    assert repr(name) in str(refused.value)


@pytest.mark.parametrize("ask", [names, lambda s: describe(s, "x"), lambda s: load(s, "x")])
def test_an_unknown_set_is_refused_with_the_known(ask: object) -> None:
    """A wrong set is named beside the right ones, whatever was asked of it."""
    assert callable(ask)
    with pytest.raises(UnknownKind, match="'losses'; known sets: formats, architectures"):
        ask("losses")


def test_listing_imports_no_kind() -> None:
    """Names and descriptions of all sets leave every kind unimported."""
    program = (
        "import sys; from plaudit.members import *; from plaudit.members import SETS; "
        "[describe(s, n) for s in SETS for n in names(s)]; "
        "sys.exit(', '.join(m for m in sys.modules for p in SETS.values() if m.startswith(p)) or None)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
