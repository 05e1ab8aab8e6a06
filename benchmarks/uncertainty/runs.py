"""Training runs and what they leave: held-out predictions, and variances of text from elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.materials import SNIPPETS, shared_folder
from benchmarks.processes import say
from benchmarks.ratios import Comparison, Target
from benchmarks.smoke import tiny_encoder
from benchmarks.uncertainty.settings import LIMITS, MODELS, Settings
from plaudit.evaluation.selective import selective
from plaudit.evaluation.separation import separation
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.reading import read
from plaudit.scoring.conversations import Pair
from plaudit.scoring.predict import predict
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.data import Data
from plaudit.workflows.training import Trained, train_and_evaluate

PRODUCTS, DEMONSTRATION = "builtin:product-ratings", "llama_factory_demo.jsonl.gz"
LANGUAGES = {"Chinese pairs": "dpo_zh", "English pairs": "dpo_en"}
LIMIT = Target(1.3, "at most")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Text of another kind than the movie reviews.

    Attributes:
        name: what it is.
        preferences: the records.
        by_review: whether responses are sentences of reviews, whose number begins their ids.
        missing: why there are none, or "".
    """

    name: str
    preferences: Preferences | None
    by_review: bool = False
    missing: str = ""


def configuration(settings: Settings, model: str, seed: int, base: str) -> dict[str, Any]:
    """Return the training configuration of a model of `MODELS`, or of ``scalar``."""
    chosen = MODELS.get(model, {"architecture": model, "objective": "bradley_terry", "settings": {}})
    return {
        "data": {
            "train": [SNIPPETS], "test_share": 0.0943, "validation_share": 0.0471, "gap": 0.5, "block": 16,
            "passes": 2, "seed": seed, "limit": LIMITS[settings.size],
        },
        "model": {
            "base": base, "architecture": chosen["architecture"], "settings": dict(chosen["settings"]),
            "pooling": "mean", "max_length": 512, "seed": seed,
        },
        "objective": {"name": chosen["objective"]},
        "training": {
            "epochs": settings.epochs, "batch_size": settings.batch_size, "learning_rate": settings.learning_rate,
            "dtype": "auto", "seed": seed,
        },
        "evaluation": {"resamples": 100, "slices": []},
    }  # fmt: skip


def base_of(settings: Settings, folder: Path) -> str:
    """Return the name of the base model; a random one is written into ``folder``."""
    if settings.base != "tiny":
        return settings.base
    if not (folder / "config.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        tiny_encoder(folder)
    return str(folder)


def elsewhere(settings: Settings) -> Iterator[Elsewhere]:
    """Yield product reviews, and pairs in Chinese and English if their file is there."""
    limit = 120 if settings.size == "tiny" else 0
    products = Data(block=8).read([PRODUCTS])
    compared = Data(block=8).compared(products.select(range(limit or len(products))))
    yield Elsewhere("product reviews", compared, by_review=True)
    path = shared_folder() / DEMONSTRATION
    for name, subset in LANGUAGES.items():
        if not path.is_file():
            missing = f"{path.name} is not in {path.parent}; PLAUDIT_SHARED_DATA may name its folder"
            yield Elsewhere(name, None, missing=missing)
            continue
        records = read(path, on_flaw="drop")
        kept = [place for place, record in enumerate(records) if record.extra.get("subset") == subset]
        yield Elsewhere(name, records.select(kept[: limit or None]))


def uncertain(settings: Settings, model: str, seed: int, folder: Path) -> dict[str, Any]:
    """Train one model and return its selective accuracy and how it separates text from elsewhere."""
    base = base_of(settings, folder.parent / "base")
    begin = time.monotonic()
    trained = train_and_evaluate(configuration(settings, model, seed, base), folder, say=lambda _: None)
    inside = Predictions.load(folder / "predictions.npz")
    report = trained.evaluation.to_json()
    found: dict[str, Any] = {
        "model": model,
        "seed": seed,
        "seconds": trained.seconds,
        "accuracy": [report["accuracy"], *(report["interval"] or [None, None])],
        "nll": report["nll"],
        "held_out": {"responses": inside.rewards.size, "comparisons": len(inside)},
    }
    if "selective" in settings.only:
        curves = selective(drawn(inside, settings.comparisons, seed), resamples=settings.resamples, seed=seed)
        assert curves is not None
        found["selective"] = curves.to_json()
    if "outside" in settings.only:
        scorer = Scorer.load(trained.artefact)
        found["outside"] = {one.name: outside(scorer, inside, one, settings) for one in elsewhere(settings)}
    say(f"{model}, seed {seed}: {time.monotonic() - begin:.0f} s, accuracy {report['accuracy']:.3f}")
    return found


def drawn(predictions: Predictions, count: int, seed: int) -> Predictions:
    """Return ``count`` of the comparisons, drawn at random; all if there are no more."""
    if len(predictions) <= count:
        return predictions
    return predictions.select(np.sort(np.random.default_rng(seed).permutation(len(predictions))[:count]))


def outside(scorer: Scorer, inside: Predictions, other: Elsewhere, settings: Settings) -> dict[str, Any]:
    """Return how well variances tell ``other`` from held-out movie reviews, or why that is not known."""
    if other.preferences is None:
        return {"missing": other.missing}
    score: Callable[[Sequence[Pair]], Any] = partial(scorer.score, on_unfit="nan")
    there = predict(score, other.preferences, on_unfit="drop")
    if other.by_review:
        there = by_review(there)
    area = separation(inside, there, resamples=settings.resamples)
    return {
        "auroc": area.to_json(),
        "responses": there.rewards.size,
        "groups": int(np.unique(there.response_group).size),
        "median_std": {"inside": _typical(inside), "outside": _typical(there)},
    }


def by_review(predictions: Predictions) -> Predictions:
    """Return the predictions with one group a review: the part of a response's id before ``_``."""
    _, groups = np.unique([name.partition("_")[0] for name in predictions.ids], return_inverse=True)
    return replace(predictions, response_group=groups, by_response=True)


def _typical(predictions: Predictions) -> float:
    return float(np.sqrt(np.median(predictions.variance)))


def cost(settings: Settings, folder: Path) -> Comparison:
    """Train ``scalar`` and an ensemble of 5 by turns, and return the ratio of their training times.

    Every run learns from the same snippets in the same order, validates nothing and saves its last weights. The first
    of each is not counted; every second pair runs in the reverse order.
    """
    base = base_of(settings, folder / "base")
    seconds: dict[str, list[float]] = {"ensemble": [], "scalar": []}
    for turn in range(settings.repeats + 1):
        for name in sorted(seconds, reverse=bool(turn % 2)):
            trained = timed(settings, name, folder / f"{turn}-{name}", base)
            assert trained.seconds is not None
            say(f"timed {name}, turn {turn}: {trained.seconds:.1f} s")
            seconds[name] += [trained.seconds] if turn else []
    return Comparison(
        what="training a shared-backbone ensemble of 5 and one scalar model",
        unit="s",
        ours=tuple(seconds["ensemble"]),
        peer=tuple(seconds["scalar"]),
        target=LIMIT,
    )


def timed(settings: Settings, name: str, folder: Path, base: str) -> Trained:
    """Train one model for the clock."""
    asked = configuration(settings, name, 0, base)
    read_at_all = min(settings.timed, LIMITS[settings.size] or settings.timed)
    asked["data"] |= {"limit": read_at_all, "validation_share": 0.0, "passes": 1}
    return train_and_evaluate(asked, folder, say=lambda _: None)
