"""crowd-kit: the one place where it is called, with arrays in and out.

What has to be seen to on the way:

- its methods take data frames and warn that pandas will change; those warnings are filtered here, by their words;
- MACE pairs numbers by order of appearance with numbers by sorted name (1.4.1), so both orders are made the same here;
  given a number as its random state, it begins every restart alike, so it gets a stream;
- it takes seconds to import, so that is put off until a method runs.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.special import expit

from plaudit.labels.items import Integers
from plaudit.labels.votes import Floats, Votes

ASKED_FOR = "crowd-kit is not installed; this method needs it: pip install 'plaudit[annotate]'"


class MissingCrowdKit(ImportError):
    """crowd-kit is asked for and not installed."""


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", message="The (inplace|copy) keyword", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="The (inplace|copy) keyword", category=FutureWarning)
        yield


def _methods() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages that crowd-kit imports and these methods do not use
            from crowdkit.aggregation import classification  # noqa: PLC0415 - see the module
    except ImportError as missing:
        raise MissingCrowdKit(ASKED_FOR) from missing
    return classification


def _frame(item: Integers, annotator: Integers, label: Integers) -> Any:
    import pandas as pd  # noqa: PLC0415 - see the module

    return pd.DataFrame({"task": item, "worker": annotator, "label": label})


def _probabilities(table: Any, items: Integers, labels: Integers) -> Floats:
    """Return the rows of ``items`` and the columns of ``labels``; those of labels that nobody gave are 0."""
    found = np.asarray(table.reindex(index=items, columns=labels).fillna(0.0).to_numpy(), np.float64)
    shares: Floats = found / found.sum(1, keepdims=True)
    return shares


def dawid_skene(votes: Votes, iterations: int, tolerance: float) -> tuple[Floats, Floats]:
    """Return probabilities [I, 3] and the chance [A] that an annotator is right, by Dawid and Skene.

    Every item is given both ways round, as two items, so that errors are alike for first and second.
    """
    model, number = _methods().DawidSkene(n_iter=iterations, tol=tolerance), len(votes.items)
    item = np.concatenate([votes.item, votes.item + number])
    label = np.concatenate([votes.label, -votes.label]).astype(np.int64)
    with _quiet():
        found = model.fit_predict_proba(_frame(item, np.tile(votes.annotator, 2), label))
    both = _probabilities(found, np.arange(2 * number), np.array([1, 0, -1]))
    right = np.zeros(len(votes.annotators))
    for answer, prior in model.priors_.items():
        own = model.errors_[answer].xs(answer, level="label").reindex(range(right.size)).fillna(0.0)
        right += prior * own.to_numpy()
    return (both[:number] + both[number:, ::-1]) / 2, right


def mace(votes: Votes, restarts: int, iterations: int, seed: int) -> tuple[Floats, Floats]:
    """Return probabilities [I, 3] and the chance [A] that an annotator does not guess, by MACE."""
    stream = np.random.RandomState(seed)
    model = _methods().MACE(n_restarts=restarts, n_iter=iterations, random_state=stream)
    (item, items), (annotator, people), (label, labels) = (
        _by_appearance(column) for column in (votes.item, votes.annotator, 1 - votes.label.astype(np.int64))
    )
    with _quiet():
        found = model.fit_predict_proba(_frame(item, annotator, label))
    probabilities = np.zeros((items.size, 3))
    probabilities[np.ix_(items, labels)] = _probabilities(found, np.arange(items.size), np.arange(labels.size))
    trusted = np.zeros(people.size)
    trusted[people] = model.spamming_[:, 1]
    return probabilities, trusted


def _by_appearance(column: Integers) -> tuple[Integers, Integers]:
    """Return the column renumbered by first appearance, and what the numbers stand for."""
    values, firsts, places = np.unique(column, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    return np.argsort(order)[places], values[order]


def glad(votes: Votes, iterations: int, tolerance: float) -> tuple[Floats, Floats]:
    """Return probabilities [I, 3] and the chance [A] that an annotator is right on an item of mean ease, by GLAD."""
    model = _methods().GLAD(n_iter=iterations, tol=tolerance)
    with _quiet():
        found = model.fit_predict_proba(_frame(votes.item, votes.annotator, votes.label.astype(np.int64)))
    ability = model.alphas_.reindex(range(len(votes.annotators))).to_numpy()
    return _probabilities(found, np.arange(len(votes.items)), np.array([1, 0, -1])), expit(ability)
