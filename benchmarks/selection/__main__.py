"""``python -m benchmarks.selection``: draw the learning curves of every strategy and say whether choosing pays."""

import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from benchmarks.machine import checkout, machine
from benchmarks.processes import say
from benchmarks.rated import rated
from benchmarks.selection.page import page, write_plot
from benchmarks.selection.running import best_possible, one_seed
from benchmarks.selection.settings import FEWEST, Settings, from_arguments
from benchmarks.selection.summary import summarise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    settings, began = from_arguments(arguments), time.monotonic()
    results: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "benchmarks.selection", *(arguments or sys.argv[1:])]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "budgets": settings.budgets,
        "machine": machine(),
        "versions": checkout(),
    }
    texts = rated(settings.source, settings.base, width=settings.width, limit=settings.limit, cache=settings.cache)
    results["best_nll"] = best_possible(texts, settings, 0)
    runs = []
    for seed in range(settings.seeds):
        runs.append(one_seed(settings, texts, seed))
        say(f"seed {seed}: {time.monotonic() - began:.0f} s since the start")
        if len(runs) >= settings.explored + FEWEST:  # a run that is cut short leaves what it had
            results |= summaries(replace(settings, seeds=len(runs)), runs)
            write(settings, results)
    say(f"written to {settings.out}.json, .md and .html")
    print(page(results))
    return 0


def summaries(settings: Settings, runs: Sequence[Any]) -> dict[str, Any]:
    """Return the runs with the figures of fresh seeds and, apart from them, those of the seeds looked at before."""
    first = settings.explored
    before = {"exploratory": summarise(settings, runs[:first])} if first else {}
    return {"settings": settings.plain(), "runs": runs, "summary": summarise(settings, runs[first:]), **before}


def write(settings: Settings, results: dict[str, Any]) -> None:
    """Write the results as JSON, as Markdown and as a plot."""
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rounded(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    settings.out.with_suffix(".json").write_text(text, encoding="utf-8")
    settings.out.with_suffix(".md").write_text(page(results), encoding="utf-8")
    write_plot(results, settings.out.with_suffix(".html"))


def rounded(value: Any) -> Any:
    """Return a value with its numbers to six places, so that the file can be read."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())
