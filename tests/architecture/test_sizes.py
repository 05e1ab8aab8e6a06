"""The size budget: small functions, small files."""

import statistics

from tests.architecture.sources import lines, sources

MEDIAN, MOST, LONGEST, FILE = 10, 35, 60, 400


def test_functions_are_small() -> None:
    """The median is under 10 lines, 95 % have at most 35, none has more than 60; docstrings count."""
    sized = sorted((lines(f), f"{s.module}.{f.name}") for s in sources() for f in s.functions())
    sizes = [size for size, _ in sized]

    assert statistics.median(sizes) < MEDIAN
    assert sum(size <= MOST for size in sizes) >= 0.95 * len(sizes), [w for size, w in sized if size > MOST]
    assert [where for size, where in sized if size > LONGEST] == []


def test_files_are_small() -> None:
    """No file of the package has 400 lines or more."""
    assert [s.module for s in sources() if s.text.count("\n") >= FILE] == []
