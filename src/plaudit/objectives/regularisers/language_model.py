r"""A language model still: the hidden states that the reward is read from keep predicting the responses' tokens.

With :math:`\bar\ell = \frac{1}{|y|}\log\pi(y \mid x)`, the mean log-probability of a response's tokens under the
backbone's own language-model head, which the model keeps while it is trained (``model.keep_language_model``), three
forms:

* ``likelihood``: :math:`-\bar\ell_c`, ordinary language modelling of the chosen response.
* ``sigmoid``: :math:`-\log\sigma(\beta\,\bar\ell_c)`, the same with a pull that fades as the response gets likely.
* ``preference``: :math:`-\log\sigma(\beta\,(\bar\ell_c - \bar\ell_r))`, DPO without a reference model.

In a tie there is no chosen response, and the penalty is the mean over both sides. The paper mixes,
:math:`(1-a)L + a p`; a weight of :math:`a/(1-a)` here is that, up to the scale of the whole. Its log-probabilities are
sums over a response's tokens; means are taken here, so that a long response counts no more than a short one. A larger
:math:`\beta` makes up for it.

Source: Yang et al., Regularizing hidden states enables learning generalizable reward model for LLMs (2024);
means instead of sums: Meng et al., SimPO (2024).

>>> import torch
>>> from plaudit.models.reward_model import Rewards
>>> from plaudit.objectives.bradley_terry import BradleyTerry
>>> from plaudit.objectives.regularisers.language_model import LanguageModel
>>> from plaudit.testing import pair_labels
>>> rewards = Rewards(torch.zeros(2, 1), log_likelihood=torch.tensor([-2.0, -3.0]))
>>> forms = ("likelihood", "sigmoid", "preference")
>>> found = [LanguageModel(form=form)(rewards, pair_labels(1), BradleyTerry()).item() for form in forms]
>>> [round(penalty, 4) for penalty in found]
[2.0, 0.7981, 0.6444]
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from plaudit.encoding.batch import Labels
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.objectives.regularisers import Unsuited, check_weight

FORMS = ("likelihood", "sigmoid", "preference")


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """How unlikely the chosen response is, a token, to the backbone's language-model head.

    Attributes:
        weight: by what it is multiplied, 0 or more.
        form: ``likelihood``, ``sigmoid`` or ``preference``.
        beta: how steep the sigmoid of the last two is, above 0.
    """

    weight: float = 0.01
    form: Literal["likelihood", "sigmoid", "preference"] = "likelihood"
    beta: float = 0.1

    def __post_init__(self) -> None:
        check_weight(self.weight)
        if self.form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, not {self.form!r}")
        if not 0 < self.beta < float("inf"):
            raise ValueError(f"beta must be a finite number above 0, not {self.beta}")

    def __call__(self, rewards: Rewards, labels: Labels, _objective: Objective) -> Tensor:
        """Return one penalty a comparison, float32 [M], in nats.

        Raises:
            Unsuited: the model has kept no language-model head.
        """
        if rewards.log_likelihood is None:
            raise Unsuited(
                "language_model needs the responses' log-likelihoods, and this model gives none: set "
                "model.keep_language_model to 'frozen' or 'trained' (a causal base model that is not trained with "
                "tune = 'head', which runs the backbone once)"
            )
        chosen, rejected = rewards.log_likelihood[labels.chosen], rewards.log_likelihood[labels.rejected]
        both = (self._penalty(chosen, rejected) + self._penalty(rejected, chosen)) / 2
        return torch.where(labels.tie, both, self._penalty(chosen, rejected))

    def _penalty(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        if self.form == "likelihood":
            return -chosen
        return softplus(-self.beta * (chosen - rejected if self.form == "preference" else chosen))
