"""Fixtures of the training tests."""

import gc

import pytest


@pytest.fixture(scope="session", autouse=True)
def quick_collections() -> None:
    """Keep what is imported out of the garbage collection that every new training loop asks for."""
    gc.collect()
    gc.freeze()
