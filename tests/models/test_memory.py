"""Freed memory is kept, unless the user says otherwise."""

import os
import subprocess
import sys

import pytest

from plaudit.models.memory import SWITCH

PROGRAM = """
import resource, torch
from plaudit.models.memory import keep_freed
kept = keep_freed()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(48 << 18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(kept, min(faults() for _ in range(5)))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_blocks_taken_again_cost_no_page_faults() -> None:
    """Four blocks of 48 MB in turn fault their 12,288 pages again each time, and not at all where memory is kept.

    The least of five rounds counts: the system may take pages from a process that it has left waiting.
    """

    def measured(switch: str) -> tuple[str, int]:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, SWITCH: switch, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"},
            capture_output=True,
            text=True,
            check=True,
        )
        kept, faults = run.stdout.split()
        return kept, int(faults)

    kept, few = measured("1")
    if kept == "False":
        pytest.skip("this C library has no mallopt")
    left, many = measured("0")
    assert left == "False"
    assert few * 10 < many
