"""A frozen backbone run once: the pooled state of every sequence is kept, and the head is trained on those."""

from collections.abc import Iterator
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate_sequences
from plaudit.models.heads import head_modules
from plaudit.models.reward_model import Rewards
from plaudit.training.adapters import classifier_of


class TwoHalves(Protocol):
    """A reward model in two halves."""

    def features(self, batch: Batch) -> Tensor:
        """Return the pooled state of every response, [N, F]."""
        ...

    def head(self, features: Tensor) -> Rewards:
        """Return the rewards of pooled states [N, F]."""
        ...


class CachedHead(nn.Module):
    """A reward model that reads the pooled states of known sequences and computes only its head.

    Only the head's modules are its own, and those that the model keeps beside its classifier (a gate): the hundreds of
    a frozen backbone would cost more to walk through than a step.

    Args:
        model: has ``features`` and ``head`` (see `TwoHalves`), and a classifier.
        features: [S, F], the pooled state of each sequence of an encoded set.
    """

    def __init__(self, model: nn.Module, features: Tensor) -> None:
        super().__init__()
        self._head = cast(TwoHalves, model).head
        self._features = features
        classifier = classifier_of(model)
        parts = head_modules(classifier) | dict(classifier.named_children())
        parts.pop(classifier.base_model_prefix)
        parts |= {name: module for name, module in model.named_children() if module is not classifier}
        self.parts = nn.ModuleDict({name.replace(".", "_"): module for name, module in parts.items()})

    def forward(self, batch: Batch) -> Rewards:
        """Score the sequences that ``batch`` names; its tokens are not looked at."""
        return self._head(self._features[list(batch.sequences)])


def cache_features(model: nn.Module, encoded: EncodedSet, *, token_budget: int) -> Tensor:
    """Run the backbone over every sequence that a record uses.

    Args:
        model: has ``features`` (see `TwoHalves`).
        encoded: the tokenised set.
        token_budget: most tokens at once.

    Returns:
        float32 [S, F] on the model's device; rows of unused sequences are NaN.
    """
    model.eval()
    device = next(model.parameters()).device
    share = bool(getattr(model, "shares", True))
    table: Tensor | None = None
    with torch.no_grad():
        for sequences in _portions(encoded, token_budget):
            batch = collate_sequences(encoded, sequences, share=share).to(device)
            found = cast(TwoHalves, model).features(batch).float()
            if table is None:
                table = found.new_full((encoded.sequences, found.shape[1]), float("nan"))
            table[list(batch.sequences)] = found
    if table is None:
        raise ValueError("the encoded set holds no records, so there are no features to keep")
    return table


def _portions(encoded: EncodedSet, token_budget: int) -> Iterator[list[int]]:
    """Yield the used sequences, those of one prompt together, in portions within the budget."""
    used = np.unique(encoded.record_sequences)
    ordered = used[np.lexsort((used, encoded.prompt_keys[used]))]
    portion: list[int] = []
    tokens = 0
    for sequence, length in zip(ordered.tolist(), encoded.lengths[ordered].tolist(), strict=True):
        if portion and tokens + length > token_budget:
            yield portion
            portion, tokens = [], 0
        portion.append(sequence)
        tokens += length
    yield portion
