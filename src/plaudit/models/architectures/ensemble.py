r"""Several reward models in one, whose disagreement is the uncertainty: K heads on a shared backbone, or more.

For members :math:`r_1, …, r_K` with mean :math:`\bar r` and population variance :math:`v`, the reward is

.. math:: \bar r \quad\text{or}\quad \min_k r_k \quad\text{or}\quad \bar r - \lambda v,

and :math:`v` is its variance. A margin's is not the sum of two such: it is the variance of the members' margins, in
which what all responses have in common cancels. Each member learns for itself: the objective is applied to each one's
rewards.

``own`` says what each member has for itself. With ``heads`` one pass through the backbone gives all members, and
training costs little more than for one. With ``weights`` each has a backbone of its own, and with ``adapters`` low-rank
changes to a shared one, stored once: both take K passes a sequence. Members trained apart, whole or with LoRA, are put
together by ``plaudit collect``.

Heads differ by their initial weights, drawn apart by the seed, and by nothing else. ``spread`` sets how much they begin
with. One pass over the data leaves much of that as it was: the heads come to agree on what the reward is, and what they
keep apart is not what the data leave open, but what they began with. Trained heads were no reliable sign of unfamiliar
text where it was measured (``benchmarks/results/uncertainty.md``). With ``drawn`` they are drawn anew after training,
around their mean, from what the comparisons leave open: the Laplace approximation of the last layer,

.. math:: w_k = \bar w + R\,(e_k - \bar e)\sqrt{K / (K - 1)}, \qquad R R^\top = \Sigma, \quad e_k \sim N(0, I),

so that :math:`v` is, over the draws, ``laplace``'s variance of the margin over the mean response. The mean stays what
training made it. Text of one kind lies apart from the training text in much the same direction, on which K draws give K
numbers: five may agree by chance, 32 seldom do, at the price of as many products of one row. Without ``normalise`` the
mean response's own variance is in it too.

Bootstrapped data would leave each member less to learn from without better disagreement (Nixon et al. 2020). Errors
that come with the backbone are shared by all members and not seen by their variance (Eisenstein).

Source: Coste et al., Reward Model Ensembles Help Mitigate Overoptimization (2023); Eisenstein et al., Helping or
Herding? (2023); Lakshminarayanan et al., Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles
(2017); Nixon et al., Why Aren't Bootstrapped Neural Networks Better? (2020); MacKay, The Evidence Framework Applied to
Classification Networks (1992), for what heads are drawn from.
"""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, ClassVar, Literal, Unpack, get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models.headed import Headed, How, is_causal
from plaudit.models.heads import apply_head, backbone_of, last_linear, penultimate
from plaudit.models.laplace import Curvature
from plaudit.models.reward_model import Rewards
from plaudit.models.several import SeveralModel

Combine = Literal["mean", "worst", "uncertainty_weighted"]
Own = Literal["heads", "adapters", "weights"]
DRAW = 0
"""Seed of the draws of heads, the same for every model: only what is drawn from differs."""


