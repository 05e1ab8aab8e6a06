"""What the benchmark of crowds runs."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rated import CACHE

RESULTS = Path(__file__).resolve().parents[1] / "results"
FEWEST = 3
"""Crowds below which there is no interval."""
TUNING = 100
"""The first seed of the crowds on which the ridges were chosen; reported are seeds from 0 on."""
RIDGES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Among which each arm's own is chosen."""


@dataclass(frozen=True, slots=True, order=True)
class Regime:
    """How much a crowd says: pairs of reviews that are compared, and votes on each."""

    pairs: int
    each: int

    def __str__(self) -> str:
        return f"{self.pairs} pairs, {self.each} votes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run.

    Attributes:
        source, base: rated texts without prompts, and the encoder whose features are read; see `benchmarks.rated`.
        limit: texts that are read; 0 for all.
        pairs, each: the regimes are all of these with all of those.
        people: annotators of a crowd.
        guessing: share of them who answer at random.
        crowds: seeds, each with its own split of the texts, pairs, annotators and votes.
        tuning: crowds beside them, of other seeds, on which each arm's ridge is chosen.
        held_out: share of the texts that no model is trained on; a quarter of it is for the temperature.
        tested: held-out pairs that are measured on; a quarter as many fit the temperature.
        gap: least difference of two mean ratings of such a pair.
        sets: of four held-out texts, of which the best is looked for.
        cache: folder of the features.
        out: files with the results; ``.json`` and ``.md`` are put after it.
    """

    source: str = "builtin:movie-ratings"
    base: str = "builtin:minilm-l6"
    limit: int = 0
    pairs: tuple[int, ...] = (300, 1200)
    each: tuple[int, ...] = (3, 5)
    people: int = 30
    guessing: float = 0.3
    crowds: int = 24
    tuning: int = 3
    held_out: float = 0.4
    tested: int = 20_000
    gap: float = 0.5
    sets: int = 5_000
    cache: Path = field(default=CACHE)
    out: Path = field(default=RESULTS / "crowd")

    def __post_init__(self) -> None:
        if not 0 <= self.guessing < 1:
            raise ValueError(f"--guessing must be 0 or more and below 1, not {self.guessing}")
        if min(self.each) < 1 or max(self.each) > self.people:
            raise ValueError(f"--each must be from 1 to the {self.people} --people, not {self.each}")
        if self.crowds < FEWEST or self.tuning < 1 or self.crowds > TUNING:
            raise ValueError(
                f"--crowds must be {FEWEST} to {TUNING} to have an interval, and --tuning 1 or more, not {self.crowds} "
                f"and {self.tuning}"
            )

    @property
    def regimes(self) -> list[Regime]:
        """All combinations, the fewest votes first."""
        return [Regime(pairs, each) for pairs in self.pairs for each in self.each]

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON takes them, without where files lie."""
        return {name: value for name, value in asdict(self).items() if name not in ("cache", "out")}


def from_arguments(arguments: Sequence[str] | None = None) -> Settings:
    """Return the settings of a command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    default = Settings()
    for name in ("source", "base"):
        parser.add_argument(f"--{name}", default=getattr(default, name))
    for name in ("limit", "people", "crowds", "tuning", "tested", "sets"):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name))
    for name in ("guessing", "held_out", "gap"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(default, name))
    for name in ("pairs", "each"):
        parser.add_argument(f"--{name}", type=int, nargs="+", default=getattr(default, name))
    for name in ("cache", "out"):
        parser.add_argument(f"--{name}", type=Path, default=getattr(default, name))
    given = vars(parser.parse_args(arguments))
    try:
        return Settings(**{**given, "pairs": tuple(given["pairs"]), "each": tuple(given["each"])})
    except ValueError as error:
        parser.error(str(error))
