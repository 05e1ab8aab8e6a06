r"""Crowd-BT: every annotator has a reliability, which is learned together with the rewards.

Annotator a says what Bradley-Terry would with probability :math:`\eta_a`, and the opposite otherwise. With margin
:math:`\Delta = r_c - r_r` between what they chose and what they did not,

.. math:: L = -\log\bigl(\eta_a\,\sigma(\Delta) + (1 - \eta_a)\,\sigma(-\Delta)\bigr).

At :math:`\eta_a = 1` this is Bradley-Terry; who answers at random has :math:`\eta_a = \tfrac12` and teaches nothing;
below that, somebody who answers the opposite teaches as much as one who does not. A tie is half a win each way.

Rewards and reliabilities turned round together would fit as well, and few votes can be explained by many reliabilities.
So learning begins at ``start``, and every comparison is given with a share of a vote that is right: the loss has
:math:`-\pi\,(s \log \eta_a + (1 - s) \log(1 - \eta_a))` added, with :math:`s` the start and :math:`\pi` the ``prior``.
It pulls reliabilities, not rewards.

Comparisons without a name share one reliability, and so do people who were not there in training.

Source: Chen, Bennett, Collins-Thompson and Horvitz, Pairwise ranking aggregation in a crowdsourced setting, WSDM 2013.

A vote for a response that is ahead by 2, by one who is mostly right, and by one who tosses coins:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.encoding.annotators import annotator_key
>>> from plaudit.models.reward_model import Rewards
>>> from plaudit.objectives.crowd_bt import CrowdBt
>>> from plaudit.testing import pair_labels
>>> crowd = CrowdBt(prior=0.0)
>>> crowd.meet(["ann", "zoe"])
>>> crowd.set_reliability({"ann": 0.9, "zoe": 0.5})
>>> rewards = Rewards(torch.tensor([[2.0], [0.0], [2.0], [0.0]]))
>>> labels = replace(pair_labels(2), annotator=torch.tensor([annotator_key("ann"), annotator_key("zoe")]))
>>> [round(p, 4) for p in torch.exp(-crowd(rewards, labels).loss).tolist()]
[0.8046, 0.5]
"""

from collections.abc import Mapping, Sequence
from math import inf, log

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from plaudit.encoding.annotators import annotator_key
from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins

UNNAMED = "unnamed"
"""Whose reliability is that of comparisons without a name, in what is learned."""


class CrowdBt(nn.Module):
    """Negative log-likelihood of comparisons by people of different reliability.

    Attributes:
        start: the reliability that learning begins with, above 0.5 and below 1.
        prior: weight of a vote of the start's reliability that is added to each comparison, 0 or more.
    """

    keys: Tensor

    def __init__(self, start: float = 0.8, prior: float = 0.02) -> None:
        super().__init__()
        if not 0.5 < start < 1:
            raise ValueError(f"start must be above 0.5 and below 1, not {start!r}")
        if not 0 <= prior < inf:
            raise ValueError(f"prior must be a finite number, 0 or more, not {prior!r}")
        self.start, self.prior = start, prior
        self.names: tuple[str, ...] = ()
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.logit = nn.Parameter(torch.full((1,), log(start / (1 - start))))

    def meet(self, names: Sequence[str]) -> None:
        """Make room for a reliability of each of these annotators; what was learned of those already known is kept."""
        if set(names) <= set(self.names):
            return
        known = dict(zip((*self.names, UNNAMED), self.logit.detach(), strict=True))
        everybody = sorted({*self.names, *names}, key=annotator_key)
        fresh = self.logit.new_tensor(log(self.start / (1 - self.start)))
        self.names = tuple(everybody)
        self.keys = torch.tensor([annotator_key(name) for name in everybody], device=self.keys.device)
        self.logit = nn.Parameter(torch.stack([known.get(name, fresh) for name in (*everybody, UNNAMED)]))

    def set_reliability(self, reliability: Mapping[str, float]) -> None:
        """Set the reliabilities of annotators that were met, each above 0 and below 1."""
        with torch.no_grad():
            for name, value in reliability.items():
                self.logit[self.names.index(name)] = log(value / (1 - value))

    def requires(self, facts: DataFacts) -> str:
        """Return what is missing for reliabilities to be told apart, or an empty string."""
        if not facts.comparisons:
            return "it needs comparisons, and there are none"
        if facts.annotators < 2:
            people = "one is" if facts.annotators else "none is"
            return f"it learns how reliable each annotator is, and needs two or more; {people} named"
        return ""

    def forward(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M] in nats, weight float32 [M]."""
        logit = self.logit[self._slots(labels)]
        right, wrong = logsigmoid(logit), logsigmoid(-logit)

        def loss(margin: Tensor) -> Tensor:
            return -torch.logaddexp(right + logsigmoid(margin), wrong + logsigmoid(-margin))

        added = -self.prior * (self.start * right + (1 - self.start) * wrong)
        terms = half_each_way(loss, margins(rewards, labels), labels.tie) + added
        return Terms(terms.to(rewards.values.dtype), labels.weight)

    def learned(self) -> dict[str, dict[str, float]]:
        """Return the reliability of each annotator by name, and that of comparisons without one."""
        values = torch.sigmoid(self.logit.detach()).tolist()
        return {"reliability": dict(zip((*self.names, UNNAMED), values, strict=True))}

    def _slots(self, labels: Labels) -> Tensor:
        """Return where in the reliabilities those of the comparisons stand, int64 [M]."""
        nobody = torch.full_like(labels.chosen, len(self.keys))
        if labels.annotator is None or not len(self.keys):
            return nobody
        place = torch.searchsorted(self.keys, labels.annotator).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[place] == labels.annotator, place, nobody)