class Ensemble(Headed):
    """A reward model of K members.

    Training from a configuration lets each member learn for itself. With `fit`, wrap the objective in
    ``EachMember(objective, model.member_columns)``, or it learns from the combined reward alone, and call `settle`.

    Args:
        classifier: the family's ``…ForSequenceClassification``, with one output a member; or a `SeveralModel`.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders.
        members: K, 2 or more.
        combine: ``mean``, ``worst`` (the smallest) or ``uncertainty_weighted`` (the mean less ``penalty`` variances).
        penalty: λ of ``uncertainty_weighted``, 0 or more; Coste et al. take 0.5 for best-of-n and 0.1 for PPO.
        spread: factor on the initial weights of new heads, and so on how far they begin apart.
        drawn: after training, draw the heads around their mean from what the comparisons leave open (``heads`` only).
        normalise: after training, shift and scale every member to the same mean and standard deviation over the
            training responses, without which ``worst`` is the member with the lowest mean.
        own: what each member has for itself: ``heads``, ``adapters`` (and a head) or ``weights``, all of them.
        rank: of the adapters.
        targets: last parts of the names of the layers with adapters; empty for every linear layer of the backbone.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: a setting is out of its range; the message names it.
    """

    varies: ClassVar[bool] = True
    centre: Tensor
    scale: Tensor

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        members: int = 5,
        combine: Combine = "mean",
        penalty: float = 0.5,
        spread: float = 1.0,
        drawn: bool = False,
        normalise: bool = True,
        own: Own = "heads",
        rank: int = 16,
        targets: tuple[str, ...] = (),
        **how: Unpack[How],
    ) -> None:
        self.members, self.combine, self.penalty = members, combine, penalty
        self.spread, self.drawn, self.normalise = spread, drawn, normalise
        self.own, self.rank, self.targets = own, rank, tuple(targets)
        if own != "heads" and not isinstance(classifier, SeveralModel):
            how = how | {"causal": is_causal(classifier) if how.get("causal") is None else how["causal"]}
            ranked = rank if own == "adapters" else 0
            classifier = SeveralModel.over(classifier, members, rank=ranked, suffixes=self.targets)
        super().__init__(classifier, pooling, **how)
        self.member_columns = tuple(range(1, members + 1))
        if normalise:
            self.register_buffer("centre", torch.zeros(members))
            self.register_buffer("scale", torch.ones(members))

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return a name for each member."""
        if settings["members"] < 2:
            raise ValueError(f"members must be 2 or more, not {settings['members']}; one member is a scalar model")
        if settings["combine"] not in get_args(Combine):
            raise ValueError(f"combine must be one of {', '.join(get_args(Combine))}, not {settings['combine']!r}")
        if not 0 <= settings["penalty"] < inf:
            raise ValueError(f"penalty must be a finite number, 0 or more, not {settings['penalty']}")
        if not 0 < settings["spread"] < inf:
            raise ValueError(f"spread must be a finite number above 0, not {settings['spread']}")
        if settings["own"] not in get_args(Own):
            raise ValueError(f"own must be one of {', '.join(get_args(Own))}, not {settings['own']!r}")
        if settings["drawn"] and settings["own"] != "heads":
            raise ValueError(f"drawn heads are of one backbone: own must be 'heads' with them, not {settings['own']!r}")
        if settings["rank"] < 1:
            raise ValueError(f"rank must be 1 or more, not {settings['rank']}")
        return tuple(f"member_{number}" for number in range(1, settings["members"] + 1))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The reward and the members."""
        return ("reward", *self.labels)

    @property
    def composition(self) -> str:
        """How the members are combined."""
        how = {
            "mean": "their mean",
            "worst": "the smallest",
            "uncertainty_weighted": f"mean - {self.penalty:g} variance",
        }
        first = " after a shift and scale of each that lie beside the weights" if self.normalise else ""
        return f"reward = {how[self.combine]}{first}"

    def begin(self) -> None:
        """Spread the initial weights of the members."""
        network = self.classifier
        linears = network.last_linears() if isinstance(network, SeveralModel) else [last_linear(network)]
        with torch.no_grad():
            for linear in linears:
                linear.weight.mul_(self.spread)

    def forward(self, batch: Batch) -> Rewards:
        """Score every response of ``batch``.

        Raises:
            ValueError: a language-model head is kept, and the members have no backbone in common.
        """
        if self.language_model is not None and self.own != "heads":
            raise ValueError(f"an ensemble whose members have their own {self.own} keeps no language-model head")
        return super().forward(batch)

    def features(self, batch: Batch) -> Tensor:
        """Return the pooled hidden states, [N, H]; of each member, [N, K H], where they have passes of their own."""
        if not isinstance(self.classifier, SeveralModel):
            return super().features(batch)
        states = []
        for place in range(self.members):
            with self.classifier.member(place) as classifier:
                states.append(self.gather(*self.hidden_states(batch, backbone_of(classifier))))
        return torch.cat(states, dim=1)

    def logits(self, features: Tensor) -> Tensor:
        """Return the members' outputs before any shift and scale, float32 [N, K]."""
        if not isinstance(self.classifier, SeveralModel):
            return super().logits(features)
        outputs = []
        for place, own in enumerate(features.chunk(self.members, dim=1)):
            with self.classifier.member(place) as classifier:
                outputs.append(apply_head(classifier, own))
        return torch.cat(outputs, dim=1)

    def head(self, features: Tensor) -> Rewards:
        """Return the combined reward, the members, and their variance."""
        members = self.logits(features)
        if self.normalise:
            members = (members - self.centre) * self.scale
        variance = members.var(1, correction=0)
        return Rewards(torch.cat([self._combined(members, variance)[:, None], members], dim=1), variance)

    def settle(self, batches: Iterable[Batch]) -> None:
        """Give all members the mean 0 and their average standard deviation over the responses of ``batches``.

        A member that gives all of them one reward has nothing to scale and is shifted alone. With ``drawn``, the heads
        are drawn before.

        Raises:
            NoCurvature: heads are to be drawn, and the batches hold no comparison that says from what.
        """
        if self.drawn:
            batches = self._draw(batches)
        if not self.normalise:
            return
        members = torch.cat([self.logits(self.features(batch)) for batch in batches]).double()
        deviations = members.std(0, correction=0)
        varied = deviations > torch.finfo(torch.float32).eps * members.abs().amax(0)
        self.centre.copy_(members.mean(0))
        self.scale.copy_(torch.where(varied, deviations[varied].mean() / deviations, 1.0))

    def _draw(self, batches: Iterable[Batch]) -> list[Batch]:
        """Draw the heads around their mean from the posterior of the last layer; return the batches, to pass again."""
        kept, curvature, last = list(batches), Curvature(), last_linear(self.classifier)
        for batch in kept:
            features = self.features(batch)
            curvature.add(penultimate(self.classifier, features), self.logits(features).mean(1), batch.labels)
        middle = last.weight.double().mean(0)
        root = curvature.posterior(middle).root
        draws = torch.randn(last.weight.shape, generator=torch.Generator().manual_seed(DRAW), dtype=torch.float64)
        draws = (draws - draws.mean(0)).to(middle.device) * (self.members / (self.members - 1)) ** 0.5
        last.weight.copy_(middle + draws @ root.T)
        if last.bias is not None:
            last.bias.fill_(last.bias.mean())
        return kept

    def _combined(self, members: Tensor, variance: Tensor) -> Tensor:
        if self.combine == "worst":
            return members.min(1).values
        mean = members.mean(1)
        return mean - self.penalty * variance if self.combine == "uncertainty_weighted" else mean
