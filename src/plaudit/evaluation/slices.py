"""Slices: the same comparisons, a part at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from plaudit.predictions import Labels, Predictions

LENGTH = "chosen_is"
"""Name of the slice that `with_length` adds."""


def with_length(predictions: Predictions) -> Predictions:
    """Return the predictions with a slice ``chosen_is``: ``longer``, ``shorter``, ``as long``, or ``tied``.

    A scorer that follows length is good in one of them and bad in the other. Predictions that have such a slice
    already, or no lengths (all 0), are returned as they are.
    """
    if LENGTH in predictions.slices or not predictions.lengths.any():
        return predictions
    return replace(predictions, slices={**predictions.slices, LENGTH: _length_labels(predictions)})


def _length_labels(predictions: Predictions) -> Labels:
    words: Labels = np.array(["shorter", "as long", "longer"], dtype=object)
    labels: Labels = words[np.sign(predictions.length_differences) + 1]
    labels[predictions.outcome == 0.5] = "tied"
    return labels


def parts(predictions: Predictions, name: str) -> Iterator[tuple[Any, Predictions]]:
    """Yield each label of slice ``name``, in sorted order, with its comparisons.

    Raises:
        ValueError: the predictions have no such slice; the message lists those they have.
    """
    for label, where in places(predictions, name):
        yield label, predictions.select(where)


def places(predictions: Predictions, name: str) -> Iterator[tuple[Any, list[int]]]:
    """Yield each label of slice ``name``, in sorted order, with the positions of its comparisons; errors likewise."""
    if name not in predictions.slices:
        raise ValueError(f"no slice is called {name!r}; there are: {', '.join(predictions.slices) or 'none'}")
    where: dict[tuple[str, Any], list[int]] = {}
    for place, label in enumerate(predictions.slices[name]):
        where.setdefault((type(label).__name__, label), []).append(place)
    for kind, label in sorted(where, key=str):
        yield label, where[kind, label]
