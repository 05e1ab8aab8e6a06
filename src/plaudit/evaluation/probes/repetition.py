"""Repetition: does saying everything twice buy reward?

The rejected response is followed by itself. Nothing is said that was not said before, so it should earn nothing. A
model that length impresses is impressed by this too; see ``length``.

Source: Holtzman et al., The Curious Case of Neural Text Degeneration (2020), for what models that are rewarded
for likely text fall into.
"""

import random
from typing import ClassVar

from plaudit.evaluation.counterfactual import RewrittenText


class Repetition(RewrittenText):
    """Rejected responses said twice."""

    title: ClassVar[str] = "saying everything twice buys reward"
    done: ClassVar[str] = "The rejected response was followed by itself."

    def rewrite(self, text: str, chance: random.Random) -> str:  # noqa: ARG002 - nothing is drawn
        """Return the text twice."""
        return f"{text.rstrip()} {text.lstrip()}" if text.strip() else text
