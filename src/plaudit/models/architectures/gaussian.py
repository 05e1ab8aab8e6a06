r"""A reward with a variance: one head gives its mean, another how far it may be from it.

For the head's outputs :math:`\mu` and :math:`s`,

.. math:: r \sim N(\mu, \sigma^2), \qquad \sigma^2 = \exp\big(8 \tanh(s / 8)\big),

which is :math:`e^s` near 0 and keeps the variance between 0.0003 and 3000, with a gradient everywhere. What is served
is the mean; the variance is learned by objectives that use it (the likelihood of ratings, or of comparisons between
uncertain rewards), and stays near 1 under those that do not.

Source: Kendall and Gal, What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision? (2017);
Nix and Weigend, Estimating the mean and variance of the target probability distribution (1994).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from plaudit.models.headed import Headed
from plaudit.models.reward_model import Rewards

BOUND = 8.0
"""Largest size of the logarithm of a variance."""


class Gaussian(Headed):
    """A reward model with a head for the mean and one for the logarithm of the variance."""

    varies: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the two heads."""
        del settings
        return ("mean", "log_variance")

    @property
    def composition(self) -> str:
        """The reward and its variance."""
        return f"reward = mean, variance = exp({BOUND:g} * tanh(log_variance / {BOUND:g}))"

    def head(self, features: Tensor) -> Rewards:
        """Return the means as rewards, with their variances."""
        outputs = self.logits(features)
        return Rewards(outputs[:, :1], torch.exp(BOUND * torch.tanh(outputs[:, 1] / BOUND)))
