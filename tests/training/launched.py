"""A program that `accelerate launch` starts: 20 steps of a tiny Llama, its losses and weights written to a file."""

import sys
from pathlib import Path
from typing import Any

import torch

from plaudit import members
from plaudit.models.architectures.scalar import Scalar
from plaudit.training import ranks
from plaudit.training.adapters import Lora
from plaudit.training.fit import fit
from plaudit.training.recipe import Recipe
from tests.models.families import build, decoders
from tests.training.tiny import preferences


def launched(output: Path, *, tune: str, accumulation: int, objective: str = "bradley_terry") -> dict[str, Any]:
    """Train 20 steps and return losses and weights."""
    model = Scalar(build(decoders()["llama"]))
    recipe = Recipe(
        max_steps=20,
        batch_size=7,
        accumulation=accumulation,
        token_budget=60,
        learning_rate=1e-3,
        tune=tune,  # type: ignore[arg-type]
        lora=Lora(rank=4),
    )
    fitted = fit(
        model,
        preferences(23, comparisons=2, responses=3),
        objective=members.load("objectives", objective)(),
        output=output,
        recipe=recipe,
        validation=preferences(6, seed=2),
        listeners=(),
    )
    losses = [row["loss"] for row in fitted.history if row["kind"] == "step"]
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    return {"losses": losses, "weights": weights, "processes": ranks.count(), "learned": dict(fitted.learned)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    result = launched(Path(sys.argv[1]), tune=sys.argv[2], accumulation=1, objective=sys.argv[3])
    if ranks.number() == 0:
        torch.save(result, f"{sys.argv[1]}.pt")
