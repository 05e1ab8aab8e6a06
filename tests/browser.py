"""A headless Chromium for tests of pages, installed first where it has to be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.debian import Missing, chromium

SETTINGS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
"""Widths and colour schemes in which pages are looked at."""
PATIENCE = 120_000
"""Milliseconds to wait for anything: machines do other things besides."""


@contextmanager
def launched() -> Iterator[Any]:
    """Yield a browser, or skip with the reason. Only slow tests may ask: it may have to be installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    try:
        program = chromium()
    except Missing as error:
        pytest.skip(str(error))
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=str(program), args=["--no-sandbox"])
        yield opened
        opened.close()
