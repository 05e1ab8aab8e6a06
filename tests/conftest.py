"""What tests of several rooms need."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of larger preference files, or skip: `PLAUDIT_SHARED_DATA`, else ../shared/data."""
    folder = Path(os.environ.get("PLAUDIT_SHARED_DATA", BESIDE))
    if not folder.is_dir():
        pytest.skip("no larger preference files here; PLAUDIT_SHARED_DATA may name their folder")
    return folder
