"""``python -m benchmarks.feedback``: what finer feedback teaches, on prompts that were not learned from.

Two parts, each trained, saved, loaded back and measured on held-out prompts:

* ``attributes``: the architecture ``attributes`` learns seven averaged ratings of oasst2 by squared error; each
  attribute's head is set beside its rating.
* ``spans``: ``hierarchical`` learns the comparisons of fine-grained RLHF, and its span head the stretches of text that
  people marked as wrong; its levels are set beside the number of comparisons that a response won, its span head beside
  the share of a span that nobody marked. ``position``, the number of tokens before a span, reads nothing; what it does
  not explain of that share is set beside the span head too.

The files are looked for in ``--data``, else in the folder that `PLAUDIT_SHARED_DATA` names.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from benchmarks.machine import ROOT, checkout, machine
from benchmarks.materials import SHARED
from plaudit.encoding.encode import encode_all
from plaudit.encoding.packing import collate
from plaudit.evaluation.correlations import Correlation, correlations
from plaudit.evaluation.table import correlation_table
from plaudit.models.headed import Headed
from plaudit.objectives.regularisers.span_supervision import marked_shares
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.announcing import to_stderr
from plaudit.workflows.data import Data, prepare
from plaudit.workflows.training import Trained, train_and_evaluate

FILES = {"attributes": "oasst2_filtered.rankings.jsonl.gz", "spans": "fine_grained_rlhf.rankings.jsonl.gz"}
ATTRIBUTES = {
    "quality": 1.0,
    "helpfulness": 1.0,
    "creativity": 0.5,
    "humor": 0.0,
    "toxicity": -0.5,
    "violence": -0.5,
    "not_appropriate": -0.5,
}
"""The ratings of oasst2, from 0 to 1, and how much each counts for the reward."""

LEVELS = ("span", "turn", "response")
WON, UNMARKED, BEYOND = "score", "unmarked", "unmarked_beyond_position"


class NoFeedback(LookupError):
    """A file is not there; the message names it and where it was looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run.

    Attributes:
        only: the parts to measure, of `FILES`.
        data: folder of the files.
        base: base model of the parts.
        pooling: of the base, see `plaudit.workflows.model.Model`; "" is what suits it.
        records: use only the first so many records of each file; 0 uses all.
        epochs: passes over the training part.
        test_share: share of the prompts to measure on; as many again as a third of it choose the step.
        learning_rate, batch_size, token_budget, tune, dtype: of training, see `plaudit.training.recipe.Recipe`.
        max_length: tokens of a sequence; responses longer than that are left out and counted.
        span: tokens of a span.
        weight: of the span supervision beside the comparisons' loss.
        resamples: behind each interval.
        threads: of torch; 0 leaves it as it is.
        seed: of the split, the head and the order.
    """

    only: tuple[str, ...] = tuple(FILES)
    data: Path = Path(os.environ.get(SHARED, ROOT.parent / "shared" / "data"))
    base: str = "builtin:smollm2-135m-instruct"
    pooling: str = ""
    records: int = 0
    epochs: float = 2.0
    test_share: float = 0.3
    learning_rate: float = 3e-5
    batch_size: int = 8
    token_budget: int = 2048
    tune: str = "full"
    dtype: str = "auto"
    max_length: int = 1024
    span: int = 16
    weight: float = 1.0
    resamples: int = 2000
    threads: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := set(self.only) - set(FILES):
            raise ValueError(f"--only takes {', '.join(FILES)}, not {', '.join(sorted(unknown))}")
        if "spans" in self.only and self.tune == "head":
            raise ValueError("--tune head keeps one state a response, and spans need their own: take full or lora")
        if not 0 < self.test_share < 0.75:
            raise ValueError(f"--test-share must be above 0 and below 0.75, not {self.test_share}")

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON takes them."""
        return {**asdict(self), "data": self.data.name}


