r"""Robust: some labels are the wrong way round, at a rate that is known or learned.

A label is flipped with probability :math:`e`. With margin :math:`\Delta = r_c - r_r - m` and stated strength
:math:`m`, the ``mixture`` is the likelihood of the labels as they were given,

.. math:: L = -\log\bigl((1-e)\,\sigma(\Delta) + e\,\sigma(-\Delta)\bigr),

which never exceeds :math:`-\log e`: a label that is surely wrong pulls no more. Its flip rate can be learned with the
model, as :math:`e = \tfrac12\sigma(\theta)`, because it is a likelihood; the rewards' scale and the rate are told
apart by how often confident orders are contradicted. Raters who answer at random with probability :math:`2e` are the
same model.

``unbiased`` has, over the flips, the expectation of the loss of the true labels, for :math:`\ell = -\log\sigma`:

.. math:: L = \frac{(1-e)\,\ell(\Delta) - e\,\ell(-\Delta)}{1-2e} = \ell(\Delta) - \frac{e}{1-2e}\,\Delta.

It is not bounded below: it falls without end as a margin grows, so it needs a known rate, few passes over the data or
a penalty on the rewards. It is no likelihood in :math:`e` and cannot learn it.

A tie is half a win each way under both; a flipped tie is a tie.

Source: mixture: Christiano et al., Deep reinforcement learning from human preferences (2017), section 2.2.3, whose 10
% of random answers are e = 0.05; unbiased: Natarajan et al., Learning with noisy labels (2013), lemma 1; for
preferences, Chowdhury, Kini and Natarajan, Provably robust DPO (2024), section 3.

>>> import torch
>>> from plaudit.objectives.robust import Robust
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> margins = torch.tensor([6.0, 0.5, 0.0, -40.0])
>>> rewards = Rewards(torch.stack([margins, torch.zeros(4)]).T.reshape(-1, 1))
>>> [round(loss, 4) for loss in Robust(flip_rate=0.1)(rewards, pair_labels(4)).loss.tolist()]
[0.1076, 0.5142, 0.6931, 2.3026]
>>> [round(loss, 4) for loss in Robust(flip_rate=0.1, form="unbiased")(rewards, pair_labels(4)).loss.tolist()]
[-0.7475, 0.4116, 0.6931, 45.0]
"""

from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins

START = 0.1
"""The flip rate that learning begins with."""


class Robust(nn.Module):
    """The loss of comparisons of which a share is labelled the wrong way round.

    Attributes:
        flip_rate: probability that a label is flipped, in [0, 0.5), or ``learn`` to learn it from 0.1 on.
        form: ``mixture``, a bounded likelihood, or ``unbiased``, which needs a known rate.
        use_strength: subtract a comparison's stated strength from its margin.
    """

    def __init__(
        self,
        flip_rate: float | Literal["learn"] = 0.1,
        form: Literal["mixture", "unbiased"] = "mixture",
        use_strength: bool = True,
    ) -> None:
        super().__init__()
        if not _allowed(flip_rate):
            raise ValueError(f'flip_rate must be in [0, 0.5), or "learn", not {flip_rate!r}')
        if form not in ("mixture", "unbiased"):
            raise ValueError(f"form must be mixture or unbiased, not {form!r}")
        if flip_rate == "learn" and form == "unbiased":
            raise ValueError(
                'flip_rate = "learn" needs form = "mixture": the unbiased loss is no likelihood of the rate'
            )
        self.flip_rate, self.form, self.use_strength = flip_rate, form, use_strength
        if flip_rate == "learn":
            self.logit = nn.Parameter(torch.tensor(log(2 * START / (1 - 2 * START))))

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M], for ``mixture`` in nats, and weight float32 [M]."""
        margin = margins(rewards, labels, use_strength=self.use_strength)
        loss = self._mixture if self.form == "mixture" else self._unbiased
        return Terms(half_each_way(loss, margin, labels.tie), labels.weight)

    def learned(self) -> dict[str, float]:
        """Return the flip rate, if it is learned."""
        return {"flip_rate": torch.sigmoid(self.logit).item() / 2} if self.flip_rate == "learn" else {}

    def _mixture(self, margin: Tensor) -> Tensor:
        if self.flip_rate == "learn":
            flipped = logsigmoid(self.logit) - log(2)
        else:
            flipped = margin.new_tensor(self.flip_rate).log()
        kept = torch.log1p(-flipped.exp())
        return -torch.logaddexp(kept + logsigmoid(margin), flipped + logsigmoid(-margin))

    def _unbiased(self, margin: Tensor) -> Tensor:
        rate = float(self.flip_rate)
        return softplus(-margin) - rate / (1 - 2 * rate) * margin


def _allowed(flip_rate: float | str) -> bool:
    return flip_rate == "learn" if isinstance(flip_rate, str) else 0 <= flip_rate < 0.5
