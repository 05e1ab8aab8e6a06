"""What of the texts goes into an audit's record: extremes and mistakes to read, and the blind sample to judge."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plaudit.evaluation import human
from plaudit.evaluation.distributions import band, compared, percentile
from plaudit.evaluation.extremes import highest, lowest, mistakes
from plaudit.predictions import Predictions
from plaudit.workflows.subjects import Texts

LONGEST = 4000
"""Characters of a text that are shown; how many more there are is said."""

MOST_LABELS = 30
"""A slice of more labels than this is no filter."""


def to_read(predictions: Predictions, texts: Texts, levels: Sequence[float], count: int) -> dict[str, Any]:
    """Return ``highest``, ``lowest`` and ``mistakes``, each a list of texts with what is known of them.

    Args:
        predictions: with ids.
        texts: by id; what has none is not shown.
        levels: percentiles 0 to 100 of the rewards.
        count: of each kind.
    """
    known = shown(predictions, texts)
    first = _first_comparison(predictions)

    def response(place: int) -> dict[str, Any]:
        own = _response(predictions, place, texts, list(levels))
        return own | {"slices": _labels(predictions, first.get(place))}

    def mistake(place: int) -> dict[str, Any]:
        """Return a comparison that went wrong, with both of its responses."""
        sides = ("chosen", "rejected")
        told = {side: response(int(getattr(predictions, side)[place])) for side in sides}
        figures = {name: float(getattr(predictions, name)[place]) for name in ("margins", "probabilities")}
        found = {"margin": figures["margins"], "probability": figures["probabilities"], **told}
        return found | {"slices": _labels(predictions, place)}

    return {
        "known": len(known),
        "highest": [response(place) for place in highest(predictions, count, known)],
        "lowest": [response(place) for place in lowest(predictions, count, known)],
        "mistakes": [mistake(place) for place in mistakes(predictions, count, known)],
    }


def shown(predictions: Predictions, texts: Texts) -> list[int]:
    """Return the places of compared responses whose text is known."""
    return [place for place in compared(predictions).tolist() if predictions.ids and predictions.ids[place] in texts]


def to_judge(predictions: Predictions, texts: Texts, count: int, seed: int) -> dict[str, Any]:
    """Return the blind sample: ``identity`` and ``pairs``, without a word on who was chosen or what the model gave."""
    places = human.blind(predictions, count, seed, shown(predictions, texts)) if count else []
    named = [(predictions.ids[first], predictions.ids[second]) for first, second in places]
    pairs = [
        {"first": first, "second": second, "prompt": texts[first][0], "texts": [texts[first][1], texts[second][1]]}
        for first, second in named
    ]
    return {"identity": human.identity(named), "pairs": pairs}


def _response(predictions: Predictions, place: int, texts: Texts, levels: list[float]) -> dict[str, Any]:
    name, reward = predictions.ids[place], float(predictions.rewards[place])
    prompt, text = texts[name]
    where = percentile(reward, levels)
    figures = {"id": name, "reward": reward, "percentile": where, "band": band(where), "length": len(text)}
    return {**figures, "prompt": _cut(prompt, keep_end=True), "response": _cut(text)}


def _cut(text: str, *, keep_end: bool = False) -> str:
    more = len(text) - LONGEST
    if more <= 0:
        return text
    left_out = f"[… {more:,} more characters]"
    return f"{left_out} {text[-LONGEST:]}" if keep_end else f"{text[:LONGEST]} {left_out}"


def _first_comparison(predictions: Predictions) -> Mapping[int, int]:
    both = np.concatenate([predictions.chosen, predictions.rejected])
    places, first = np.unique(both, return_index=True)
    return dict(zip(places.tolist(), (first % max(len(predictions), 1)).tolist(), strict=True))


def _labels(predictions: Predictions, comparison: int | None) -> dict[str, str]:
    if comparison is None:
        return {}
    few = {name: own for name, own in predictions.slices.items() if 1 < len(set(own.tolist())) <= MOST_LABELS}
    return {name: str(own[comparison]) for name, own in few.items()}
