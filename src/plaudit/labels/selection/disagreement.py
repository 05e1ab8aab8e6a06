r"""Where the members of an ensemble disagree: by the spread of their margins, or by their votes.

With members' margins :math:`\Delta_1, …, \Delta_K` the score is their standard deviation (``spread``), or the entropy
of the share :math:`v` that prefers the first response (``votes``), :math:`-v\log v - (1-v)\log(1-v)`, a margin of 0
being half a vote.

Gleave and Irving found that choosing by an ensemble of reward models that share a language model did no better than
chance: such members agree in what they do not know.

Source: Christiano et al., Deep reinforcement learning from human preferences (2017), who choose by the spread; Seung,
Opper and Sompolinsky, Query by Committee (1992); Gleave and Irving, Uncertainty Estimation for Language Reward Models
(2022).

>>> import numpy as np
>>> from plaudit.labels.pool import Pool
>>> pool = Pool(margins=np.array([1.0, 0.0]), members=np.array([[1.0, -2.0], [1.0, 2.0]]))
>>> Disagreement()(pool, 1, np.random.default_rng(0)).tolist()
[1]
"""

from typing import ClassVar, Literal, get_args

import numpy as np

from plaudit.labels.information import entropy
from plaudit.labels.pool import Floats, Pool
from plaudit.labels.selection import Scored

By = Literal["spread", "votes"]


class Disagreement(Scored):
    """Comparisons about which members disagree.

    Args:
        by: ``spread``, the standard deviation of their margins, or ``votes``, the entropy of their decisions.
        diversity: how much being unlike those taken before counts beside the score: 0 or more; 0 takes the highest.

    Raises:
        ValueError: ``by`` is neither.
    """

    needs: ClassVar[tuple[str, ...]] = ("members",)

    def __init__(self, by: By = "spread", diversity: float = 1.0) -> None:
        super().__init__(diversity)
        if by not in get_args(By):
            raise ValueError(f"by must be one of {', '.join(get_args(By))}, not {by!r}")
        self.by = by

    def score(self, pool: Pool) -> Floats:
        """Return the spread of the members' margins, in reward units, or the entropy of their votes, in nats."""
        assert pool.members is not None
        if self.by == "spread":
            return np.asarray(pool.members.std(0), np.float64)
        return entropy(((np.sign(pool.members) + 1) / 2).mean(0))
