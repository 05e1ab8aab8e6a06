"""Saved models as what is audited: artefacts, runs and checkpoints, scored on preferences."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from plaudit import config
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.scoring.best_of_n import Score
from plaudit.scoring.contract import CONTRACT, HISTORY
from plaudit.scoring.conversations import Pair
from plaudit.scoring.predict import predict
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.attacking import searches_on
from plaudit.workflows.data import Data, announce, prepare
from plaudit.workflows.folders import ARTEFACT, FITTING
from plaudit.workflows.subjects import BadSubject, Subject, plain_score, read, texts_of

TEST = "the test part of its run"
"""What the comparisons are called where nobody named sources."""


def of_model(
    path: Path | str,
    sources: Sequence[str] = (),
    *,
    data: Data | None = None,
    dtype: str = "float32",
    cache: Path | None = None,
    template: str | None = None,
    say: Say = to_stderr,
) -> Subject:
    """Return the rewards of a saved model on ``sources``, or on the test part of its run where there are none.

    Args:
        path: an artefact, the folder of a run that holds one, or a sequence-classification checkpoint.
        sources: preferences, as in `plaudit.workflows.data.Data`.
        data: how to read them.
        dtype: of computing.
        cache: an SQLite file that keeps rewards.
        template: text form of a checkpoint without a contract.
        say: is told what was read and dropped.

    Raises:
        BadSubject: there are no sources, and no run that says what its test part was.
        plaudit.scoring.contract.BadArtefact: the model cannot be scored with.
    """
    folder = Path(path) / ARTEFACT if (Path(path) / ARTEFACT / CONTRACT).is_file() else Path(path)
    recipe = _recipe(folder)
    preferences = read(sources, data, say) if sources else _test_part(folder, recipe, say)
    scorer = Scorer.load(folder, dtype=dtype, cache=cache, template=template)
    on_unfit: Literal["error", "drop"] = (data or Data()).on_unfit

    def score(pairs: Sequence[Pair]) -> list[Score]:
        return scorer.score(pairs, on_unfit="error" if on_unfit == "error" else "nan", deviations=True)

    def measured(records: Preferences) -> Predictions:
        return predict(score, records, on_unfit)

    def leniently(pairs: Sequence[Pair]) -> list[Score]:
        return scorer.score(pairs, on_unfit="nan")

    return Subject(
        name=str(path),
        kind="artefact" if (folder / CONTRACT).is_file() else "checkpoint",
        predictions=measured(preferences),
        sources=tuple(sources) or (TEST,),
        texts=texts_of(preferences),
        preferences=preferences,
        score=plain_score(leniently),
        predict=measured,
        searches=partial(searches_on, scorer, ("evolutionary", "gradient")),
        history=_history(folder),
        recipe=recipe,
        readme=_text(folder / "README.md"),
        fingerprint=preferences.fingerprint,
    )


def _recipe(folder: Path) -> Mapping[str, Any]:
    text = _text(folder / CONTRACT)
    recipe: Mapping[str, Any] = json.loads(text).get("recipe", {}) if text else {}
    return recipe


def _test_part(folder: Path, recipe: Mapping[str, Any], say: Say) -> Preferences:
    """Return what the run of an artefact was measured on, read and split as its recipe says."""
    settings = recipe.get("configuration", {}).get("data")
    if not settings:
        raise BadSubject(f"{folder} does not say what it was tested on; name preferences with --data")
    preferences = prepare(config.build(Data, settings, "data"), say)["test"]
    announce("test", preferences, say)
    return preferences


def _history(folder: Path) -> list[Mapping[str, Any]]:
    """Return the rows of the training run, from the artefact or from the run that it lies in."""
    for path in (folder / HISTORY, folder.parent / FITTING / HISTORY):
        if text := _text(path):
            found = json.loads(text)
            rows: list[Mapping[str, Any]] = found["rows"] if isinstance(found, dict) else found
            return rows
    return []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
