"""What a result was measured on."""

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")
QUIET = 0.5
"""Load average above which timings are not to be trusted."""


def machine() -> dict[str, Any]:
    """Return processor, its flags that matter here, cores, memory and system."""
    cpu = _fields(_read("/proc/cpuinfo"))
    flags = cpu.get("flags", "").split()
    memory = re.match(r"\d+", _fields(_read("/proc/meminfo")).get("MemTotal", ""))
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "model": " ".join(f"{name} {cpu[name]}" for name in ("cpu family", "model", "stepping") if name in cpu),
        "flags": [flag for flag in FLAGS if flag in flags],
        "cores": usable_cores(),
        "memory_gib": round(int(memory[0]) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> list[float]:
    """Return the load averages of 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def busy(averages: list[float]) -> str:
    """Return a warning if the machine was not idle, else nothing."""
    if averages[0] <= QUIET:
        return ""
    return (
        f"the load average was {averages[0]} at the start, above {QUIET}: something else ran, do not trust the timings"
    )


def checkout() -> dict[str, str]:
    """Return plaudit's version and the commit it stands at."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return {"plaudit": _version("plaudit"), "commit": commit}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else ""


def _fields(text: str) -> dict[str, str]:
    """Return the first value of every ``name : value`` line."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found
