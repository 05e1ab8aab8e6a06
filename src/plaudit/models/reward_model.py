"""What every architecture gives back."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class SpanLogits:
    """What a model says of P stretches of responses.

    Attributes:
        logits: float32 [P]; their sigmoid is the share of a stretch that is without fault.
        response: int64 [P], which response of the batch each is in.
        begin: int64 [P], its first token, counted from the response's first.
        end: int64 [P], the token after its last.
    """

    logits: torch.Tensor
    response: torch.Tensor
    begin: torch.Tensor
    end: torch.Tensor

    def none(self) -> "SpanLogits":
        """Return no stretches, of the same kinds of numbers."""
        return SpanLogits(self.logits[:0], self.response[:0], self.begin[:0], self.end[:0])


@dataclass(frozen=True, slots=True)
class Rewards:
    """Rewards of N responses.

    Attributes:
        values: float32 [N, 1 + C]; column 0 is the reward, whatever the architecture, and the C columns after it are
            its parts (attributes, members, levels), which the architecture's ``outputs`` names.
        variance: float32 [N], variance of the reward, or None where the model has none.
        log_likelihood: float32 [N], mean log-probability of a token of each response given what came before, in nats,
            where the model kept the backbone's language-model head; else None.
        spans: of the batch's responses, where the model reads spans and the labels have marks; else None.
        deviations: float32 [N, D], a root of the covariance of the rewards: the covariance of two is the product of
            their rows, the variance of their margin the squared distance of those. None where the rewards err
            independently, or where it follows from the members.
    """

    values: torch.Tensor
    variance: torch.Tensor | None = None
    log_likelihood: torch.Tensor | None = None
    spans: SpanLogits | None = None
    deviations: torch.Tensor | None = None

    @property
    def scalar(self) -> torch.Tensor:
        """The reward, float32 [N]."""
        return self.values[:, 0]
