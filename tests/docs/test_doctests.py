"""Every example in a docstring is true."""

import doctest
import importlib

import pytest

from tests.architecture.sources import sources

WITH_EXAMPLES = [source.module for source in sources() if ">>> " in source.text]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_docstring_examples_hold(module: str) -> None:
    """Each example of the module prints what it says."""
    attempted = 0
    report: list[str] = []
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module)):
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=report.append)
        attempted += result.attempted

    assert attempted > 0
    assert "".join(report) == ""
