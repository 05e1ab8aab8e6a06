"""``python -m benchmarks.crowd``: is what aggregation makes of a crowd's votes worth more than the votes."""

import json
import shlex
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import torch

from benchmarks.crowd.page import page
from benchmarks.crowd.running import chosen_ridges, one_crowd
from benchmarks.crowd.settings import FEWEST, Settings, from_arguments
from benchmarks.crowd.summary import summarise
from benchmarks.machine import checkout, machine
from benchmarks.processes import say
from benchmarks.rated import rated
from benchmarks.selection.__main__ import rounded


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    settings, began = from_arguments(arguments), time.monotonic()
    torch.set_num_threads(1)
    results: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "benchmarks.crowd", *(arguments or sys.argv[1:])]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings.plain(),
        "machine": machine(),
        "versions": checkout(),
    }
    texts = rated(settings.source, settings.base, limit=settings.limit, cache=settings.cache)
    ridges = {regime: chosen_ridges(texts, settings, regime) for regime in settings.regimes}
    say(f"ridges are chosen: {time.monotonic() - began:.0f} s since the start")
    runs: dict[str, list[dict[str, Any]]] = {str(regime): [] for regime in ridges}
    for seed in range(settings.crowds):
        for regime, own in ridges.items():
            runs[str(regime)].append(one_crowd(texts, settings, regime, seed, own))
        say(f"seed {seed}: {time.monotonic() - began:.0f} s since the start")
        if seed + 1 >= FEWEST:  # a run that is cut short leaves what it had
            told = {str(regime): dict(own) for regime, own in ridges.items()}
            results |= {"crowds": seed + 1, "ridges": told, "runs": runs, "summary": summarise(runs)}
            write(settings, results)
    say(f"written to {settings.out}.json and .md")
    print(page(results))
    return 0


def write(settings: Settings, results: dict[str, Any]) -> None:
    """Write the results as JSON and as Markdown."""
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rounded(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    settings.out.with_suffix(".json").write_text(text, encoding="utf-8")
    settings.out.with_suffix(".md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
