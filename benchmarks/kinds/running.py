"""Run the lines one after the other; what fails is a line with its reason."""

import hashlib
import json
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.kinds import bases, ties
from benchmarks.kinds.figures import figures
from benchmarks.kinds.materials import Materials, materials
from benchmarks.kinds.settings import SIZES, Settings, Size
from benchmarks.kinds.setups import Line, Setup, setup_of
from benchmarks.kinds.tie_table import keep
from benchmarks.kinds.training import MOVIE_MODEL, RECIPES, learn
from plaudit.evaluation.baselines import BASELINES
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.predict import Score, predict
from plaudit.training.interruption import Interrupted

Row = dict[str, Any]


@cache
def _materials(data: str, size: Size, seed: int) -> Materials:
    return materials(data, size, seed)


def key_of(line: Line, settings: Settings) -> str:
    """Return what a line's figures follow from, as one text: other settings are another key."""
    made_of: dict[str, Any] = {"line": line.id, "size": asdict(SIZES[settings.size])}
    if line.set != "baselines":
        model = bases.plain() if line.data == "synthetic" else dict(MOVIE_MODEL)
        made_of |= {"setup": setup_of(line).plain(), "recipe": dict(RECIPES[line.data]), "model": model}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def run(line: Line, settings: Settings) -> Row:
    """Return the row of ``line``: its figures, or why there are none.

    Raises:
        Interrupted: the user pressed Ctrl-C; nothing else ends a run.
    """
    begin = time.monotonic()
    row: Row = {**asdict(line), "id": line.id, "name": line.name, "key": key_of(line, settings)}
    settings.work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="line-", dir=settings.work))
    try:
        row |= {"status": "done", **_measured(line, settings, folder)}
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this line's result, and the next line is run
        row |= {"status": "failed", "reason": _reason(error)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    took = round(time.monotonic() - begin, 2)
    return row | {"whole_seconds": took, "finished": datetime.now(UTC).isoformat(timespec="seconds")}


def _reason(error: Exception) -> str:
    """Return what went wrong and where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"


def _measured(line: Line, settings: Settings, folder: Path) -> Row:
    size = SIZES[settings.size]
    data = _materials(line.data, size, line.seed)
    if line.set == "baselines":
        score, chances, found = _baseline(line, data)
    else:
        score, chances, found = _trained(line, setup_of(line), size, data, folder)
    row = {**found, **figures(score(data.test), score(data.stop_pairs), size.resamples)}
    if chances is not None or str(found.get("form", "")).startswith("ties"):
        costs, fitted = ties.costs(chances, score(data.test_ties), score(data.stop_ties))
        key = key_of(line, settings)
        keep(settings.work, key, score(data.test_ties), costs)
        row |= {"ties": {"kept": key, "fitted": fitted}}
    return row


Scored = Callable[[Preferences], Predictions]


def _trained(
    line: Line, setup: Setup, size: Size, data: Materials, folder: Path
) -> tuple[Scored, ties.Chances | None, Mapping[str, Any]]:
    learned = learn(line, setup, size, data, folder)
    found = {**learned.found, "setup": setup.plain()}
    return _scored(learned.score), ties.three_way(learned.objective), found


def _scored(score: Score) -> Scored:
    return lambda preferences: predict(score, preferences)


def _baseline(line: Line, data: Materials) -> tuple[Scored, ties.Chances | None, Mapping[str, Any]]:
    """Return the truth, with the chances of its ties, or a baseline of the product, which has none."""
    if line.kind == "truth":
        assert data.utilities is not None
        assert data.eta is not None
        known = data.utilities
        return _scored(lambda pairs: [known[pair] for pair in pairs]), ties.rao_kupper(data.eta), {}
    blank, baseline = _scored(lambda pairs: [0.0] * len(pairs)), BASELINES[line.kind]
    return lambda preferences: baseline(blank(preferences)), None, {}
