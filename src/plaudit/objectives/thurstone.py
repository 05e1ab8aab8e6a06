r"""Thurstone: both responses are judged with Gaussian noise, and the better judgement wins.

Each judgement of a response is drawn from :math:`\mathcal N(r, s^2)`. The difference of two has variance
:math:`2 s^2`, so with margin :math:`\Delta = r_c - r_r - m` and stated strength :math:`m` the winner is chosen with
probability

.. math:: P = \Phi\left(\frac{\Delta}{\sqrt{2 s^2}}\right), \qquad L = -\log P,

Thurstone's Case V; :math:`s = 1` by default, and only sets the scale of the rewards. Where the model predicts a
variance :math:`v` of each reward (``Rewards.variance``), the reward itself is Gaussian and independent of the
judgement, variances add, and integrating the rewards out leaves

.. math:: P = \Phi\left(\frac{\Delta}{\sqrt{2 s^2 + v_c + v_r}}\right):

a model that is unsure of a pair pays less for having it wrong and gains less for having it right. The noise of the
judges stays, so that no variance a model predicts can make a comparison certain.

A tie is half a win each way. :math:`\log\Phi` is computed as such, so any margin has a finite loss and gradient; at
wide margins the loss is quadratic where Bradley-Terry's is linear, so single wrong labels pull harder.

Source: Thurstone, A law of comparative judgment, Psychological Review 34 (1927), Cases III and V; with Gaussian
rewards: Chu and Ghahramani, Preference learning with Gaussian processes (2005), section 2.

>>> import torch
>>> from plaudit.objectives.thurstone import Thurstone
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> margins = torch.tensor([6.0, 0.5, 0.0, -4.0])
>>> rewards = Rewards(torch.stack([margins, torch.zeros(4)]).T.reshape(-1, 1))
>>> [round(p, 4) for p in torch.exp(-Thurstone()(rewards, pair_labels(4)).loss).tolist()]
[1.0, 0.6382, 0.5, 0.0023]
>>> unsure = Rewards(rewards.values, variance=torch.full((8,), 3.0))
>>> [round(p, 4) for p in torch.exp(-Thurstone()(unsure, pair_labels(4)).loss).tolist()]
[0.9831, 0.5702, 0.5, 0.0786]
"""

from dataclasses import dataclass
from math import inf, pi, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.special import erfcx, log_ndtr

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins


@dataclass(frozen=True, slots=True)
class Thurstone:
    """Negative log-likelihood of the comparisons under Thurstone's model.

    Attributes:
        noise: standard deviation of one judgement of one response, in reward units, finite and above 0.
        use_strength: subtract a comparison's stated strength from its margin.
        use_variance: add the variances that the model predicts, where it does.
    """

    noise: float = 1.0
    use_strength: bool = True
    use_variance: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.noise < inf:
            raise ValueError(f"noise must be a finite number above 0, not {self.noise}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        margin = margins(rewards, labels, use_strength=self.use_strength) / self._spread(rewards, labels)
        return Terms(half_each_way(_minus_log_normal, margin, labels.tie), labels.weight)

    def _spread(self, rewards: Rewards, labels: Labels) -> Tensor | float:
        """Return the standard deviation of the difference of two judgements."""
        if rewards.variance is None or not self.use_variance:
            return sqrt(2) * self.noise
        return (2 * self.noise**2 + rewards.variance[labels.chosen] + rewards.variance[labels.rejected]).sqrt()


class _LogNormal(torch.autograd.Function):
    """The logarithm of the normal distribution function, with a gradient that is right however wide the margin.

    torch's own takes the ratio of two numbers as small as e^(-x²/2) and is off by a fifth at -7,000 in float32.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward(value)
        logarithm: Tensor = log_ndtr(value)
        return logarithm

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient times φ(x) / Φ(x), in the form that neither vanishes nor overflows."""
        (value,) = ctx.saved_tensors
        slope: Tensor = sqrt(2 / pi) / erfcx(-value / sqrt(2))
        return gradients[0] * slope


def _minus_log_normal(value: Tensor) -> Tensor:
    logarithm: Tensor = _LogNormal.apply(value)
    return -logarithm
