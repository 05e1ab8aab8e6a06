"""Baselines: what a scorer that has read nothing would get on the same comparisons.

Each is a way to turn predictions into those of another scorer, so that anything that takes predictions takes a baseline
too. A reward model that is not clearly above the length of the responses has learnt little more than length.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from plaudit.evaluation.metrics import OfTerms
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.predictions import Floats, Predictions

Scorer = Callable[[Predictions], Predictions]


def chance(predictions: Predictions) -> Predictions:
    """Return the predictions of a scorer that rewards every response alike: accuracy 0.5, NLL log 2, Brier 0.25."""
    return replace(predictions, rewards=np.zeros_like(predictions.rewards))


def longer_wins(predictions: Predictions) -> Predictions:
    """Return the predictions of a scorer whose reward is the response's length in characters."""
    return replace(predictions, rewards=predictions.lengths.astype(np.float64))


def shorter_wins(predictions: Predictions) -> Predictions:
    """Return the predictions of a scorer whose reward is minus the response's length in characters."""
    return replace(predictions, rewards=-predictions.lengths.astype(np.float64))


BASELINES: Mapping[str, Scorer] = MappingProxyType(
    {"chance": chance, "longer_wins": longer_wins, "shorter_wins": shorter_wins}
)


@dataclass(frozen=True, slots=True)
class AccuracyOf(OfTerms):
    """Accuracy of a baseline, as a metric of the predictions it stands beside: both see the same resamples.

    Only its accuracy means something: a length in characters is not a log-odds, so it has no likelihood.

    Attributes:
        scorer: the baseline.
    """

    scorer: Scorer

    def terms(self, predictions: Predictions) -> Floats:
        """Return 1, 0.5 or 0 a comparison, float64 [M]."""
        return Accuracy().terms(self.scorer(predictions))
