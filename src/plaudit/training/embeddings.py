"""Train on embeddings that were computed elsewhere: no text, no tokenizer, the same objectives, steps and recipes."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from plaudit.encoding.annotators import annotator_columns
from plaudit.encoding.batch import Batch
from plaudit.encoding.encoded import EncodedSet
from plaudit.models.reward_model import Rewards
from plaudit.objectives import Objective
from plaudit.preferences.preference import Comparison
from plaudit.training.fit import Fitted, Validate, fit
from plaudit.training.progress import Row
from plaudit.training.recipe import Recipe


class BadEmbeddings(ValueError):
    """Embeddings or comparisons that cannot be trained on; the message says which, and what would be right."""


class OnEmbeddings(nn.Module):
    """A reward model that looks its responses up in a table.

    Args:
        mlp: called with ``embeddings=`` [N, F]; its ``logits`` [N, 1] are the rewards.
        table: float32 [S, F], the embedding of each response.
    """

    def __init__(self, mlp: PreTrainedModel, table: Tensor) -> None:
        super().__init__()
        self.mlp = mlp
        self.register_buffer("table", table, persistent=False)
        self.table: Tensor

    def forward(self, batch: Batch) -> Rewards:
        """Score the responses that ``batch`` names."""
        forward: Callable[..., object] = self.mlp
        return Rewards(_logits(forward(embeddings=self.table[list(batch.sequences)])))


def fit_embeddings(
    mlp: PreTrainedModel,
    embeddings: ArrayLike,
    comparisons: Iterable[Comparison],
    *,
    objective: Objective,
    recipe: Recipe | None = None,
    output: Path | str | None = None,
    validate: Validate | None = None,
    listeners: Iterable[Callable[[Row], None]] = (),
) -> Fitted:
    """Train ``mlp`` and leave the best weights in it, in evaluation mode.

    Save it with ``mlp.save_pretrained(folder)``; ``AutoModel.from_pretrained(folder)`` loads it after
    ``import plaudit.models``.

    Args:
        mlp: a reward model on embeddings, such as `plaudit.models.architectures.embedding_mlp.EmbeddingMlpModel`.
        embeddings: [S, F], one row a response.
        comparisons: between rows; each is a record of its own.
        objective: the loss.
        recipe: how to train; a ``batch_size`` of the number of comparisons makes every step the full batch.
        output: folder of the run, see `fit`; a temporary one if None.
        validate: gives metrics of the model as it is, see `fit`.
        listeners: called with each new row of the history.

    Raises:
        BadEmbeddings: embeddings are no finite table of the right width, or a comparison names a row that is not there.
        What `fit` raises.
    """
    table = _table(embeddings, int(getattr(mlp.config, "features", 0)))
    edges = list(comparisons)
    _check(edges, len(table))
    model = OnEmbeddings(mlp, torch.from_numpy(table))
    with tempfile.TemporaryDirectory() as temporary:
        return fit(
            model,
            one_token_each(table, edges),
            objective=objective,
            output=temporary if output is None else output,
            recipe=recipe,
            validate=validate,
            listeners=tuple(listeners),
        )


def embedding_rewards(mlp: PreTrainedModel, embeddings: ArrayLike) -> NDArray[np.float64]:
    """Return the reward of each embedding, float64 [S], for embeddings [S, F].

    Raises:
        BadEmbeddings: they are no finite table of the right width.
    """
    table = torch.from_numpy(_table(embeddings, int(getattr(mlp.config, "features", 0))))
    forward: Callable[..., object] = mlp
    with torch.inference_mode():
        rewards = _logits(forward(embeddings=table.to(next(mlp.parameters()).device)))[:, 0]
    return np.asarray(rewards.double().cpu().numpy())


def one_token_each(table: NDArray[np.float32], comparisons: list[Comparison]) -> EncodedSet:
    """Return a set in which response ``s`` is one token that stands for row ``s``, and each comparison is a record."""
    rows, count = np.arange(len(table) + 1), len(comparisons)
    keys, names = annotator_columns(edge.annotator for edge in comparisons)
    sides = np.array([(edge.chosen, edge.rejected) for edge in comparisons], np.int64).reshape(count, 2)
    return EncodedSet(
        tokens=rows[:-1].astype(np.int32),
        offsets=rows,
        response_starts=np.zeros(len(table), np.int32),
        prompt_keys=np.zeros(len(table), np.int64),
        record_offsets=np.arange(0, 2 * count + 1, 2),
        record_sequences=sides.reshape(-1),
        comparison_offsets=np.arange(count + 1),
        chosen=sides[:, 0],
        rejected=sides[:, 1],
        tie=np.array([edge.tie for edge in comparisons], np.bool_),
        strength=np.array([np.nan if edge.strength is None else edge.strength for edge in comparisons], np.float32),
        weight=np.array([edge.weight for edge in comparisons], np.float32),
        annotator=keys,
        annotators=names,
        ratings=np.zeros((len(table), 0), np.float32),
        fingerprint=_fingerprint(table, sides),
    )


def _fingerprint(table: NDArray[np.float32], sides: NDArray[np.int64]) -> str:
    return hashlib.sha256(table.tobytes() + sides.tobytes()).hexdigest()


def _logits(output: object) -> Tensor:
    logits: Tensor = getattr(output, "logits")  # noqa: B009 - transformers' outputs are not typed
    return logits


def _table(embeddings: ArrayLike, features: int) -> NDArray[np.float32]:
    table = np.ascontiguousarray(embeddings, dtype=np.float32)
    if table.ndim != 2 or (features and table.shape[1] != features):
        raise BadEmbeddings(f"embeddings must be [responses, {features or 'features'}], not {list(table.shape)}")
    if bad := np.flatnonzero(~np.isfinite(table).all(1)).tolist():
        raise BadEmbeddings(f"row {bad[0]} of the embeddings holds NaN or infinity ({len(bad)} rows do)")
    return table


def _check(comparisons: list[Comparison], responses: int) -> None:
    if not comparisons:
        raise BadEmbeddings("there are no comparisons to learn from")
    for number, edge in enumerate(comparisons):
        sides = (edge.chosen, edge.rejected)
        if not all(0 <= side < responses for side in sides) or sides[0] == sides[1]:
            raise BadEmbeddings(
                f"comparison {number} is between rows {sides[0]} and {sides[1]}; two different rows from 0 to "
                f"{responses - 1} are needed"
            )