def configuration(part: str, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the tables of the training run of ``part``.

    Raises:
        NoFeedback: its file is not there.
    """
    path = settings.data / FILES[part]
    if not path.is_file():
        raise NoFeedback(f"{path} is not there; --data or {SHARED} may name the folder of {FILES[part]}")
    recipe = ("epochs", "learning_rate", "batch_size", "token_budget", "tune", "dtype", "seed")
    return {
        "data": {
            "train": [str(path)],
            "test_share": settings.test_share,
            "validation_share": settings.test_share / 3,
            "on_unfit": "drop",
            "limit": settings.records,
            "seed": settings.seed,
        },
        "model": {
            "base": settings.base,
            "pooling": settings.pooling,
            "max_length": settings.max_length,
            "head_bias": True,
            "seed": settings.seed,
            **_model(part, settings),
        },
        "objective": _objective(part, settings),
        "training": {**{name: getattr(settings, name) for name in recipe}, "monitor": "loss"},
        "evaluation": {"resamples": settings.resamples, "slices": []},
    }


def _model(part: str, settings: Settings) -> dict[str, Any]:
    if part == "spans":
        return {"architecture": "hierarchical", "settings": {"span": settings.span}}
    names, weights = zip(*ATTRIBUTES.items(), strict=True)
    return {"architecture": "attributes", "settings": {"names": list(names), "weights": list(weights)}}


def _objective(part: str, settings: Settings) -> dict[str, Any]:
    if part == "spans":
        supervision = {"name": "span_supervision", "weight": settings.weight}
        return {"name": "bradley_terry", "regularisers": [supervision]}
    return {"name": "squared_error", "attributes": list(ATTRIBUTES), "centre": 0.5, "scale": 0.25}


def measure(part: str, settings: Settings, folder: Path) -> tuple[dict[str, Any], dict[str, tuple[Correlation, ...]]]:
    """Train ``part`` in ``folder`` and return its figures as plain data, and its correlations by title."""
    tables = configuration(part, settings)
    done = train_and_evaluate(tables, folder)
    predictions, marked = Predictions.load(folder / "predictions.npz"), dict[str, float]()
    if part == "attributes":
        found = {"attributes, unseen prompts": correlations(predictions, resamples=settings.resamples)}
    else:
        test, artefact = prepare(Data(**tables["data"]), to_stderr)["test"], Scorer.load(done.artefact).artefact
        spans, responses = read_spans(artefact.model, artefact.encoder, test)
        found, marked = _of_spans(predictions, spans, responses, settings.resamples), _marked(spans)
    plain = {title: [one.to_json() for one in table] for title, table in found.items()}
    return {**_figures(done), **({"marked": marked} if marked else {}), "correlations": plain}, found


def _figures(done: Trained) -> dict[str, Any]:
    figures = done.as_mapping()
    return {name: value for name, value in figures.items() if name != "artefact"}


def _marked(spans: Predictions) -> dict[str, float]:
    """Return how many judged spans there are, what share of a span is marked, and how many are marked whole or not."""
    share = 1 - spans.ratings[UNMARKED]
    shares = {"share": share.mean(), "whole": (share == 1).mean(), "none": (share == 0).mean()}
    return {"spans": float(share.size), **{name: float(value) for name, value in shares.items()}}


def _of_spans(
    predictions: Predictions, spans: Predictions, responses: Predictions, resamples: int
) -> dict[str, tuple[Correlation, ...]]:
    levels = [(WON, output) for output in ("reward", *LEVELS, "length")]
    return {
        "comparisons won, unseen prompts": correlations(predictions, levels, resamples),
        "unmarked share of a response": correlations(responses, [(UNMARKED, "span"), (UNMARKED, "reward")], resamples),
        "unmarked share of a span": correlations(
            beyond_position(spans), [(UNMARKED, "span"), (UNMARKED, "position"), (BEYOND, "span")], resamples
        ),
    }


def beyond_position(spans: Predictions) -> Predictions:
    """Return ``spans`` with one more rating: the unmarked share less what the span's position explains of it.

    That is the residual of least squares on the position, its logarithm, and whether the span is its response's first.
    """
    position, share = spans.parts["position"], spans.ratings[UNMARKED]
    read = np.column_stack([np.ones_like(position), position, np.log1p(position), position == 0])
    explained = read @ np.linalg.lstsq(read, share, rcond=None)[0]
    return replace(spans, ratings={**spans.ratings, BEYOND: share - explained})


def read_spans(model: Headed, encoder: Any, test: Preferences) -> tuple[Predictions, Predictions]:
    """Return what the span head says of judged spans, and the model of judged responses, rated by what was not marked.

    Args:
        model: of the architecture ``hierarchical``.
        encoder: of the same artefact.
        test: preferences, some of whose responses have span feedback.
    """
    spans, responses = _Rows(), _Rows()
    for record, group in zip(test, test.groups.tolist(), strict=True):
        encoded = encode_all([record], encoder, "drop", spans=True)
        if not len(encoded) or encoded.marks is None:
            continue
        batch = collate(encoded, [0], share=model.shares)
        with torch.inference_mode():
            rewards = model(batch)
        assert rewards.spans is not None
        share, judged = marked_shares(rewards.spans, batch.labels)
        logits, position = rewards.spans.logits[judged], rewards.spans.begin[judged]
        spans.add(logits, share[judged], group, span=logits, position=position)
        for response in rewards.spans.response[judged].unique().tolist():
            own = judged & (rewards.spans.response == response)
            columns = dict(zip(model.outputs[1:], rewards.values[response, 1:, None], strict=True))
            responses.add(rewards.values[response, :1], share[own].mean()[None], group, **columns)
    return spans.predictions(), responses.predictions()


class _Rows:
    """Numbers of a model and unmarked shares, growing."""

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {"reward": [], UNMARKED: [], "group": []}

    def add(self, reward: torch.Tensor, marked: torch.Tensor, group: int, **parts: torch.Tensor) -> None:
        """Add as many rows as ``reward`` has numbers, all of one group."""
        given = {
            "reward": reward,
            UNMARKED: 1 - marked,
            "group": torch.full_like(marked, group, dtype=torch.float64),
            **parts,
        }
        for name, values in given.items():
            self.columns.setdefault(name, []).extend(values.double().tolist())

    def predictions(self) -> Predictions:
        """Return them as predictions that nobody compared."""
        columns = {name: np.array(values, np.float64) for name, values in self.columns.items()}
        reward, unmarked, group = (columns.pop(name) for name in ("reward", UNMARKED, "group"))
        none, nowhere = np.zeros(0), np.zeros(0, np.int64)
        return Predictions(
            rewards=reward,
            chosen=nowhere,
            rejected=nowhere,
            outcome=none,
            weight=none,
            strength=none,
            response_group=group.astype(np.int64),
            lengths=np.zeros(reward.size, np.int64),
            parts=columns,
            ratings={UNMARKED: unmarked},
        )


def from_arguments(arguments: Sequence[str] | None = None) -> tuple[Settings, argparse.Namespace]:
    """Return the settings of a command line, and where and how results go."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feedback", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", default=",".join(FILES), help=f"parts, by commas (default: {','.join(FILES)})")
    for field in fields(Settings)[1:]:
        kind: Any = field.type
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help="%(default)s")
    parser.add_argument("--keep", type=Path, help="keep runs and models in this folder, which must be new")
    parser.add_argument("--out", type=Path, help="write the results here as JSON")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    given = parser.parse_args(arguments)
    chosen: dict[str, Any] = {field.name: getattr(given, field.name) for field in fields(Settings)}
    try:
        return Settings(**{**chosen, "only": tuple(given.only.split(","))}), given
    except ValueError as error:
        parser.error(str(error))


