r"""One reward with a variance that is fitted after training: the Laplace approximation of the last layer.

Training, rewards and weights are those of ``scalar``. Afterwards one pass over the training set measures how sharply
the comparisons decide the last layer's weights :math:`w`; where they do not, the prior's variance is left:

.. math:: r = w^\top h, \qquad \mathrm{Var}(r) = (h - \bar h)^\top \Sigma (h - \bar h),
    \qquad \mathrm{Var}(r_1 - r_2) = (h_1 - h_2)^\top \Sigma (h_1 - h_2).

See `plaudit.models.laplace` for :math:`\Sigma`, and for why a reward's variance is that of its margin over the mean
response. Σ's root, :math:`\bar h` and λ lie beside the classifier's weights. What the backbone does not know about
itself is not in it: only the last layer is uncertain.

Source: Daxberger et al., Laplace Redux: Effortless Bayesian Deep Learning (2021); Yang et al., Bayesian Reward Models
for LLM Alignment (2024).
"""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, ClassVar, Literal, Unpack

import torch
from torch import Tensor
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models.headed import Headed, How
from plaudit.models.heads import last_linear, penultimate
from plaudit.models.laplace import Curvature, Posterior
from plaudit.models.reward_model import Rewards

MARGINAL = "marginal_likelihood"


class Laplace(Headed):
    """A scalar reward model with a covariance of its last layer.

    Args:
        classifier: the family's ``…ForSequenceClassification``, with one output.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders.
        prior_precision: λ of the prior of the last layer's weights, above 0; or ``marginal_likelihood`` for the one
            under which the training comparisons are most probable.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: the precision is not above 0.
        UnsupportedHead: a family whose head does not show what its last layer reads.
    """

    varies: ClassVar[bool] = True
    root: Tensor
    centre: Tensor
    precision: Tensor

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        prior_precision: float | Literal["marginal_likelihood"] = "marginal_likelihood",
        **how: Unpack[How],
    ) -> None:
        self.prior_precision = prior_precision
        super().__init__(classifier, pooling, **how)
        hidden = classifier.config.get_text_config().hidden_size
        device = next(classifier.parameters()).device
        with torch.no_grad():
            width = penultimate(classifier, torch.zeros(1, hidden, device=device)).shape[1]
        scale = 1.0 if isinstance(prior_precision, str) else prior_precision
        self.register_buffer("root", torch.eye(width, device=device) / scale**0.5)
        self.register_buffer("centre", torch.zeros(width, device=device))
        self.directions = width
        self.register_buffer("precision", torch.tensor(float(scale), device=device))

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the name of the one head."""
        given = settings["prior_precision"]
        if given != MARGINAL and (isinstance(given, str) or not 0 < given < inf):
            raise ValueError(f"prior_precision must be a finite number above 0, or {MARGINAL!r}, not {given!r}")
        return ("reward",)

    def head(self, features: Tensor) -> Rewards:
        """Return the rewards of features [N, F], with their variances."""
        deviations = self._deviations(penultimate(self.classifier, features) - self.centre)
        return Rewards(self.logits(features), _squared(deviations), deviations=deviations)

    def margins(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return the margins of ``first`` over ``second`` (features [N, F]) and their variances, float32 [N] each.

        The variance of a margin is not the sum of two rewards' variances: what both share cancels.
        """
        read = penultimate(self.classifier, first) - penultimate(self.classifier, second)
        return (self.logits(first) - self.logits(second))[:, 0], _squared(self._deviations(read))

    def settle(self, batches: Iterable[Batch]) -> None:
        """Fit the covariance to the comparisons of ``batches``."""
        self.fit(batches)

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> Posterior:
        """Fit the covariance to the comparisons of ``batches``, in one pass, and return it with its evidence.

        Raises:
            NoCurvature: the batches hold no comparison to fit it to.
        """
        curvature = Curvature()
        for batch in batches:
            features = self.features(batch)
            curvature.add(penultimate(self.classifier, features), self.logits(features)[:, 0], batch.labels)
        wanted = None if isinstance(self.prior_precision, str) else self.prior_precision
        found = curvature.posterior(self._weight(), wanted)
        self.root.copy_(found.root)
        self.centre.copy_(found.centre)
        self.precision.fill_(found.precision)
        return found

    def _deviations(self, read: Tensor) -> Tensor:
        with torch.autocast(read.device.type, enabled=False):
            return read @ self.root

    def _weight(self) -> Tensor:
        return last_linear(self.classifier).weight[0]


def _squared(deviations: Tensor) -> Tensor:
    return deviations.square().sum(1).clamp(min=torch.finfo(torch.float32).tiny)
