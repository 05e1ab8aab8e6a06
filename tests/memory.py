"""The most memory that a program started by a test ever had."""

PEAK = """
from pathlib import Path

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
"""
"""Goes before a program; ``peak()`` is in bytes. ``ru_maxrss`` would not do: it begins with what the parent had."""
