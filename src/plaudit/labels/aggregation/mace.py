r"""MACE: each annotator either knows or guesses, and guesses in a way of their own.

With probability :math:`\theta_a` the answer of item i is given, else one drawn from the annotator's own
:math:`\xi_a`, whatever the item. The skill is :math:`\theta_a`. Fitted by variational Bayes from several beginnings,
of which the likeliest is kept.

Source: Hovy, Berg-Kirkpatrick, Vaswani and Hovy, Learning Whom to Trust with MACE, NAACL 2013; computed by crowd-kit.
"""

from dataclasses import dataclass

from plaudit.labels import crowd
from plaudit.labels.aggregation import Aggregated, require_positive
from plaudit.labels.votes import Votes


@dataclass(frozen=True)
class Mace:
    """Knowing or guessing.

    Attributes:
        restarts: beginnings.
        iterations: of each.
        seed: of the beginnings.
    """

    restarts: int = 5
    iterations: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(restarts=self.restarts, iterations=self.iterations)

    def __call__(self, votes: Votes) -> Aggregated:
        """Return probabilities, and as skill the chance of not guessing."""
        probabilities, skill = crowd.mace(votes, self.restarts, self.iterations, self.seed)
        return Aggregated(probabilities=probabilities, skill=skill)
