"""One epoch of plaudit's `fit`, with the end of every step noted; it is broken off before the last checkpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.arms import protocol
from benchmarks.loading import encoder_of, in_planned_order, planned_ids, scalar_of
from plaudit.encoding.encoded import EncodedSet
from plaudit.models.architectures.scalar import Scalar
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.training.fit import fit
from plaudit.training.recipe import Recipe


class AllStepsDone(Exception):
    """The last step has ended: what would follow is saving, which the peer does not do either."""


def measure(request: protocol.Request) -> protocol.Answer:
    """Train on the pairs called ``rows`` in the request."""
    torch.set_num_threads(request["threads"])
    folder, size, recipe = Path(request["folder"]), request["batch_size"], recipe_of(request)
    encoder = encoder_of(folder / "decoder", request["max_length"])
    encoded = in_planned_order(protocol.rows_of(request, request["rows"]), encoder, size, recipe.seed)
    model, clock, before = scalar_of(folder / "decoder", "float32"), protocol.StepClock(), protocol.resident()
    run = folder / f"plaudit-{Path(request['output']).name}"
    _train(model, encoded, run, recipe, _listener(clock, -(-len(encoded) // size)))
    return {
        **clock.answer(request, before),
        "ids": protocol.digest(planned_ids(encoded, size, recipe.seed)),
        "layout": model.layout,
        "versions": protocol.versions("transformers", "torch", "accelerate"),
    }


def recipe_of(request: protocol.Request) -> Recipe:
    """Return the recipe that equals TRL's settings."""
    return Recipe(
        batch_size=request["batch_size"],
        token_budget=request["token_budget"],
        learning_rate=request["learning_rate"],
        weight_decay=0.0,
        warmup=0.0,
        clipping=1.0,
        optimizer="adamw_torch_fused",
        schedule="linear",
        dtype=request["dtype"],
    )


def _listener(clock: protocol.StepClock, steps: int) -> Callable[[dict[str, Any]], None]:
    def heard(row: dict[str, Any]) -> None:
        if row["kind"] == "step":
            clock.mark()
        if len(clock.ends) == steps:
            raise AllStepsDone

    return heard


def _train(
    model: Scalar, encoded: EncodedSet, run: Path, recipe: Recipe, listener: Callable[[dict[str, Any]], None]
) -> None:
    try:
        fit(model, encoded, objective=BradleyTerry(), output=run, recipe=recipe, listeners=[listener])
    except AllStepsDone:
        return
    raise RuntimeError("training ended before its last step was heard of")


if __name__ == "__main__":
    protocol.answer(measure)
