"""What tests of several rooms need.

Properties are tried on the same examples in every run, so that what breaks is the doing of a change; machines may be
slow, so none has a deadline. `PLAUDIT_PROPERTIES=explore` draws new examples, five times as many: run it now and then.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("fixed", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=300)
settings.load_profile(os.environ.get("PLAUDIT_PROPERTIES", "fixed"))

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of larger preference files, or skip: `PLAUDIT_SHARED_DATA`, else ../shared/data."""
    folder = Path(os.environ.get("PLAUDIT_SHARED_DATA", BESIDE))
    if not folder.is_dir():
        pytest.skip("no larger preference files here; PLAUDIT_SHARED_DATA may name their folder")
    return folder