def run(settings: Settings, keep: Path) -> tuple[dict[str, Any], dict[str, dict[str, tuple[Correlation, ...]]]]:
    """Measure every part asked for, its run in a folder of its own in ``keep``."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    parts = {part: measure(part, settings, keep / part) for part in settings.only}
    results = {
        "machine": machine(),
        "versions": checkout(),
        "settings": settings.plain(),
        "parts": {part: figures for part, (figures, _) in parts.items()},
    }
    return results, {part: tables for part, (_, tables) in parts.items()}


def show(results: Mapping[str, Any], tables: Mapping[str, Mapping[str, Sequence[Correlation]]]) -> None:
    """Print a table for each kind of rating, and how each part fared in comparisons."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    for part, named in tables.items():
        figures = results["parts"][part]
        interval = figures["interval"] or [figures["interval_reason"]]
        ends = " to ".join(f"{end:.3f}" if isinstance(end, float) else str(end) for end in interval)
        console.print(f"{part}: accuracy {figures['accuracy']:.3f} ({ends}) of {figures['n']} comparisons")
        for title, found in named.items():
            table = correlation_table(found)
            table.title = title
            console.print(table)
        if marked := figures.get("marked"):
            console.print(
                f"{marked['spans']:.0f} judged spans: {marked['share']:.1%} of their tokens marked, "
                f"{marked['whole']:.1%} of them marked whole, {marked['none']:.1%} not at all"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit status."""
    settings, given = from_arguments(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="plaudit-feedback-") as folder:
            results, tables = run(settings, given.keep or Path(folder))
    except NoFeedback as error:
        print(error, file=sys.stderr)
        return 1
    text = json.dumps(results, indent=1, ensure_ascii=False)
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text + "\n", encoding="utf-8")
    if given.json:
        print(text)
    else:
        show(results, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
