r"""Bayesian active learning by disagreement: how much a label would tell about the model.

With probabilities :math:`p_k = \sigma(\Delta_k)` of K members, or of K draws of the weights,

.. math:: s = H\bigl[\tfrac1K \textstyle\sum_k p_k\bigr] - \tfrac1K \sum_k H[p_k],

the information, in nats, that one label has about which member is right. Where all members say that it is a coin, a
label teaches nothing, and the score is 0: unlike ``margin`` and ``disagreement`` it leaves alone what people are split
on.

Source: Houlsby et al., Bayesian Active Learning for Classification and Preference Learning (2011); Melo et al., Deep
Bayesian Active Learning for Preference Modeling in Large Language Models (2024), who show that without a term for
diversity it picks redundant pairs.

>>> import numpy as np
>>> from plaudit.labels.pool import Pool
>>> pool = Pool(margins=np.array([0.0, 0.0]), members=np.array([[0.0, -2.0], [0.0, 2.0]]))
>>> Bald()(pool, 1, np.random.default_rng(0)).tolist()
[1]
"""

from typing import ClassVar

import numpy as np
from scipy.special import expit

from plaudit.labels.information import entropy
from plaudit.labels.pool import Floats, Pool
from plaudit.labels.selection import Scored


class Bald(Scored):
    """Comparisons whose label would tell most about the model.

    Args:
        diversity: how much being unlike those taken before counts beside the score: 0 or more; 0 takes the highest.
    """

    needs: ClassVar[tuple[str, ...]] = ("members",)

    def score(self, pool: Pool) -> Floats:
        """Return the information of each label, in nats, from 0 to ln 2."""
        assert pool.members is not None
        chances = expit(pool.members)
        return np.maximum(entropy(chances.mean(0)) - entropy(chances).mean(0), 0.0)
