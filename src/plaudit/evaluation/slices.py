"""Slices: the same comparisons, a part at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from plaudit.predictions import Integers, Labels, Predictions

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


def places(predictions: Predictions, name: str) -> Iterator[tuple[Any, Integers]]:
    """Yield each label of slice ``name``, in sorted order, with the positions of its comparisons; errors likewise.

    Labels of different kinds are different, though Python calls ``1`` and ``True`` equal.
    """
    if name not in predictions.slices:
        raise ValueError(f"no slice is called {name!r}; there are: {', '.join(predictions.slices) or 'none'}")
    labels = predictions.slices[name].tolist()
    if not labels:
        return
    kinds = {*map(type, labels)}
    keys: list[Any] = labels if len(kinds) == 1 else [(type(label).__name__, label) for label in labels]
    named = {key: (type(key).__name__, key) if len(kinds) == 1 else key for key in dict.fromkeys(keys)}
    codes = {key: code for code, key in enumerate(sorted(named, key=lambda key: str(named[key])))}
    of_each = np.fromiter(map(codes.__getitem__, keys), np.int64, len(keys))
    order = np.argsort(of_each, kind="stable")
    ends = np.cumsum(np.bincount(of_each, minlength=len(codes)))
    for key, where in zip(codes, np.split(order, ends[:-1]), strict=True):
        yield named[key][1], where
