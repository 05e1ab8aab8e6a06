"""``python -m benchmarks.kinds``: train every kind, measure all on the same held-out comparisons, write the table."""

import importlib.metadata
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.kinds.page import page
from benchmarks.kinds.running import key_of, run
from benchmarks.kinds.settings import SIZES, Settings, from_arguments
from benchmarks.kinds.setups import lines
from benchmarks.kinds.tie_table import compare, kept
from benchmarks.machine import busy, checkout, load, machine

PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "scipy")
Rows = dict[str, dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return 1 if a line failed."""
    settings = from_arguments(arguments)
    torch.set_num_threads(settings.threads)
    if warning := busy(load()):
        say(f"WARNING: {warning}")
    wanted = [line for line in lines(settings.seeds) if line.wanted(settings.only)]
    if not wanted:
        print(f"--only {','.join(settings.only)} names no line; see --help", file=sys.stderr)
        return 2
    rows = resumed(settings) if settings.resume else {}
    head = heading(settings, arguments)
    for number, line in enumerate(wanted, 1):
        if done(rows.get(line.id), settings.work):
            continue
        say(f"[{number}/{len(wanted)}] {line.id}")
        rows[line.id] = run(line, settings)
        say("    " + told(rows[line.id]))
        write(settings, head, rows, compared=False)
    write(settings, head, rows, compared=True)
    say(f"written to {settings.out} and {settings.page}")
    return 1 if any(row["status"] != "done" for row in rows.values()) else 0


def resumed(settings: Settings) -> Rows:
    """Return the rows of the file that were made like this, whatever their seed, by id; say how many were not."""
    if not settings.out.is_file():
        return {}
    found = json.loads(settings.out.read_text(encoding="utf-8"))["rows"]
    keys = {line.id: key_of(line, settings) for line in lines(seeds_of(settings, found))}
    same = {row["id"]: row for row in found if keys.get(row["id"]) == row["key"]}
    if len(same) < len(found):
        say(f"{len(found) - len(same)} rows of {settings.out} were made under other settings and are left out")
    return same


def seeds_of(settings: Settings, rows: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the seeds that were asked for and those that rows were made with."""
    return tuple(sorted({*settings.seeds, *(row["seed"] for row in rows)}))


def done(row: Mapping[str, Any] | None, work: Path) -> bool:
    """Return whether a line has its figures, and what the comparison with ties needs of it."""
    if row is None or row["status"] != "done":
        return False
    return "ties" not in row or kept(work, row["ties"]["kept"])


def heading(settings: Settings, arguments: Sequence[str] | None) -> dict[str, Any]:
    """Return what the results were made with."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return {
        "command": shlex.join(["python", "-m", "benchmarks.kinds", *given]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings.plain(),
        "machine": machine(),
        "load": load(),
        "versions": {
            **checkout(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }


def write(settings: Settings, head: Mapping[str, Any], rows: Rows, *, compared: bool) -> None:
    """Write the JSON file and the table, whole or not at all; lines without figures are listed."""
    whole = list(lines(seeds_of(settings, rows.values())))
    ordered = [rows[line.id] for line in whole if line.id in rows]
    results = {
        **head,
        "rows": ordered,
        "ties": compare(settings.work, ordered, SIZES[settings.size].resamples) if compared else [],
        "missing": [line.id for line in whole if line.id not in rows],
    }
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    replace(settings.out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    replace(settings.page, page(results))


def replace(path: Path, text: str) -> None:
    """Write a file so that it is there whole, or as it was before."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def told(row: Mapping[str, Any]) -> str:
    """Return a row as one line for the person who waits."""
    if row["status"] != "done":
        return f"FAILED: {row['reason']}"
    return (
        f"accuracy {row['accuracy']['value']:.3f}, NLL {row['nll']['value']:.3f}, {row['whole_seconds']:.0f} s in all"
    )


def say(sentence: str) -> None:
    """Tell the person who waits."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
