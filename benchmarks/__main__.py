"""``python -m benchmarks``: measure plaudit and its peers in one run, print a table, write the results."""

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import busy, checkout, load, machine
from benchmarks.parts import Outcome, Unequal, runner
from benchmarks.processes import ArmFailed, Bench, NoPeers, peers, say
from benchmarks.ratios import table
from benchmarks.settings import PARTS, Settings, from_arguments


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    settings, out = from_arguments()
    try:
        peers()
        results = measure(settings)
    except (ArmFailed, NoPeers) as error:
        print(error, file=sys.stderr)
        return 1
    if not results["raw"]:
        print("nothing was measured, so nothing is written", file=sys.stderr)
        return 1
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"written to {out}")
    return 1 if results["failed"] else 0


def measure(settings: Settings) -> dict[str, Any]:
    """Measure the parts asked for, print what came out, and return it."""
    averages, here, began = load(), machine(), time.monotonic()
    warning = busy(averages)
    if warning:
        say(f"WARNING: {warning}")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory(prefix="plaudit-bench-") as folder:
        bench = Bench(Path(folder), settings)
        prepared = bench.run("prepare", dtype=settings.dtype)
        bench.dtype = prepared["dtype"]
        parts = [part for part in PARTS if part in settings.only and part not in prepared["skipped"]]
        amx = any(flag.startswith("amx") for flag in here["flags"])
        outcomes, failed = run_all(bench, parts, amx=amx)
    show(settings, outcomes, {**prepared["skipped"], **failed})
    return {
        "started": started,
        "seconds": round(time.monotonic() - began),
        "smoke": settings.smoke,
        "load": averages,
        "warnings": [warning] if warning else [],
        "machine": here,
        "versions": {**checkout(), "arms": _versions(outcomes)},
        "settings": {**settings.plain(), "dtype": bench.dtype, "dtype_asked_for": settings.dtype},
        "data": prepared["facts"],
        "skipped": prepared["skipped"],
        "failed": failed,
        "comparisons": [one.plain() for outcome in outcomes.values() for one in outcome.comparisons],
        "found": {part: outcome.found for part, outcome in outcomes.items()},
        "raw": {part: outcome.raw for part, outcome in outcomes.items()},
    }


def run_all(bench: Bench, parts: Sequence[str], *, amx: bool) -> tuple[dict[str, Outcome], dict[str, str]]:
    """Run ``parts``; one that fails does not take the others' results with it."""
    outcomes, failed = {}, {}
    for part in parts:
        try:
            outcomes[part] = runner(part, amx)(bench)
        except (ArmFailed, Unequal) as error:
            failed[part] = str(error)
            say(f"{part} failed: {error}")
    return outcomes, failed


def show(settings: Settings, outcomes: Mapping[str, Outcome], skipped: Mapping[str, str]) -> None:
    """Print the ratios, what goes with them, and what is missing with the reason."""
    comparisons = [one for outcome in outcomes.values() for one in outcome.comparisons]
    if settings.smoke:
        print("A smoke run: it shows that everything runs; its figures mean nothing.")
    if comparisons:
        print(table(comparisons))
    for comparison in comparisons:
        if comparison.note:
            print(f"  {comparison.what}: {comparison.note}")
    for part, outcome in outcomes.items():
        for name, value in outcome.found.items():
            print(f"  {part}.{name}: {value}")
    for part, reason in skipped.items():
        print(f"  {part} is missing: {reason}")


def _versions(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """Return the versions that each part's arms reported."""
    found: dict[str, Any] = {}
    for part, outcome in outcomes.items():
        for name, answers in outcome.raw.items():
            answer = answers[0] if isinstance(answers, list) else answers
            if isinstance(answer, dict) and "versions" in answer:
                found[f"{part}.{name}"] = answer["versions"]
    return found


if __name__ == "__main__":
    sys.exit(main())
