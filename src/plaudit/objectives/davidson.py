r"""Davidson: wins, losses and ties are three outcomes of one model, whose tie parameter is learned.

With margin :math:`\Delta = r_c - r_r` and tie parameter :math:`\nu > 0`, all over
:math:`Z = e^{\Delta/2} + e^{-\Delta/2} + \nu`,

.. math:: P(\text{win}) = \frac{e^{\Delta/2}}{Z}, \quad P(\text{loss}) = \frac{e^{-\Delta/2}}{Z}, \quad
    P(\text{tie}) = \frac{\nu}{Z}, \qquad L = -\log P(\text{outcome}).

Multiplied by :math:`e^{(r_c + r_r)/2}` these are Davidson's own terms: the weight of a tie is :math:`\nu` times the
geometric mean of both worths. Equal responses tie with probability :math:`\nu / (2 + \nu)`. The odds of a win to a
loss are :math:`e^\Delta`, as in Bradley-Terry, which :math:`\nu \to 0` is; so :math:`\sigma(\Delta)` remains the
probability of winning where somebody wins.

Ties are data here, not half a win each way: they teach what is close *and* how close raters need it to be. Where the
data have none, :math:`\nu` falls towards 0 and nothing is gained over Bradley-Terry. Stated strengths are not used:
with margins the three probabilities would no longer add up.

Source: Davidson, On extending the Bradley-Terry model to accommodate ties in paired comparison experiments, JASA 65
(1970).

Outcomes at margin 1 with :math:`\nu = 1`; a tie of equals has one chance in three:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.objectives.davidson import Davidson
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> rewards = Rewards(torch.tensor([[1.0], [0.0], [0.0], [1.0], [1.0], [0.0], [2.0], [2.0]]))
>>> labels = replace(pair_labels(4), tie=torch.tensor([False, False, True, True]))
>>> [round(p, 4) for p in torch.exp(-Davidson(nu=1.0)(rewards, labels).loss).tolist()]
[0.5065, 0.1863, 0.3072, 0.3333]
"""

from math import inf, log
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, margins

START = 1.0
"""The tie parameter that learning begins with: equals tie one time in three."""


class Davidson(nn.Module):
    """Negative log-likelihood of wins and ties under Davidson's model.

    Attributes:
        nu: the tie parameter, finite and above 0, or ``learn`` to learn it from 1 on.
    """

    def __init__(self, nu: float | Literal["learn"] = "learn") -> None:
        super().__init__()
        if not _allowed(nu):
            raise ValueError(f'nu must be a finite number above 0, or "learn", not {nu!r}')
        self.nu = nu
        if nu == "learn":
            self.log_nu = nn.Parameter(torch.tensor(log(START)))

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        margin = margins(rewards, labels)
        log_nu = self.log_nu if self.nu == "learn" else margin.new_tensor(log(self.nu))
        win = softplus(torch.logaddexp(-margin, log_nu - margin / 2))
        tie = softplus(torch.logaddexp(margin / 2, -margin / 2) - log_nu)
        return Terms(torch.where(labels.tie, tie, win), labels.weight)

    def learned(self) -> dict[str, float]:
        """Return the tie parameter, if it is learned."""
        return {"nu": self.log_nu.exp().item()} if self.nu == "learn" else {}


def _allowed(nu: float | str) -> bool:
    return nu == "learn" if isinstance(nu, str) else 0 < nu < inf
