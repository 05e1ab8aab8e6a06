"""What the uncertainty benchmark trains and measures."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "results"
PARTS = ("selective", "outside", "cost")

MODELS: dict[str, dict[str, Any]] = {
    "gaussian": {"architecture": "gaussian", "objective": "thurstone", "settings": {}},
    "ensemble": {"architecture": "ensemble", "objective": "bradley_terry", "settings": {"members": 5}},
    "drawn": {"architecture": "ensemble", "objective": "bradley_terry", "settings": {"members": 32, "drawn": True}},
    "laplace": {"architecture": "laplace", "objective": "bradley_terry", "settings": {}},
}
"""By name: the architecture, what it learns by, and its settings. The variance of ``gaussian`` is learned by
``thurstone`` alone of the two. ``ensemble`` keeps its five heads as training leaves them; ``drawn`` draws 32 anew."""

LIMITS = {"tiny": 240, "small": 2000, "full": 0}
"""Snippets that are read in each size; 0 for all 10,605."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run.

    Attributes:
        only: the parts to measure, of `PARTS`.
        models: of `MODELS`.
        size: of `LIMITS`; ``tiny`` shows that everything runs and measures nothing.
        base: the base model; ``tiny`` for a random one.
        seeds: one training run each, with a split of its own.
        epochs, learning_rate, batch_size: of training.
        comparisons: held-out comparisons that are drawn for the intervals of selective accuracy.
        resamples: behind each interval.
        repeats: alternating repeats of the timed training runs.
        timed: snippets that a timed run learns from; it takes a sixteenth as many records.
        threads: of torch.
        out: files with the results, ``.json`` and ``.md``.
    """

    only: tuple[str, ...] = PARTS
    models: tuple[str, ...] = tuple(MODELS)
    size: str = "full"
    base: str = "builtin:minilm-l6"
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: float = 1.0
    learning_rate: float = 1e-4
    batch_size: int = 4
    comparisons: int = 40_000
    resamples: int = 1000
    repeats: int = 5
    timed: int = 1600
    threads: int = 2
    out: Path = field(default=RESULTS / "uncertainty")

    def __post_init__(self) -> None:
        for name, given, known in (("only", self.only, PARTS), ("models", self.models, tuple(MODELS))):
            if not given or not set(given) <= set(known):
                raise ValueError(f"--{name} takes {', '.join(known)}, not {', '.join(given) or 'nothing'}")
        if self.repeats < 2:
            raise ValueError(f"--repeats must be 2 or more to have a spread, not {self.repeats}")
        if self.resamples < 100:
            raise ValueError(f"--resamples must be 100 or more, not {self.resamples}")
        if not self.seeds:
            raise ValueError("--seeds needs one number at least")

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON takes them."""
        return {**asdict(self), "out": str(self.out)}


def from_arguments(arguments: Sequence[str] | None = None) -> Settings:
    """Return the settings of a command line."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    lists = {name: tuple(given.pop(name).split(",")) for name in ("only", "models")}
    seeds = given.pop("seeds")
    try:
        given["seeds"] = tuple(int(seed) for seed in seeds.split(","))
        return Settings(**{**given, **lists, "out": given["out"] or _out(given["size"])})
    except ValueError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uncertainty", description=__doc__)
    default = Settings()
    parser.add_argument("--only", default=",".join(PARTS), help="parts to measure, by commas (default: all)")
    parser.add_argument("--models", default=",".join(MODELS), help="models to train, by commas (default: all)")
    parser.add_argument("--size", choices=tuple(LIMITS), default=default.size)
    parser.add_argument("--base", default=default.base, help="base model, or tiny for a random one")
    parser.add_argument("--seeds", default=",".join(map(str, default.seeds)), help="by commas")
    for name in ("epochs", "learning_rate"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(default, name))
    for name in ("batch_size", "comparisons", "resamples", "repeats", "timed", "threads"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(default, name))
    parser.add_argument("--out", type=Path, help="results, with .json and .md put after it (default: by the size)")
    return parser


def _out(size: str) -> Path:
    """Return where results go: those of a smaller run never replace real ones."""
    return RESULTS / ("uncertainty" if size == "full" else f"uncertainty-{size}")
