"""``python -m benchmarks.uncertainty``: train, measure, and write what the uncertainty of models is worth."""

import json
import shlex
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import busy, checkout, load, machine
from benchmarks.processes import say
from benchmarks.uncertainty.page import page
from benchmarks.uncertainty.runs import cost, uncertain
from benchmarks.uncertainty.settings import Settings, from_arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    settings = from_arguments(arguments)
    torch.set_num_threads(settings.threads)
    warnings.simplefilter("ignore")
    results = heading(settings, sys.argv[1:] if arguments is None else list(arguments))
    for warning in results["warnings"]:
        say(f"WARNING: {warning}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="plaudit-uncertainty-") as folder:
        measure(settings, results, Path(folder), began)
    print(page(results))
    say(f"written to {settings.out}.json and {settings.out}.md")
    return 0


def measure(settings: Settings, results: dict[str, Any], folder: Path, began: float) -> None:
    """Fill ``results`` part by part and write them after each, so that a run that is cut short leaves what it had."""
    if "cost" in settings.only:
        results["cost"] = cost(settings, folder / "cost").plain()
        write(settings, results, began)
    if {"selective", "outside"} & set(settings.only):
        for seed in settings.seeds:
            for model in settings.models:
                results["runs"].append(uncertain(settings, model, seed, folder / f"{model}-{seed}"))
                write(settings, results, began)


def heading(settings: Settings, arguments: Sequence[str]) -> dict[str, Any]:
    """Return what the results are made with, and places for them."""
    averages = load()
    warning = busy(averages)
    return {
        "command": shlex.join(["python", "-m", "benchmarks.uncertainty", *arguments]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings.plain(),
        "machine": machine(),
        "load": averages,
        "warnings": [warning] if warning else [],
        "versions": {**checkout(), "torch": torch.__version__},
        "cost": None,
        "runs": [],
    }


def write(settings: Settings, results: dict[str, Any], began: float) -> None:
    """Write results as JSON and as a page."""
    results["seconds"] = round(time.monotonic() - began)
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    settings.out.with_suffix(".json").write_text(text, encoding="utf-8")
    settings.out.with_suffix(".md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
