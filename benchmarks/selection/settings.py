"""What the selection benchmark runs."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rated import CACHE

RESULTS = Path(__file__).resolve().parents[1] / "results"

FEWEST = 3
"""Seeds below which there is no interval."""

STRATEGIES: dict[str, tuple[str, dict[str, Any]]] = {
    "random": ("random", {}),
    "margin": ("margin", {}),
    "margin, no diversity": ("margin", {"diversity": 0.0}),
    "disagreement": ("disagreement", {}),
    "bald": ("bald", {}),
    "bald, no diversity": ("bald", {"diversity": 0.0}),
    "d_optimal": ("d_optimal", {}),
}
"""By name: the selector and its settings. The first is what the others are held against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run.

    Attributes:
        strategies: of `STRATEGIES`; random is always among them.
        source: rated snippets without prompts.
        base: encoder whose mean-pooled last states are the features; ``noise`` for random ones, without any model.
        width: principal components of the features that the head reads; 0 for the features themselves.
        seeds: how many; each has its own split, pool, start and votes, which all strategies share.
        explored: so many of them, the first, are reported apart: they were looked at when the question was put.
        pool: comparisons that can be asked for.
        start: labels drawn at random to begin with.
        batch: labels a round.
        rounds: how many.
        held_out: share of the snippets that are measured on.
        tested: held-out comparisons that are measured on.
        gap: least difference of two mean ratings of a comparison that accuracy is measured on.
        members: models in the ensemble that disagreement asks.
        draws: of the weights, for BALD.
        resamples: of seeds, behind the intervals of labels saved.
        limit: snippets that are read; 0 for all.
        cache: folder of the features.
        out: files with the results; ``.json``, ``.md`` and ``.html`` are put after it.
    """

    strategies: tuple[str, ...] = tuple(STRATEGIES)
    source: str = "builtin:movie-ratings"
    base: str = "builtin:minilm-l6"
    width: int = 64
    seeds: int = 24
    explored: int = 8
    pool: int = 4000
    start: int = 50
    batch: int = 50
    rounds: int = 15
    held_out: float = 0.3
    tested: int = 20_000
    gap: float = 0.5
    members: int = 5
    draws: int = 32
    resamples: int = 2000
    limit: int = 0
    cache: Path = field(default=CACHE)
    out: Path = field(default=RESULTS / "selection")

    def __post_init__(self) -> None:
        if "random" not in self.strategies or not set(self.strategies) <= set(STRATEGIES):
            known = ", ".join(STRATEGIES)
            raise ValueError(f"--strategies takes random and any of {known}, not {', '.join(self.strategies)}")
        if self.explored and self.explored < FEWEST:
            raise ValueError(f"--explored must be 0, or {FEWEST} or more to have an interval, not {self.explored}")
        if self.seeds - self.explored < FEWEST:
            raise ValueError(
                f"--seeds must be {FEWEST} or more beside those --explored to have an interval, not {self.seeds} with "
                f"{self.explored} explored"
            )
        if min(self.start, self.batch, self.rounds) < 1 or self.start + self.batch * self.rounds > self.pool:
            raise ValueError(
                f"--start {self.start}, --batch {self.batch} and --rounds {self.rounds} must be 1 or more, and not ask "
                f"for more labels than the --pool of {self.pool} has"
            )

    @property
    def budgets(self) -> list[int]:
        """Labels after each round, the start included."""
        return [self.start + self.batch * number for number in range(self.rounds + 1)]

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON takes them, without where files lie."""
        return {name: value for name, value in asdict(self).items() if name not in ("cache", "out")}


def from_arguments(arguments: Sequence[str] | None = None) -> Settings:
    """Return the settings of a command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selection", description=__doc__)
    default = Settings()
    parser.add_argument("--strategies", default=";".join(STRATEGIES), help="by semicolons (default: all)")
    for name in ("source", "base"):
        parser.add_argument(f"--{name}", default=getattr(default, name))
    for name in (
        "width",
        "seeds",
        "explored",
        "pool",
        "start",
        "batch",
        "rounds",
        "tested",
        "members",
        "draws",
        "resamples",
        "limit",
    ):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name))
    for name in ("held_out", "gap"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(default, name))
    for name in ("cache", "out"):
        parser.add_argument(f"--{name}", type=Path, default=getattr(default, name))
    given = vars(parser.parse_args(arguments))
    try:
        return Settings(**{**given, "strategies": tuple(given["strategies"].split(";"))})
    except ValueError as error:
        parser.error(str(error))
