"""One epoch of TRL's RewardTrainer, with the end of every step noted."""

from typing import Any

from transformers import TrainerCallback

from benchmarks.arms import protocol
from benchmarks.arms.trl_side import ids_of, settings, trainer


class Marks(TrainerCallback):
    """Notes the end of every step."""

    def __init__(self) -> None:
        self.clock = protocol.StepClock()

    def on_step_end(self, *unused: Any, **ignored: Any) -> None:  # noqa: ARG002 - transformers gives them
        """Note it."""
        self.clock.mark()


def measure(request: protocol.Request) -> protocol.Answer:
    """Train on the pairs called ``pairs`` in the request."""
    marks = Marks()
    made = trainer(request, protocol.rows_of(request, request["rows"]), request["dtype"], [marks])
    before = protocol.resident()
    made.train()
    return {
        **marks.clock.answer(request, before),
        "ids": protocol.digest(ids_of(made)),
        "attention": made.model.config._attn_implementation,  # noqa: SLF001
        "settings": settings(),
        "versions": protocol.versions("trl", "transformers", "torch", "accelerate", "datasets"),
    }


if __name__ == "__main__":
    protocol.answer(measure)
