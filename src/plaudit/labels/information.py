"""Entropy of an outcome."""

import numpy as np
from scipy.special import entr

from plaudit.labels.pool import Floats


def entropy(chances: Floats) -> Floats:
    """Return the entropy, in nats, of outcomes that have these probabilities; any shape."""
    return np.asarray(entr(chances) + entr(1 - chances), np.float64)
