"""Reward models on embeddings with a known truth: 500 pairs whose first five dimensions say which was chosen."""

import numpy as np
import torch

from plaudit.models.architectures.embedding_mlp import EmbeddingMlpConfig, EmbeddingMlpModel
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.preferences.preference import Comparison
from plaudit.training.embeddings import embedding_rewards, fit_embeddings
from plaudit.training.recipe import Recipe

PAIRS, FEATURES, EPOCHS = 500, 64, 200
FULL_BATCH_ADAM = Recipe(
    epochs=EPOCHS, batch_size=PAIRS, token_budget=2 * PAIRS, learning_rate=0.01, weight_decay=0.0,
    schedule="constant", warmup=0.0, clipping=0.0, save_every=EPOCHS,
)  # fmt: skip


def draw(seed: int) -> np.ndarray:
    """Return embeddings [2 × pairs, features]: rows 2i chosen, shifted by +2, rows 2i + 1 rejected, shifted by -1."""
    embeddings = np.random.default_rng(seed).standard_normal((2 * PAIRS, FEATURES))
    embeddings[::2, :5] += 2
    embeddings[1::2, :5] -= 1
    return embeddings


comparisons = [Comparison(chosen=row, rejected=row + 1) for row in range(0, 2 * PAIRS, 2)]
for name, settings in (
    ("two hidden layers of 128 with LayerNorm", {"sizes": (128, 128)}),
    ("one hidden layer of 256, small", {"sizes": (256,), "layer_norm": False, "initial": "small"}),
):
    torch.manual_seed(0)
    mlp = EmbeddingMlpModel(EmbeddingMlpConfig(features=FEATURES, **settings))
    fitted = fit_embeddings(mlp, draw(0), comparisons, objective=BradleyTerry(), recipe=FULL_BATCH_ADAM)
    loss = [row["loss"] for row in fitted.history if row["kind"] == "step"][-1]
    rewards = embedding_rewards(mlp, draw(1))
    accuracy = float((rewards[::2] > rewards[1::2]).mean())
    print(f"{name}: {mlp.num_parameters():,} parameters, {fitted.steps} steps")
    print(f"  final loss {loss:.2e}, held-out accuracy {accuracy:.3f}")
