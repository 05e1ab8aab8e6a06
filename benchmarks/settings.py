"""What is measured, and with what settings: the same on both sides."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

PARTS = ("equality", "train", "score", "minilm")
LATEST = Path(__file__).resolve().parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run.

    Attributes:
        only: the parts to measure, of `PARTS`.
        repeats: alternating repeats of training and of the long prompt; the quick parts take three times as many.
        pairs: timed pairs; a multiple of ``batch_size``.
        warm_up: pairs before them that are not timed, as long as the longest timed batches; likewise. Memory grows over
            several steps, and each page touched for the first time costs.
        batch_size: pairs a step.
        max_length: tokens of the longest sequence, TRL's own default; no pair above it is chosen, so neither side
            leaves one out.
        learning_rate: of AdamW.
        token_budget: plaudit's packed tokens a micro-batch; it bounds the memory and does not change the gradient.
        threads: of every process.
        dtype: ``float32``, ``bfloat16``, or ``auto`` for bf16 where the machine computes it faster.
        snippets: movie snippets to score.
        short_prompt, short_responses: tokens of the ordinary prompt that is closest to this, and its responses.
        long_prompt, long_responses: the same of the long one.
        score_batch: responses in one padded batch of the peer.
        whole: time the peer on all batches of the long prompt in every repeat, not on one of them in turn.
        seed: of all that is drawn.
        smoke: tiny random models and few pairs: shows that everything runs, and measures nothing.
    """

    only: tuple[str, ...] = PARTS
    repeats: int = 6
    pairs: int = 64
    warm_up: int = 32
    batch_size: int = 8
    max_length: int = 1024
    learning_rate: float = 1e-5
    token_budget: int = 2048
    threads: int = 2
    dtype: str = "auto"
    snippets: int = 2000
    short_prompt: int = 300
    short_responses: int = 16
    long_prompt: int = 2000
    long_responses: int = 64
    score_batch: int = 16
    whole: bool = False
    seed: int = 0
    smoke: bool = field(default=False)

    def __post_init__(self) -> None:
        _require(set(self.only) <= set(PARTS), f"--only takes {', '.join(PARTS)}, not {', '.join(self.only)}")
        _require(self.repeats >= 2, f"--repeats must be 2 or more to have a spread, not {self.repeats}")
        for name in ("pairs", "warm_up"):
            count = getattr(self, name)
            fits = count > 0 and count % self.batch_size == 0
            _require(fits, f"{name} must be a multiple of the batch size {self.batch_size}, not {count}")

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON takes them."""
        return asdict(self)

    def small(self) -> "Settings":
        """Return what is left of the settings in a smoke run."""
        return replace(
            self,
            smoke=True,
            repeats=2,
            pairs=8,
            warm_up=8,
            batch_size=4,
            token_budget=512,
            snippets=24,
            short_prompt=40,
            short_responses=4,
            long_prompt=200,
            long_responses=8,
            score_batch=4,
        )


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def from_arguments(arguments: Sequence[str] | None = None) -> tuple[Settings, Path | None]:
    """Return the settings of a command line, and where the results go (None: nowhere)."""
    parser = _parser()
    given = parser.parse_args(arguments)
    chosen = {name: value for name, value in vars(given).items() if name not in ("out", "smoke")}
    try:
        settings = Settings(**{**chosen, "only": tuple(given.only.split(","))})
    except ValueError as error:
        parser.error(str(error))
    if given.smoke:
        return settings.small(), given.out
    return settings, given.out or (LATEST if settings.only == PARTS else None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    default = Settings()
    parser.add_argument("--only", default=",".join(PARTS), help="parts to measure, by commas (default: all)")
    parser.add_argument("--repeats", type=int, default=default.repeats, help="alternating repeats")
    parser.add_argument("--pairs", type=int, default=default.pairs, help="timed pairs")
    parser.add_argument("--threads", type=int, default=default.threads, help="threads of every process")
    parser.add_argument("--token-budget", type=int, default=default.token_budget, help="plaudit's micro-batch")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default=default.dtype)
    parser.add_argument("--whole", action="store_true", help="time the peer on all of the long prompt in every repeat")
    parser.add_argument(
        "--out", type=Path, help=f"where to write (default: {LATEST.parent.name}/{LATEST.name} for a run of all parts)"
    )
    parser.add_argument("--smoke", action="store_true", help=argparse.SUPPRESS)
    return parser
