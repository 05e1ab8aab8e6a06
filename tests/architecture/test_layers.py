"""Imports run one way, and what is promised to be light is light."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_ERROR, EXIT_STATUS_SUCCESS

from plaudit.members import SETS
from tests.architecture.sources import PACKAGE, ROOT, sources

LIGHT = ["pages", "preferences", "predictions", "evaluation", "calibration", "monitoring", "labels", "doctor"]


def check_contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check this project's import contracts on the ``plaudit`` that lies in ``folder``."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold() -> None:
    """Layers, forbidden imports and independent members, as declared in pyproject.toml."""
    run = check_contracts(PACKAGE.parent)

    assert run.returncode == EXIT_STATUS_SUCCESS, run.stdout + run.stderr
    assert "16 kept, 0 broken" in run.stdout


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"preferences/early.py": "import plaudit.training"}, "plaudit.preferences.early -> plaudit.training"),
        ({"predictions/files.py": "import torch"}, "plaudit.predictions.files -> torch"),
        (
            {"evaluation/a.py": "import plaudit.preferences.b", "preferences/b.py": "import transformers"},
            "plaudit.preferences.b -> transformers",
        ),
        ({"objectives/a.py": "import plaudit.objectives.bradley_terry"}, "Objectives do not import each other BROKEN"),
        ({"utterly_new/__init__.py": "import json"}, "utterly_new"),
    ],
    ids=["upwards", "torch", "torch indirectly", "between members", "a room of no layer"],
)
def test_a_breach_is_noticed(files: dict[str, str], complaint: str, tmp_path: Path) -> None:
    """Each contract fails by name when it is broken."""
    for source in sources():
        write(tmp_path / "plaudit" / source.path.relative_to(PACKAGE), source.text)
    for file, text in files.items():
        write(tmp_path / "plaudit" / file, text + "\n")

    run = check_contracts(tmp_path)

    assert run.returncode == EXIT_STATUS_ERROR, run.stdout + run.stderr
    assert complaint in " ".join(run.stdout.split()), run.stdout


def write(path: Path, text: str) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("room", LIGHT)
def test_rooms_right_of_the_predictions_load_without_torch(room: str) -> None:
    """Importing every module of the room in a fresh process loads neither torch nor transformers."""
    modules = [s.module for s in sources() if s.module.split(".")[1:2] == [room]]
    if not modules:
        pytest.skip(f"there is no {room} yet")
    program = (
        f"import sys, importlib; [importlib.import_module(name) for name in {modules!r}]; "
        "sys.exit(', '.join({'torch', 'transformers'} & set(sys.modules)) or None)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr


def test_plaudit_and_its_lists_load_next_to_nothing() -> None:
    """``import plaudit`` and listing every set import no third-party package at all."""
    program = (
        "import sys; before = set(sys.modules); import plaudit; from plaudit import members; "
        "[members.describe(s, n) for s in members.SETS for n in members.names(s)]; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names); "
        "sys.exit(', '.join(new - {'plaudit'}) or None)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr


def test_every_open_set_keeps_its_members_apart() -> None:
    """Each set of plaudit.members has an independence contract over its folder."""
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert [package for package in SETS.values() if f'"{package}.*"' not in declared] == []


def test_own_imports_stand_at_the_top() -> None:
    """Outside the command line nothing of plaudit is imported inside a function: no cycle hides there."""
    hidden = [
        f"{source.module}:{node.lineno}"
        for source in sources()
        if not source.module.startswith("plaudit.cli")
        for function in source.functions()
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("plaudit")
    ]

    assert hidden == []


def test_nothing_imported_is_undeclared() -> None:
    """Every third-party package imported anywhere in src can be found in this environment or is an extra's."""
    extras = {"crowdkit", "fastapi", "mlflow", "prometheus_client", "ray", "sqlmodel", "torchao", "trl", "uvicorn"}
    imported = {name.split(".")[0] for source in sources() for node in ast.walk(source.tree) for name in _names(node)}

    assert sorted(n for n in imported - extras if importlib.util.find_spec(n) is None) == []


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
