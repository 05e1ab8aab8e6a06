r"""Squared error: the reward should be the rating.

For a response with reward :math:`r` and rating :math:`y`, a centre :math:`m` and a scale :math:`s`,

.. math:: L = \Big(r - \frac{y - m}{s}\Big)^2,

up to constants twice the negative log-likelihood of a rating with Gaussian noise. One term for each rating that a
response has; what was not rated has none. One attribute is learned by the reward itself, column 0; of several, the
first by column 1, the second by column 2 and so on, as an architecture with named parts predicts them.

Source: Gauss, Theoria combinationis observationum (1821); ratings as targets of a reward model: Wang et al., HelpSteer2
(2024), section 3.

Ratings 5, 3 and none on a scale of 1 to 5, against rewards 0.5, 0.5 and 9; centred on 3 and halved they are 1 and 0:

>>> import torch
>>> from plaudit.objectives.squared_error import SquaredError
>>> from plaudit.testing import rating_labels
>>> from plaudit.models.reward_model import Rewards
>>> labels = rating_labels(quality=[5.0, 3.0, float("nan")])
>>> SquaredError(centre=3.0, scale=2.0)(Rewards(torch.tensor([[0.5], [0.5], [9.0]])), labels).loss.tolist()
[0.25, 0.25]
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import ClassVar

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.encoding.known_ratings import known_ratings
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms


@dataclass(frozen=True, slots=True)
class SquaredError:
    """Squared distance of rewards and ratings.

    Attributes:
        attributes: which ratings, in the order of the model's columns; empty where responses have one rating only.
        weights: how much each attribute counts, one number above 0 an attribute; all 1 if empty.
        centre: the rating whose reward is 0.
        scale: how many units of the rating make one of the reward, above 0.
    """

    per: ClassVar[str] = "rating"

    attributes: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    centre: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if len(set(self.attributes)) < len(self.attributes):
            raise ValueError(f"attributes must differ, not {', '.join(self.attributes)}")
        if self.weights and len(self.weights) != max(1, len(self.attributes)):
            raise ValueError(
                f"weights must be one number an attribute, {len(self.attributes)}, not {len(self.weights)}"
            )
        if not all(0 < weight < inf for weight in self.weights):
            raise ValueError(f"weights must be finite numbers above 0, not {self.weights}")
        if not 0 < self.scale < inf:
            raise ValueError(f"scale must be a finite number above 0, not {self.scale}")
        if not isfinite(self.centre):
            raise ValueError(f"centre must be a finite number, not {self.centre}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a rating: loss float32 [K] in squared units of the reward, weight float32 [K]."""
        known = known_ratings(rewards.values, labels, self.attributes)
        loss = (known.reward - (known.rating - self.centre) / self.scale).square()
        if not self.weights:
            return Terms(loss, known.weight)
        return Terms(loss, known.weight * known.weight.new_tensor(self.weights)[known.attribute])

    def requires(self, facts: DataFacts) -> str:
        """Return what the data lack, or an empty string."""
        return facts.missing_ratings(self.attributes)
