r"""GLAD: annotators differ in ability, items in difficulty.

Annotator a is right on item i with probability :math:`\sigma(\alpha_a \beta_i)`, else says any other answer. Items on
which the able disagree are hard, and tell less about who is able. The skill is :math:`\sigma(\alpha_a)`, the chance of
being right on an item of mean ease; below one half somebody answers against the rest.

Source: Whitehill, Ruvolo, Wu, Bergsma and Movellan, Whose Vote Should Count More, NeurIPS 2009; computed by crowd-kit.
"""

from dataclasses import dataclass

from plaudit.labels import crowd
from plaudit.labels.aggregation import Aggregated, require_positive
from plaudit.labels.votes import Votes


@dataclass(frozen=True)
class Glad:
    """Abilities and difficulties.

    Attributes:
        iterations: at most so many.
        tolerance: gain of the objective below which it ends.
    """

    iterations: int = 30
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        require_positive(iterations=self.iterations, tolerance=self.tolerance)

    def __call__(self, votes: Votes) -> Aggregated:
        """Return probabilities, and as skill the chance of being right on an item of mean ease."""
        probabilities, skill = crowd.glad(votes, self.iterations, self.tolerance)
        return Aggregated(probabilities=probabilities, skill=skill)
