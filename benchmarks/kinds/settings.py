"""What the table is made of: sizes, seeds, which lines, and where the results go."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT

RESULTS = ROOT / "benchmarks" / "results" / "kinds.json"
WORK = ROOT / "runs" / "kinds"
DATA = ("synthetic", "movie-ratings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is trained on and measured.

    Attributes:
        prompts, stop_prompts, test_prompts: of the data with a known truth, each with four responses.
        epochs: over those.
        snippets, stop_snippets, test_snippets: of the movie ratings.
        passes: how often the training snippets are dealt into blocks, in the one epoch over them.
        resamples: behind each interval.
    """

    prompts: int
    stop_prompts: int
    test_prompts: int
    epochs: float
    snippets: int
    stop_snippets: int
    test_snippets: int
    passes: int
    resamples: int


SIZES = {
    "smoke": Size(
        prompts=24, stop_prompts=24, test_prompts=24, epochs=1,
        snippets=48, stop_snippets=24, test_snippets=24, passes=1, resamples=100,
    ),
    "tiny": Size(
        prompts=640, stop_prompts=60, test_prompts=240, epochs=1,
        snippets=400, stop_snippets=80, test_snippets=120, passes=1, resamples=200,
    ),
    "small": Size(
        prompts=2500, stop_prompts=400, test_prompts=1000, epochs=4,
        snippets=2400, stop_snippets=300, test_snippets=400, passes=2, resamples=1000,
    ),
    "full": Size(
        prompts=8000, stop_prompts=1000, test_prompts=3000, epochs=4,
        snippets=9105, stop_snippets=500, test_snippets=1000, passes=2, resamples=2000,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run.

    Attributes:
        only: terms of which one must name a line (see `setups.Line.wanted`); empty for everything.
        size: a name of `SIZES`.
        seeds: of data, weights and order; every line is run with each.
        threads: of torch.
        resume: leave out lines that are done under the same settings.
        out: the JSON file; the table lies beside it.
        work: folder for what is kept between runs and is no result.
    """

    only: tuple[str, ...] = ()
    size: str = "small"
    seeds: tuple[int, ...] = (0,)
    threads: int = 2
    resume: bool = False
    out: Path = field(default=RESULTS)
    work: Path = field(default=WORK)

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"--size must be one of {', '.join(SIZES)}, not {self.size!r}")
        if self.threads < 1:
            raise ValueError(f"--threads must be 1 or more, not {self.threads}")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"--seeds must be different whole numbers, 0 or more, not {list(self.seeds)}")
        if self.out.suffix != ".json":
            raise ValueError(f"--out must name a .json file; the table goes beside it, not {self.out}")

    @property
    def page(self) -> Path:
        """Where the table goes."""
        return self.out.with_suffix(".md")

    def plain(self) -> dict[str, Any]:
        """Return what bears on the figures, as JSON takes it."""
        return {"size": self.size, **asdict(SIZES[self.size]), "seeds": list(self.seeds), "threads": self.threads}


def from_arguments(arguments: Sequence[str] | None = None) -> Settings:
    """Return the settings of a command line."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    try:
        seeds = tuple(int(seed) for seed in given.pop("seeds").split(","))
        only = tuple(term.strip() for term in given.pop("only").split(",") if term.strip())
        return Settings(**given, seeds=seeds, only=only)
    except ValueError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    default = Settings()
    parser.add_argument(
        "--only",
        default="",
        help="lines to run, by commas: names of kinds, sets or data, joined by / to have all of them "
        "(objectives/synthetic,davidson)",
    )
    parser.add_argument("--size", default=default.size, help=f"one of {', '.join(SIZES)} (default: {default.size})")
    parser.add_argument("--seeds", default="0", help="by commas (default: 0)")
    parser.add_argument("--threads", type=int, default=default.threads, help="of torch (default: 2)")
    parser.add_argument("--resume", action="store_true", help="leave out lines done under the same settings")
    parser.add_argument("--out", type=Path, default=default.out, help="the JSON file; the table lies beside it")
    parser.add_argument("--work", type=Path, default=default.work, help="folder for what is kept between runs")
    return parser
