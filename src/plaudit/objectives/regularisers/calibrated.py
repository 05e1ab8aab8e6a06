r"""Calibration that is trained: probabilities of preference are pulled to what they should be, or away from certainty.

With :math:`p = \sigma(\Delta)`, the probability that the chosen response is preferred, and :math:`y = 1` (a tie:
:math:`y = \tfrac12`), two forms:

* ``brier``: :math:`(y - p)^2`. Where the chosen response really wins with probability :math:`q`, its expectation is
  :math:`(p - q)^2 + q(1 - q)`: what the model can change of it is the calibration error alone, and it is least at
  :math:`p = q` and nowhere else. Unlike a log-likelihood it is bounded, so a few wrong labels under a large margin do
  not buy overconfidence elsewhere; its pull fades there, which is why it is added to a likelihood and not put in its
  place.
* ``entropy``: :math:`\log 2 - H(p)`, with :math:`H` the entropy of the two outcomes: the divergence of :math:`p` from
  a coin's toss. It is blind to the label and costs certainty itself.

Both belong to their own comparison alone. Losses on the calibration error of a *batch* (MMCE; softly binned ECE) do
not: they depend on which comparisons lie in a micro-batch together, so a step would change with the size of its
micro-batches, and they are not offered.

Source: Brier, Verification of forecasts expressed in terms of probability (1950), and Murphy's decomposition (1973);
entropy: Pereyra et al., Regularizing neural networks by penalizing confident output distributions (2017), and Mukhoti
et al., Calibrating deep neural networks using focal loss (2020), who show that the focal loss holds this term; not
additive: Kumar et al., Trainable calibration measures from kernel mean embeddings (2018), and Karandikar et al., Soft
calibration objectives for neural networks (2021).

>>> import torch
>>> from plaudit.models.reward_model import Rewards
>>> from plaudit.objectives.bradley_terry import BradleyTerry
>>> from plaudit.objectives.regularisers.calibrated import Calibrated
>>> from plaudit.testing import pair_labels
>>> rewards = Rewards(torch.tensor([[0.0], [0.0], [2.0], [0.0], [0.0], [2.0]]))
>>> [round(p, 4) for p in Calibrated()(rewards, pair_labels(3), BradleyTerry()).tolist()]
[0.25, 0.0142, 0.7758]
>>> [round(p, 4) for p in Calibrated(form="entropy")(rewards, pair_labels(3), BradleyTerry()).tolist()]
[0.0, 0.3278, 0.3278]
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective, margins
from plaudit.objectives.regularisers import check_weight

FORMS = ("brier", "entropy")


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How far the probability of a comparison is from its outcome, or from one half.

    Attributes:
        weight: by what it is multiplied, 0 or more.
        form: ``brier`` (squared distance from the outcome) or ``entropy`` (how certain the model is).
    """

    weight: float = 1.0
    form: Literal["brier", "entropy"] = "brier"

    def __post_init__(self) -> None:
        check_weight(self.weight)
        if self.form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {self.form!r}")

    def __call__(self, rewards: Rewards, labels: Labels, _objective: Objective) -> Tensor:
        """Return one penalty a comparison, float32 [M]: in [0, 1] for ``brier``, in nats for ``entropy``."""
        margin = margins(rewards, labels)
        if self.form == "entropy":
            entropy = softplus(-margin.abs()) + margin.abs() * torch.sigmoid(-margin.abs())
            return math.log(2) - entropy
        lost = torch.sigmoid(-margin)
        return torch.where(labels.tie, lost - 0.5, lost).square()
