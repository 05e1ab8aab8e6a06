r"""Dawid-Skene: each annotator has a table of errors, learned together with the answers by expectation-maximisation.

With the answer :math:`z_i` of item i drawn from :math:`\pi`, annotator a says k with probability
:math:`e^a_{z_i k}`; answers that are likely under all tables together are likely. Somebody who errs in a way of their
own, calling all that is close a tie for instance, still tells something. Items are taken both ways round, so that
errors cannot depend on which response is called first. The skill is :math:`\sum_z \pi_z e^a_{zz}`, the chance of being
right.

Source: Dawid and Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied
Statistics 28 (1979); computed by crowd-kit.
"""

from dataclasses import dataclass

from plaudit.labels import crowd
from plaudit.labels.aggregation import Aggregated, require_positive
from plaudit.labels.votes import Votes


@dataclass(frozen=True)
class DawidSkene:
    """Tables of errors.

    Attributes:
        iterations: at most so many.
        tolerance: gain in log-likelihood a vote below which it ends.
    """

    iterations: int = 100
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        require_positive(iterations=self.iterations, tolerance=self.tolerance)

    def __call__(self, votes: Votes) -> Aggregated:
        """Return probabilities, and as skill the chance of being right."""
        probabilities, skill = crowd.dawid_skene(votes, self.iterations, self.tolerance)
        return Aggregated(probabilities=probabilities, skill=skill)
