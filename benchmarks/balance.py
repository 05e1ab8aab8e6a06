"""``python -m benchmarks.balance``: two ways to be rid of length, in training and afterwards, in one table.

One base model is trained twice on the same comparisons, as they are and weighed until length does not say who wins
(`plaudit.preferences.balance`). Both are measured on the same held-out comparisons: as they are, adjusted for length
by a cross-fitted LOWESS (`plaudit.calibration.lengths`), and divided by length where no reward is below 0. Training,
saving, scoring and figures are the product's own.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.machine import ROOT, checkout, machine
from benchmarks.materials import PAIRS_FILE
from plaudit import config
from plaudit.calibration.debiasing import ADJUSTED, DIVIDED, NegativeRewards, Way, per_length, ways
from plaudit.calibration.lengths import cross_adjusted
from plaudit.calibration.margins import bare
from plaudit.evaluation.sections import plain
from plaudit.predictions import Predictions
from plaudit.preferences.balance import Standing, balance_by_length
from plaudit.preferences.dataset import Preferences
from plaudit.replacing import replace_file
from plaudit.scoring.scorer import Scorer
from plaudit.training.fit import silent
from plaudit.workflows.data import Data, prepare
from plaudit.workflows.evaluation import Measurement, measure
from plaudit.workflows.training import train

RESULTS = ROOT / "benchmarks" / "results" / "balance.json"
PLAIN, BALANCED = "comparisons as they are", "balanced by length"
COLUMNS = (
    "trained on", "reward", "comparisons", "worth", "longer wins", "accuracy", "change", "correlation with length",
    "at equal verdict",
)  # fmt: skip
READING = """\
*Comparisons* are those trained on, none is left out; *worth* is how many of equal weight tell as much (Kish). *Longer
wins* is the share of their weight in which the longer response was preferred. *Change* is of accuracy, from the first
line, on the same resamples. *Correlation with length* is Spearman's, over responses; *at equal verdict* the partial one
of margin and difference in length. Brackets are 95 % intervals from resampled prompts, or responses where there is no
prompt: they hold for these two models and other data, not for another seed.
"""

Rows = list[dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure and write what the command line asks for."""
    wanted = parsed(arguments)
    torch.set_num_threads(wanted.threads)
    found = run(wanted)
    head = {
        "command": shlex.join(["python", "-m", "benchmarks.balance", *(arguments or sys.argv[1:])]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": checkout(),
    }
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(wanted.out, json.dumps(head | found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    replace_file(wanted.out.with_suffix(".md"), page(head | found))
    print(page(head | found))
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.balance", description=__doc__)
    parser.add_argument("--data", default="movie-ratings", choices=["movie-ratings", "hh-rlhf"])
    parser.add_argument("--limit", type=int, default=4000, help="snippets or pairs, held-out ones included")
    parser.add_argument("--base", default="builtin:minilm-l6", help="a builtin name or a folder")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of split, head and order, the same for both models")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS, help="a .json file; the table lies beside it")
    found = parser.parse_args(arguments)
    for name in ("limit", "threads"):
        if getattr(found, name) < 1:
            parser.error(f"--{name} must be 1 or more, not {getattr(found, name)}")
    if found.out.suffix != ".json":
        parser.error(f"--out must name a .json file, not {found.out}")
    return found


def configuration(wanted: argparse.Namespace, balance: str = "none") -> dict[str, Any]:
    """Return the tables of a training configuration."""
    movies = wanted.data == "movie-ratings"
    source = "builtin:movie-ratings" if movies else str(pairs_file())
    shares = {"test_share": 0.2, "validation_share": 0.1, "limit": wanted.limit, "seed": wanted.seed}
    data = {"train": [source], "balance": balance, "on_bad_row": "drop", "on_unfit": "drop", "block": 16} | shares
    return {
        "data": data,
        "model": {
            "base": wanted.base,
            "max_length": 128 if movies else 512,
            "seed": wanted.seed,
            **({"pooling": "mean"} if wanted.base == "builtin:minilm-l6" else {}),
        },
        "objective": {"name": "bradley_terry"},
        "training": {
            "epochs": wanted.epochs,
            "batch_size": 4 if movies else 16,
            "learning_rate": 1e-4 if movies else 2e-5,
            "dtype": "auto",
            "seed": wanted.seed,
        },
    }


def pairs_file() -> Path:
    """Return the file of hh-rlhf harmless pairs.

    Raises:
        FileNotFoundError: it is not at hand; the message says where it is looked for.
    """
    folder = Path(os.environ.get("PLAUDIT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = folder / PAIRS_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not there; PLAUDIT_SHARED_DATA names the folder of {PAIRS_FILE}")
    return path


def run(wanted: argparse.Namespace) -> dict[str, Any]:
    """Return settings, what was trained on, and a row for each way."""
    data = config.build(Data, configuration(wanted)["data"], "data")
    parts = prepare(data, say)
    balanced, figures = balance_by_length(parts["train"])
    say(f"train: {figures.sentence}")
    arms = {
        PLAIN: trained(wanted, "none", parts),
        BALANCED: trained(wanted, "length", parts | {"train": balanced}),
    }
    standing = {PLAIN: figures.before, BALANCED: figures.after}
    made, refused = variants(arms, wanted.seed)
    found = ways(bare(arms[PLAIN]), made, wanted.resamples, wanted.seed)
    return {
        "settings": {name: str(value) for name, value in vars(wanted).items() if name != "out"},
        "kept": figures.kept,
        "untouched": figures.untouched,
        "test_comparisons": len(arms[PLAIN]),
        "rows": [row(name, standing, figures.kept, way) for name, way in found.items()],
        "refused": refused,
    }


def trained(wanted: argparse.Namespace, balance: str, parts: Mapping[str, Preferences]) -> Predictions:
    """Return what a model trained on the parts says of the test part."""
    say(f"training, balance = {balance}")
    with TemporaryDirectory() as folder:
        tables = configuration(wanted, balance)
        saved = train(tables, parts, folder, say=silent)
        how = Measurement(resamples=100, slices=[])
        scorer = Scorer.load(saved.artefact)
        return measure(scorer, parts["test"], on_unfit="drop", measurement=how, say=silent)[1]


def variants(arms: Mapping[str, Predictions], seed: int) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Return each model's rewards made in every way that applies, and why one does not."""
    made: dict[str, Predictions] = {}
    refused: dict[str, str] = {}
    for name, predictions in arms.items():
        core = bare(predictions)
        made |= {name: core, f"{name}, {ADJUSTED}": cross_adjusted(core, seed=seed)}
        try:
            made[f"{name}, {DIVIDED}"] = per_length(core)
        except NegativeRewards as error:
            refused[f"{name}, {DIVIDED}"] = str(error)
    return made, refused


def row(name: str, standing: Mapping[str, Standing], kept: int, way: Way) -> dict[str, Any]:
    """Return one line of the table as plain data."""
    arm, _, reward = name.partition(", ")
    of_data = {"trained_on": arm, "reward": reward or "as it is", "comparisons": kept, **asdict(standing[arm])}
    found: dict[str, Any] = plain(of_data | asdict(way))
    return found


def page(results: Mapping[str, Any]) -> str:
    """Return the table as Markdown."""
    lines = [
        "# Balanced by length, in training or afterwards",
        f"Generated by `{results['command']}`, begun {results['started']}; do not edit.",
        READING.strip(),
        table(results["rows"]),
        *(f"Left out: {name}. {why}." for name, why in results["refused"].items()),
    ]
    return "\n\n".join(lines) + "\n"


def table(rows: Rows) -> str:
    """Return the rows as a Markdown table."""
    cells = [[*COLUMNS], ["---"] * len(COLUMNS)]
    for one in rows:
        figures = (shown(one[name]) for name in ("accuracy", "change", "correlation", "at_equal_verdict"))
        counts = [f"{one['comparisons']:,}", f"{one['effective']:,.0f}", f"{one['longer_wins']:.1%}"]
        cells.append([one["trained_on"], one["reward"], *counts, *figures])
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def shown(estimate: Mapping[str, Any]) -> str:
    """Return an estimate with its interval, or the bare value where there is none."""
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    if value is None:
        return "n/a"
    return f"{value:.3f}" if low is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def say(sentence: str) -> None:
    """Tell the person who waits."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
