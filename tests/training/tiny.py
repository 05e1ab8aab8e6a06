"""A reward model of a few hundred weights and preferences with known truth, small enough to train in a blink."""

import numpy as np
import torch
from torch import Tensor, nn

from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.models.reward_model import Rewards

VOCABULARY = 24


class TinyModel(nn.Module):
    """The mean of a few tanh features of the prompt's and the response's tokens, and a linear head."""

    def __init__(self, width: int = 8, seed: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(VOCABULARY, width)
            self.mixing = nn.Linear(width, width)
            self.score = nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Rewards:
        """Score every response."""
        return self.head(self.features(batch))

    def features(self, batch: Batch) -> Tensor:
        """Return the mean hidden state of each response, [N, width]."""
        hidden = self.dropout(torch.tanh(self.mixing(self.embedding(batch.input_ids))))
        rows = []
        for tree in batch.layout.trees:
            prompt, begin = hidden[tree.start : tree.start + tree.prompt].sum(0), tree.start + tree.prompt
            for length in tree.responses:
                rows.append((prompt + hidden[begin : begin + length].sum(0)) / (tree.prompt + length))
                begin += length
        return torch.stack(rows)

    def head(self, features: Tensor) -> Rewards:
        """Return the rewards of features."""
        return Rewards(self.score(features))


def preferences(
    records: int = 24, *, seed: int = 0, comparisons: int = 1, responses: int = 2, prompts: int | None = None
) -> EncodedSet:
    """Make an encoded set in which the response with more high tokens is preferred.

    Every record has ``responses`` responses and ``comparisons`` comparisons between random two of them.
    """
    random = np.random.default_rng(seed)
    heads = [random.integers(1, VOCABULARY, size=random.integers(2, 6)) for _ in range(prompts or records)]
    keys = [number % len(heads) for number in range(records) for _ in range(responses)]
    bodies = [random.integers(1, VOCABULARY, size=random.integers(1, 7)) for _ in keys]
    rows = [np.concatenate([heads[key], body]) for key, body in zip(keys, bodies, strict=True)]
    worth = np.array([body.mean() for body in bodies])
    pairs = [
        record * responses + random.choice(responses, 2, replace=False)
        for record in range(records)
        for _ in range(comparisons)
    ]
    ordered = np.array([sorted(pair, key=lambda place: -worth[place]) for pair in pairs]).reshape(-1, 2)
    return EncodedSet(
        tokens=np.concatenate(rows).astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in rows])]),
        response_starts=np.array([len(heads[key]) for key in keys], dtype=np.int32),
        prompt_keys=np.array(keys, dtype=np.int64) + 1,
        record_offsets=np.arange(records + 1) * responses,
        record_sequences=np.arange(records * responses),
        comparison_offsets=np.arange(records + 1) * comparisons,
        chosen=ordered[:, 0],
        rejected=ordered[:, 1],
        tie=random.random(len(ordered)) < 0.1,
        strength=np.full(len(ordered), np.nan, dtype=np.float32),
        weight=random.choice([0.5, 1.0, 2.0], size=len(ordered)).astype(np.float32),
        ratings=np.zeros((len(rows), 0), dtype=np.float32),
    )
