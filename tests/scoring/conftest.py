"""Artefacts that several test files look at."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scoring.tiny import saved


@pytest.fixture(scope="session")
def artefact_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from family name to its saved artefact, made once; read-only."""
    root, made = tmp_path_factory.mktemp("artefacts"), set()

    def artefact(name: str) -> Path:
        if name not in made:
            saved(root / name, name)
            made.add(name)
        return root / name

    return artefact


@pytest.fixture
def copied(artefact_of: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a function from family name to a copy of its artefact that may be damaged."""

    def copy(name: str) -> Path:
        return shutil.copytree(artefact_of(name), tmp_path / name)

    return copy
