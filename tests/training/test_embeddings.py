"""Training on arrays of embeddings."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModel

from plaudit.models.architectures.embedding_mlp import EmbeddingMlpConfig, EmbeddingMlpModel
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.preferences.preference import Comparison
from plaudit.training.embeddings import BadEmbeddings, embedding_rewards, fit_embeddings
from plaudit.training.recipe import Recipe

PAIRS, FEATURES = 40, 8
FULL_BATCH = Recipe(
    epochs=15, batch_size=PAIRS, learning_rate=0.02, weight_decay=0.0, schedule="constant", warmup=0.0, clipping=0.0,
    save_every=1000,
)  # fmt: skip
COMPARISONS = [Comparison(chosen=row, rejected=row + 1) for row in range(0, 2 * PAIRS, 2)]


def drawn(seed: int) -> np.ndarray:
    """Return embeddings whose first dimension says who was chosen."""
    table = np.random.default_rng(seed).standard_normal((2 * PAIRS, FEATURES))
    table[::2, 0] += 3
    return table


def mlp() -> EmbeddingMlpModel:
    torch.manual_seed(0)
    return EmbeddingMlpModel(EmbeddingMlpConfig(features=FEATURES, sizes=(16,), layer_norm=False))


def test_it_learns_and_is_saved(tmp_path):
    """Held-out pairs are ordered far better than by chance, and the saved model gives the same rewards."""
    model = mlp()
    fitted = fit_embeddings(model, drawn(0), COMPARISONS, objective=BradleyTerry(), recipe=FULL_BATCH)
    rewards = embedding_rewards(model, drawn(1))
    model.save_pretrained(tmp_path)

    assert fitted.steps == 15
    assert (rewards[::2] > rewards[1::2]).mean() > 0.8
    assert np.array_equal(embedding_rewards(AutoModel.from_pretrained(tmp_path), drawn(1)), rewards)


def test_it_is_full_batch_adam():
    """Two steps give the weights of torch's Adam on the mean loss -log sigmoid(margin), written out here.

    In later steps Adam divides gradients that should be 0 by their own rounding.
    """
    model, twin = mlp(), mlp()
    twice = replace(FULL_BATCH, epochs=2)
    fit_embeddings(model, drawn(0), COMPARISONS, objective=BradleyTerry(), recipe=twice)
    table = torch.from_numpy(drawn(0)).float()
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.02)
    for _ in range(2):
        rewards = twin(embeddings=table).logits[:, 0]
        loss = -torch.nn.functional.logsigmoid(rewards[::2] - rewards[1::2]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for mine, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("table", "comparisons", "message"),
    [
        (np.zeros((4, 3)), COMPARISONS[:1], r"must be \[responses, 8\], not \[4, 3\]"),
        (np.full((4, FEATURES), np.nan), COMPARISONS[:1], "row 0 of the embeddings holds NaN"),
        (np.zeros((4, FEATURES)), [], "no comparisons"),
        (
            np.zeros((4, FEATURES)),
            [Comparison(chosen=0, rejected=4)],
            "comparison 0 is between rows 0 and 4; .* 0 to 3",
        ),
        (np.zeros((4, FEATURES)), [Comparison(chosen=1, rejected=1)], "two different rows"),
    ],
)
def test_bad_input(table, comparisons, message):
    """What cannot be trained on is named before training."""
    with pytest.raises(BadEmbeddings, match=message):
        fit_embeddings(mlp(), table, comparisons, objective=BradleyTerry())
