r"""Bradley-Terry with length in a head of its own: preferences for length are explained there, not by the quality.

For a comparison with quality margin :math:`\Delta q`, length effect :math:`\Delta\ell`, guessed log length
:math:`\Delta p`, and lengths :math:`n` in tokens, :math:`\Delta z = \ln(n_c / n_r)`,

.. math:: L = -\log\sigma(\Delta q + \Delta\ell - m) + \lambda_L (\Delta p - \Delta z)^2
    + \lambda_Q (\Delta q\,\Delta z)^2.

The paper has :math:`1 - \mathrm{corr}(r_L, n) + |\mathrm{corr}(r_Q, n)|` over a batch, and
:math:`|W_Q W_L^\top|`. A correlation over a batch is no sum over its comparisons: cut into micro-batches, a step would
have another gradient. What differs here, so that every term is of one comparison:

* *The length head* is correlated with length by regression on it. Where that is perfect, so is the correlation.
  Differences are regressed, so neither a mean nor a bias has to be known.
* *The quality head* is kept from it by a bound. With weights :math:`w` that sum to 1, the uncentred covariance of the
  margins obeys :math:`(\sum w\,\Delta q\,\Delta z)^2 \le \sum w\,(\Delta q\,\Delta z)^2` (Jensen), whose right side is
  additive. It is 0 only if the quality says nothing where lengths differ, so it shrinks quality margins there: pairs of
  equal length are not touched, and :math:`\lambda_Q` trades the one for the other.
* *Weights* are not made orthogonal: they are a stand-in for outputs that do not go together, and on the data the second
  term asks for that itself, in the geometry that hidden states really have.

Logarithms, because twice as long is as much whether from 10 tokens or from 100.

A model with one output has no length head; its comparisons have the first term with :math:`\Delta\ell = 0`, and the
last. A tie is half a win each way, without strength.

Source: Chen et al., ODIN: Disentangled Reward Mitigates Hacking in RLHF (2024).

A chosen response twice as long, with quality margin 1, length effect 0.5 and a length head that is right:

>>> import torch
>>> from dataclasses import replace
>>> from plaudit.objectives.disentangled import Disentangled
>>> from plaudit.testing import pair_labels
>>> from plaudit.models.reward_model import Rewards
>>> labels = replace(pair_labels(1), lengths=torch.tensor([20, 10]))
>>> rewards = Rewards(torch.tensor([[1.0, 0.5, 0.6931], [0.0, 0.0, 0.0]]))
>>> round(Disentangled(length=1.0, quality=1.0)(rewards, labels).loss.item(), 4)  # 0.2014 + 0 + 0.6931²
0.6819
"""

from dataclasses import dataclass
from math import inf

from plaudit.encoding.batch import Labels
from plaudit.encoding.facts import DataFacts
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Terms, half_each_way, margins, minus_log_sigmoid

OUTPUTS = ("reward", "length_effect", "length")
"""The columns of the rewards that are read, by position."""


@dataclass(frozen=True, slots=True)
class Disentangled:
    """Negative log-likelihood of the comparisons under the sum of two heads, of which one is for length.

    Attributes:
        length: weight of the squared error of the length head, 0 or more.
        quality: weight of the squared product of quality margin and log length ratio, 0 or more; little is
            enough to move length over to its own head, much makes the quality timid.
        use_strength: subtract a comparison's stated strength from its margin.
    """

    length: float = 1.0
    quality: float = 0.1
    use_strength: bool = True

    def __post_init__(self) -> None:
        for name in ("length", "quality"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(f"{name} must be a finite number, 0 or more, not {getattr(self, name)}")

    def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
        """Return one term a comparison: loss float32 [M], weight float32 [M].

        Raises:
            ValueError: the model has other outputs than one, or those of ``odin``.
        """
        if missing := _unread(rewards.values.shape[1]):
            raise ValueError(missing)
        differences = rewards.values[labels.chosen] - rewards.values[labels.rejected]
        logs = labels.lengths.clamp(min=1).to(differences.dtype).log()
        longer = logs[labels.chosen] - logs[labels.rejected]
        margin = margins(rewards, labels, use_strength=self.use_strength) + differences[:, 1:2].sum(1)
        loss = half_each_way(minus_log_sigmoid, margin, labels.tie)
        loss = loss + self.quality * (differences[:, 0] * longer).square()
        if differences.shape[1] > 1:
            loss = loss + self.length * (differences[:, 2] - longer).square()
        return Terms(loss, labels.weight)

    def requires(self, facts: DataFacts) -> str:
        """Return what the model lacks, or an empty string."""
        return _unread(facts.columns) if facts.columns else ""


def _unread(columns: int) -> str:
    """Return why rewards of so many columns cannot be read, or an empty string."""
    if columns in (1, len(OUTPUTS)):
        return ""
    return (
        f"disentangled reads {', '.join(OUTPUTS)} (architecture odin) or the reward alone (scalar); this model has "
        f"{columns} outputs"
    )
