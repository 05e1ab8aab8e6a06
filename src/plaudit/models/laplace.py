r"""The Laplace approximation of a linear reward head under Bradley-Terry.

For a head :math:`w` on features :math:`h`, comparisons with differences :math:`d_i = h_c - h_r` and weights
:math:`v_i`, and the prior :math:`w \sim N(0, \lambda^{-1} I)`,

.. math:: H = \sum_i v_i\,p_i (1 - p_i)\,d_i d_i^\top, \quad p_i = \sigma(w^\top d_i), \qquad
    \Sigma = (H + \lambda I)^{-1}.

The margin of a pair has the variance :math:`d^\top \Sigma d`. A reward is only known up to a constant, so the variance
of one is that of its margin over the mean training response, :math:`(h - \bar h)^\top \Sigma (h - \bar h)`: without the
:math:`\bar h`, it would be mostly the prior's along a direction in which no comparison says anything.

The evidence, with :math:`F` features and eigenvalues :math:`\eta_k` of :math:`H`, is

.. math:: \log Z = \log p(D \mid w) - \tfrac{\lambda}{2}|w|^2 + \tfrac{F}{2}\log\lambda
    - \tfrac12 \sum_k \log(\eta_k + \lambda).

Its derivative by :math:`\log\lambda` is half of :math:`\sum_k \eta_k / (\eta_k + \lambda) - \lambda |w|^2`, which only
falls with :math:`\lambda`: there is one best :math:`\lambda`, found by bisection.

Source: MacKay, The Evidence Framework Applied to Classification Networks (1992); Daxberger et al., Laplace Redux
(2021); Yang et al., Bayesian Low-rank Adaptation for Large Language Models (2024).
"""

from dataclasses import dataclass, field
from math import exp, inf, log

import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.nn.functional import logsigmoid

from plaudit.encoding.batch import Labels

LIMITS = (1e-8, 1e12)
"""Prior precisions among which the best is looked for."""


class NoCurvature(ValueError):
    """There is nothing in the comparisons that a covariance could be fitted to."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is known about a head.

    Attributes:
        root: float64 [F, F], a matrix R with Σ = R Rᵀ, so that no variance is below 0.
        centre: float64 [F], the mean feature of the training responses.
        precision: λ of the prior.
        log_evidence: log marginal likelihood of the comparisons, in nats.
        effective: number of directions that the comparisons decide, Σ η / (η + λ), from 0 to F.
    """

    root: Tensor
    centre: Tensor
    precision: float
    log_evidence: float
    effective: float

    @property
    def covariance(self) -> Tensor:
        """Σ, float64 [F, F]."""
        return self.root @ self.root.T


@dataclass(slots=True)
class Curvature:
    """Sums over comparisons and responses, batch by batch.

    Attributes:
        hessian: float64 [F, F], or None before the first batch.
        total: float64 [F], sum of the features.
        responses: how many were added.
        log_likelihood: of the comparisons, in nats.
    """

    hessian: Tensor | None = None
    total: Tensor | None = None
    responses: int = 0
    log_likelihood: float = field(default=0.0)

    def add(self, features: Tensor, rewards: Tensor, labels: Labels) -> None:
        """Add the comparisons of a batch.

        Args:
            features: [N, F], what the head reads of each response.
            rewards: [N], what the head makes of it.
            labels: of the batch. Strengths are not looked at: they do not belong to the likelihood.
        """
        features, rewards = features.double(), rewards.double()
        differences = features[labels.chosen] - features[labels.rejected]
        margins, weight = rewards[labels.chosen] - rewards[labels.rejected], labels.weight.double()
        won = torch.where(labels.tie, 0.5, 1.0).double()
        likelihood = won * logsigmoid(margins) + (1 - won) * logsigmoid(-margins)
        curved = weight * torch.sigmoid(margins) * torch.sigmoid(-margins)
        hessian, total = differences.T @ (curved[:, None] * differences), features.sum(0)
        self.hessian = hessian if self.hessian is None else self.hessian + hessian
        self.total = total if self.total is None else self.total + total
        self.responses += len(features)
        self.log_likelihood += float((weight * likelihood).sum())

    def posterior(self, weight: Tensor, precision: float | None = None) -> Posterior:
        """Return the posterior of the head's ``weight`` [F].

        Args:
            weight: where training has ended, taken as the mode.
            precision: λ of the prior; the one with the most evidence if None.

        Raises:
            NoCurvature: no comparison has a weight and a difference, or the head is 0.
        """
        if self.hessian is None or self.total is None or not bool(self.hessian.any()):
            raise NoCurvature("a Laplace approximation needs comparisons with a weight, between responses that differ")
        values, vectors = torch.linalg.eigh(self.hessian)
        values, size = values.clamp(min=0), float(weight.double().square().sum())
        chosen = best_precision(values, size) if precision is None else precision
        evidence = self.log_likelihood + _log_prior_volume(values, size, chosen)
        return Posterior(
            root=vectors * (values + chosen).rsqrt(),
            centre=self.total / self.responses,
            precision=chosen,
            log_evidence=evidence,
            effective=float((values / (values + chosen)).sum()),
        )


def best_precision(eigenvalues: Tensor, squared_size: float) -> float:
    """Return the prior precision with the most evidence, within `LIMITS`.

    Args:
        eigenvalues: float64 [F] of the Hessian, 0 or more.
        squared_size: of the head's weights.

    Raises:
        NoCurvature: the head's weights are 0, so that any prior would do.
    """
    if not 0 < squared_size < inf:
        raise NoCurvature(f"the head's weights have the squared size {squared_size:g}: train it, or give a precision")

    def slope(log_precision: float) -> float:
        precision = exp(log_precision)
        return float((eigenvalues / (eigenvalues + precision)).sum()) - precision * squared_size

    low, high = map(log, LIMITS)
    if slope(low) <= 0:
        return LIMITS[0]
    return LIMITS[1] if slope(high) >= 0 else exp(brentq(slope, low, high))


def _log_prior_volume(values: Tensor, squared_size: float, precision: float) -> float:
    spread = len(values) * log(precision) - float((values + precision).log().sum())
    return (spread - precision * squared_size) / 2
