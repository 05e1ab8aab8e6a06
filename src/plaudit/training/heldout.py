"""Held-out loss: how well the comparisons of a set are predicted, for early stopping and for choosing the best step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.sampling import plan
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training.step import comparison_sums


@dataclass(frozen=True, slots=True)
class Heldout:
    """A set to validate on.

    Attributes:
        encoded: the tokenised set.
        objective: the loss that is trained.
        pack: packs records into a batch.
        token_budget: most packed tokens at once.
    """

    encoded: EncodedSet
    objective: Objective
    pack: Callable[[Sequence[int]], Batch]
    token_budget: int

    def __call__(self, forward: Callable[[Batch], Rewards], device: torch.device | str) -> dict[str, float]:
        """Return ``loss`` and, where there are comparisons, ``nll``, ``accuracy`` and ``margin``.

        ``loss`` is the objective's mean, with penalties and under the parameters it has learned so far; ``nll``
        Bradley-Terry's, in nats a comparison, without strengths and penalties; ``accuracy`` counts equal rewards ½ and
        leaves stated ties out. All are means over the whole set, not of batches' means.
        """
        steps = plan(self.encoded.record_sizes(), batch_size=256, token_budget=self.token_budget)
        micros = (records for step in steps for records in step.ranks[0])
        with torch.no_grad():
            sums = [self._sums(forward, self.pack(records).to(device)) for records in micros]
        loss, weight, nll, votes, correct, margin, ordered, _ = torch.stack(sums).sum(0).tolist()
        metrics = {"loss": loss / weight} if weight else {}
        if votes:
            metrics["nll"] = nll / votes
        if ordered:
            metrics |= {"accuracy": correct / ordered, "margin": margin / ordered}
        return metrics

    def _sums(self, forward: Callable[[Batch], Rewards], batch: Batch) -> Tensor:
        rewards = forward(batch)
        objectives = (self.objective, BradleyTerry(use_strength=False))
        sums = [objective(rewards, batch.labels).sums() for objective in objectives]
        return torch.cat([*sums, comparison_sums(rewards, batch.labels)])
