"""How well something simple predicts who wins: logistic regression on differences, every comparison unseen.

The model has no intercept, so it does not know which response is called the chosen one: swapping the two turns its
probability round. Comparisons of one group are never on both sides of a fold.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, issparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from plaudit.doctor.examined import Examined, Floats, Integers
from plaudit.doctor.features import surface
from plaudit.evaluation.intervals import Estimate

FOLDS = 5
FEWEST = 100
"""Comparisons, and a fifth of it groups, below which nothing is learned."""
MOST = 20_000
"""Comparisons that are looked at; where there are more, as many are drawn."""
CHARACTERS = 4000
"""Of each response that words are counted in."""
WORDS = 20_000
"""Different words, at most."""
STRENGTH = 1.0
"""Inverse of the penalty on the weights of words."""


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """What features of words say of comparisons that they have not seen.

    Attributes:
        positions: int64 [M], which of the comparisons.
        probability: float64 [M], of the verdict that people gave.
        accuracy: how often that is the more probable one.
    """

    positions: Integers
    probability: Floats
    accuracy: Estimate


@lru_cache(maxsize=2)
def by_words(examined: Examined, *, rewarded: bool = False) -> Unseen:
    """Return what words and surface say, and if ``rewarded`` the model's reward; made once for all checks."""
    positions, edges = drawn(examined), examined.edges
    groups, weight = edges.group[positions], edges.weight[positions]
    found = probabilities(word_differences(examined, positions, rewarded=rewarded), groups, weight, STRENGTH)
    return Unseen(positions, found, examined.rate(right(found), groups, weight))


def probabilities(differences: Any, groups: Integers, weight: Floats, strength: float = 1.0) -> Floats:
    """Return for each comparison how probable its verdict is to a model that learned from other groups, float64 [M].

    Args:
        differences: features of the chosen less those of the rejected response, [M, F], dense or sparse.
        groups: int64 [M].
        weight: float64 [M], above 0.
        strength: inverse of the penalty on the weights.
    """
    sparse: bool = issparse(differences)
    rows: Any = differences.tocsr() if sparse else np.asarray(differences)
    found = np.empty(len(groups))
    for seen, unseen in GroupKFold(FOLDS).split(rows, groups=groups):
        turned = np.where(np.arange(len(seen)) % 2 == 0, 1.0, -1.0)
        fitted = LogisticRegression(C=strength, fit_intercept=False, solver="liblinear")
        fitted.fit(_scaled(rows[seen], turned), turned > 0, sample_weight=weight[seen])
        found[unseen] = fitted.predict_proba(rows[unseen])[:, 1]
    return found


def _scaled(rows: Any, signs: Floats) -> Any:
    """Return rows times signs."""
    sparse: bool = issparse(rows)
    return rows.multiply(signs[:, None]).tocsr() if sparse else rows * signs[:, None]


def standardised(differences: Floats) -> Floats:
    """Return columns divided by their root mean square; the zero stays where it is."""
    size = np.sqrt(np.mean(differences**2, axis=0))
    return np.asarray(differences / np.where(size > 0, size, 1.0))


def drawn(examined: Examined) -> Integers:
    """Return the decided comparisons to learn from and to judge: all, or `MOST` of them drawn, in order."""
    if examined.decided.size <= MOST:
        return examined.decided
    rng = np.random.default_rng(examined.seed)
    return np.sort(rng.choice(examined.decided, MOST, replace=False))


def too_few(examined: Examined) -> str:
    """Return why there is nothing to learn from, or ``""``."""
    count = examined.decided.size
    groups = np.unique(examined.edges.group[examined.decided]).size
    if count >= FEWEST and groups >= FEWEST // FOLDS:
        return ""
    return f"{count:,} decided comparisons in {groups:,} groups; {FEWEST} in {FEWEST // FOLDS} are needed"


def surface_differences(examined: Examined, positions: Integers) -> Floats:
    """Return differences of surface features of some comparisons, standardised, float64 [M, F]."""
    return standardised(_differences(examined, positions, _surface(examined)))


def _surface(examined: Examined) -> Floats:
    prompts = [examined.prompts[record] for record in examined.owner.tolist()]
    return surface(examined.texts, prompts)


def _differences(examined: Examined, positions: Integers, columns: Any) -> Any:
    return columns[examined.edges.chosen[positions]] - columns[examined.edges.rejected[positions]]


def word_differences(examined: Examined, positions: Integers, *, rewarded: bool = False) -> csr_matrix:
    """Return differences of words (TF-IDF), surface and, if ``rewarded``, the model's reward, sparse [M, F].

    Where one of two responses has no reward, the difference of rewards says nothing: it is 0.
    """
    words = TfidfVectorizer(max_features=WORDS, min_df=2, sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    counted = words.fit_transform([text[:CHARACTERS] for text in examined.texts]).tocsr()
    parts = [_differences(examined, positions, counted), csr_matrix(surface_differences(examined, positions) / 3)]
    if rewarded and examined.rewards is not None:
        apart = _differences(examined, positions, examined.rewards[:, None])
        parts.append(csr_matrix(standardised(np.nan_to_num(apart, posinf=0.0, neginf=0.0))))
    return csr_matrix(hstack(parts))


def right(probability: Floats) -> NDArray[np.float64]:
    """Return 1 where the verdict is the more probable one, 0 where it is not, one half where neither is."""
    return np.where(probability == 0.5, 0.5, (probability > 0.5).astype(np.float64))
