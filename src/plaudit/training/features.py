"""A frozen backbone run once: the pooled state of every sequence is kept, and the head is trained on those."""

from collections.abc import Iterator, Mapping
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate_sequences
from plaudit.models.heads import head_modules
from plaudit.models.reward_model import Rewards
from plaudit.training.adapters import classifier_of
from plaudit.training.feature_file import FeatureFile, keys_of


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


def cache_features(model: nn.Module, encoded: EncodedSet, *, token_budget: int, file: str = "") -> Tensor:
    """Run the backbone over every sequence that a record uses.

    Args:
        model: has ``features`` (see `TwoHalves`).
        encoded: the tokenised set.
        token_budget: most tokens at once.
        file: where features of earlier runs are looked for and new ones are kept, see `feature_file`; "" for nowhere.

    Returns:
        float32 [S, F] on the model's device; rows of unused sequences are NaN.
    """
    model.eval()
    device = next(model.parameters()).device
    share = bool(getattr(model, "shares", True))
    used = np.unique(encoded.record_sequences)
    if not len(used):
        raise ValueError("the encoded set holds no records, so there are no features to keep")
    kept = FeatureFile(file) if file else None
    keys = dict(zip(used.tolist(), keys_of(model, encoded, used.tolist()), strict=True)) if kept else {}
    known = kept.find(list(keys.values())) if kept else {}
    table = _Table(encoded.sequences, device)
    table.put({sequence: torch.from_numpy(known[key].copy()) for sequence, key in keys.items() if key in known})
    missing = np.array([sequence for sequence in used.tolist() if keys.get(sequence) not in known], np.int64)
    with torch.no_grad():
        for sequences in _portions(encoded, missing, token_budget):
            batch = collate_sequences(encoded, sequences, share=share).to(device)
            found = dict(zip(batch.sequences, cast(TwoHalves, model).features(batch).float(), strict=True))
            table.put(found)
            if kept:
                kept.add({keys[sequence]: row.cpu().numpy() for sequence, row in found.items()})
    return table.rows


class _Table:
    """Rows of features by sequence, NaN where there is none yet."""

    def __init__(self, sequences: int, device: torch.device) -> None:
        self.rows = torch.empty(sequences, 0, device=device)

    def put(self, found: Mapping[int, Tensor]) -> None:
        """Put rows in their places."""
        if not found:
            return
        stacked = torch.stack(list(found.values())).to(self.rows)
        if not self.rows.shape[1]:
            self.rows = self.rows.new_full((len(self.rows), stacked.shape[1]), float("nan"))
        self.rows[list(found)] = stacked


def _portions(encoded: EncodedSet, used: NDArray[np.int64], token_budget: int) -> Iterator[list[int]]:
    """Yield the sequences ``used``, those of one prompt together, in portions within the budget."""
    ordered = used[np.lexsort((used, encoded.prompt_keys[used]))]
    portion: list[int] = []
    tokens = 0
    for sequence, length in zip(ordered.tolist(), encoded.lengths[ordered].tolist(), strict=True):
        if portion and tokens + length > token_budget:
            yield portion
            portion, tokens = [], 0
        portion.append(sequence)
        tokens += length
    if portion:
        yield portion
