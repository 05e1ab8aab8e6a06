r"""Crowd-BT: every annotator has a reliability, which is learned together with the rewards.

Annotator a says what Bradley-Terry would with probability :math:`\eta_a`, and the opposite otherwise. With margin
:math:`\Delta = r_c - r_r` between what they chose and what they did not,

.. math:: L = -\log\bigl(\eta_a\,\sigma(\Delta) + (1 - \eta_a)\,\sigma(-\Delta)\bigr).

At :math:`\eta_a = 1` this is Bradley-Terry; who answers at random has :math:`\eta_a = \tfrac12` and teaches nothing;
below that, somebody who answers the opposite teaches as much as one who does not. A tie is half a win each way.

Rewards and reliabilities turned round together would fit as well, and few votes can be explained by many reliabilities.
So learning begins at a start :math:`s_a`, and every comparison is given with a share of a vote: the loss has
:math:`-\pi\,(s_a \log \eta_a + (1 - s_a) \log(1 - \eta_a))` added, with :math:`\pi` the ``prior``. It pulls
reliabilities, not rewards.

Where others compared the same responses, the start is what their answers say before anything is learned. With
:math:`c_a` the mean agreement of annotator a with others (1 the same, -1 the opposite), 5 comparisons of everybody's
mean put beside it, and :math:`c` the mean of those :math:`c_a` that are above the middle one,
:math:`2 s_a - 1 = (2s - 1)\,c_a/c`, no less than 0 and no more than :math:`2s - 1`: agreement is in proportion to
:math:`2\eta_a - 1`, and what the better half shows is taken for ``start``. Elsewhere :math:`s_a = s`.

The log-odds of reliabilities are learned in units of `PACE`: the steps of Adam are as long as its learning rate, at
whose usual 0.01 somebody who guesses would still be trusted when training ends.

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

PACE = 10.0
"""Log-odds that a unit of a learned parameter stands for."""
FEW = 5.0
"""Comparisons of everybody's mean agreement that are put beside an annotator's own."""
UNNAMED = "unnamed"
"""Whose reliability is that of comparisons without a name, in what is learned."""


class CrowdBt(nn.Module):
    """Negative log-likelihood of comparisons by people of different reliability.

    Attributes:
        start: the reliability that learning begins with, above 0.5 and below 1; less for people whom others contradict.
        prior: weight of a vote of the start's reliability that is added to each comparison, 0 or more.
    """

    keys: Tensor
    starts: Tensor

    def __init__(self, start: float = 0.95, prior: float = 0.01) -> None:
        super().__init__()
        if not 0.5 < start < 1:
            raise ValueError(f"start must be above 0.5 and below 1, not {start!r}")
        if not 0 <= prior < inf:
            raise ValueError(f"prior must be a finite number, 0 or more, not {prior!r}")
        self.start, self.prior = start, prior
        self.names: tuple[str, ...] = ()
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("starts", torch.full((1,), start))
        self.scaled = nn.Parameter(torch.full((1,), _log_odds(start) / PACE))

    @property
    def logit(self) -> Tensor:
        """Log-odds of the reliabilities, of those who were met and then of all others; float32 [A + 1]."""
        return self.scaled * PACE

    def meet(self, names: Sequence[str], agreement: Mapping[int, tuple[float, int]] | None = None) -> None:
        """Make room for a reliability of each of these annotators; what was learned of those already known is kept.

        Args:
            names: of the annotators.
            agreement: by key, see `plaudit.encoding.annotators.agreement`.
        """
        if set(names) <= set(self.names):
            return
        begun = self._begun(agreement or {})
        slots = (*self.names, UNNAMED)
        known = dict(zip(slots, zip(self.scaled.tolist(), self.starts.tolist(), strict=True), strict=True))
        everybody = sorted({*self.names, *names}, key=annotator_key)
        for name in everybody:
            start = begun.get(annotator_key(name), self.start)
            known.setdefault(name, (_log_odds(start) / PACE, start))
        rows = self.scaled.new_tensor([known[name] for name in (*everybody, UNNAMED)])
        self.names = tuple(everybody)
        self.keys = torch.tensor([annotator_key(name) for name in everybody], device=self.keys.device)
        self.scaled, self.starts = nn.Parameter(rows[:, 0].clone()), rows[:, 1].clone()

    def _begun(self, agreement: Mapping[int, tuple[float, int]]) -> dict[int, float]:
        """Return where the reliabilities of those begin whose comparisons others made as well, by key."""
        totals, counts = torch.tensor(list(agreement.values()), dtype=torch.float64).reshape(-1, 2).T
        if not len(totals) or totals.sum() <= 0:
            return {}
        shrunk = (totals + FEW * totals.sum() / counts.sum()) / (counts + FEW)
        best = shrunk[shrunk >= shrunk.median()].mean()
        apart = (2 * self.start - 1) * (shrunk / best).clamp(0, 1)
        return dict(zip(agreement, ((1 + apart) / 2).tolist(), strict=True))

    def set_reliability(self, reliability: Mapping[str, float]) -> None:
        """Set the reliabilities of annotators that were met, each above 0 and below 1."""
        with torch.no_grad():
            for name, value in reliability.items():
                self.scaled[self.names.index(name)] = _log_odds(value) / PACE

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
        slots = self._slots(labels)
        logit, start = self.logit[slots], self.starts[slots]
        right, wrong = logsigmoid(logit), logsigmoid(-logit)

        def loss(margin: Tensor) -> Tensor:
            return -torch.logaddexp(right + logsigmoid(margin), wrong + logsigmoid(-margin))

        added = -self.prior * (start * right + (1 - start) * wrong)
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


def _log_odds(share: float) -> float:
    return log(share / (1 - share))
