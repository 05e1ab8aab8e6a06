"""What is audited: rewards on a set of preferences, the texts behind them, and where there is one, what gives rewards.

Nothing here needs torch: scores from anywhere and any callable are audited without it. `plaudit.workflows.opening` does
the same for saved models.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from plaudit.evaluation.attacks.all_attacks import Searches
from plaudit.evaluation.finding import Score
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Content, Preference
from plaudit.scoring.conversations import Pair
from plaudit.scoring.predict import Score as Scoring
from plaudit.scoring.predict import predict
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.comparing import saved_predictions
from plaudit.workflows.data import Data, announce

SAVED = (".csv", ".npz", ".jsonl")
"""Suffixes of files of scores."""

Texts = Mapping[str, tuple[str, str]]
"""Id of a response to the text of its prompt and its own."""


class BadSubject(ValueError):
    """There is nothing to audit, or not what it needs; the message says what would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is audited.

    Attributes:
        name: as the report calls it.
        kind: what it is.
        predictions: its rewards on the comparisons.
        sources: of the comparisons.
        texts: of responses, by id; those that are not there are not shown.
        preferences: the records that were scored, or None where only scores are known.
        score: gives rewards to further texts, or None where nothing does.
        predict: scores other preferences as these were, or None where nothing does.
        searches: from the longest suffix to the ways in which the model can be attacked; None for what needs rewards
            alone.
        history: rows of the training run; empty where it is not known.
        recipe: what made the model; empty where it is not known.
        readme: text of the model card that lies beside it, or ``""``.
        fingerprint: of the preferences, or ``""``.
    """

    name: str
    kind: Literal["artefact", "checkpoint", "scores", "callable"]
    predictions: Predictions
    sources: tuple[str, ...] = ()
    texts: Texts = field(default_factory=dict)
    preferences: Sequence[Preference] | None = None
    score: Score | None = None
    predict: Callable[[Preferences], Predictions] | None = None
    searches: Callable[[int], Searches] | None = None
    history: Sequence[Mapping[str, Any]] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    readme: str = ""
    fingerprint: str = ""


def is_saved(model: str) -> bool:
    """Return whether ``model`` names a file of scores."""
    return Path(model).suffix in SAVED


def is_callable(model: str) -> bool:
    """Return whether ``model`` names a callable, ``package.module:thing``, and no path that is there."""
    module, colon, name = model.partition(":")
    return bool(colon) and not Path(model).exists() and all(map(str.isidentifier, [*module.split("."), name]))


def of_scores(path: Path | str, sources: Sequence[str] = (), data: Data | None = None, say: Say = to_stderr) -> Subject:
    """Return the scores in a file, with their texts where the preferences that they are of are given too.

    Args:
        path: a ``.csv``, ``.npz`` or ``.jsonl`` file, as in `plaudit.workflows.comparing.saved_predictions`.
        sources: the preferences; responses are found by their ids.
        data: how to read them.
        say: is told what was read, and how many texts were found.
    """
    predictions = saved_predictions(Path(path))
    preferences = read(sources, data, say) if sources else None
    texts = texts_of(preferences) if preferences is not None else {}
    if preferences is not None:
        say(f"{sum(one in texts for one in predictions.ids):,} of {predictions.rewards.size:,} responses have a text")
    return Subject(
        name=str(path),
        kind="scores",
        predictions=predictions,
        sources=tuple(sources),
        texts=texts,
        fingerprint=preferences.fingerprint if preferences is not None else "",
    )


def of_callable(
    score: Scoring, sources: Sequence[str], *, name: str, data: Data | None = None, say: Say = to_stderr
) -> Subject:
    """Return the rewards that ``score`` gives to all responses of ``sources``.

    Args:
        score: from a list of (prompt, response) to a reward each, NaN where there is none.
        sources: preferences, as in `plaudit.workflows.data.Data`.
        name: as the report calls it.
        data: how to read them.
        say: is told what was read.
    """
    settings = data or Data()
    return scored(score, read(sources, settings, say), name=name, sources=sources, on_unfit=settings.on_unfit)


def scored(
    score: Scoring,
    preferences: Preferences,
    *,
    name: str,
    sources: Sequence[str] = (),
    on_unfit: Literal["error", "drop"] = "error",
) -> Subject:
    """Return the rewards that ``score`` gives to all responses of ``preferences``; see `of_callable`."""

    def measured(records: Preferences) -> Predictions:
        return predict(score, records, on_unfit)

    return Subject(
        name=name,
        kind="callable",
        predictions=measured(preferences),
        predict=measured,
        sources=tuple(sources),
        texts=texts_of(preferences),
        preferences=preferences,
        score=plain_score(score),
        fingerprint=preferences.fingerprint,
    )


def plain_score(score: Scoring) -> Score:
    """Return ``score`` as a function that gives float64 [N]."""

    def rewards(pairs: Sequence[Pair]) -> Any:
        return np.array([float(one) for one in score(pairs)], np.float64)

    return rewards


def named(model: str) -> Callable[..., Any]:
    """Return the callable that ``package.module:thing`` names.

    Raises:
        BadSubject: there is no such module, nothing of this name in it, or it cannot be called.
    """
    module, _, name = model.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadSubject(f"{model}: {error}; a callable is named as package.module:thing") from error
    if not callable(found):
        raise BadSubject(f"{model} is {type(found).__name__}, not a function of (prompt, response) pairs")
    return found  # type: ignore[no-any-return]  # it can be called, which is all that is promised


def read(sources: Sequence[str], data: Data | None = None, say: Say = to_stderr) -> Preferences:
    """Return the comparisons of ``sources``.

    Raises:
        BadSubject: no source is given.
    """
    if not sources:
        raise BadSubject(
            "there are no preferences to audit on; name files, builtin: names or hub data sets with --data"
        )
    settings = data or Data()
    preferences = settings.compared(settings.read(list(sources)), all_pairs=True)
    announce("audited", preferences, say)
    return preferences


def texts_of(preferences: Iterable[Preference]) -> Texts:
    """Return the text of every response under the id that its prediction has; of an id of two texts, none."""
    found: dict[str, tuple[str, str]] = {}
    different: Counter[str] = Counter()
    for number, preference in enumerate(preferences):
        for place, response in enumerate(preference.responses):
            name = response.id or f"{preference.id or number}#{place}"
            own = spoken(preference.prompt), spoken(response.content)
            different[name] += found.setdefault(name, own) != own
    return {name: own for name, own in found.items() if not different[name]}


def spoken(content: Content) -> str:
    """Return a text, or the turns of a conversation with who speaks; one turn alone is its text."""
    if isinstance(content, str):
        return content
    if len(content) == 1:
        return content[0].content
    return "\n\n".join(f"{turn.role}: {turn.content}" for turn in content)
