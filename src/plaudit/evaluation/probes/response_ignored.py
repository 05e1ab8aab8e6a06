"""Response ignored: does an answer that says nothing get as much as a good one?

The chosen response is replaced by a word or two that say nothing. The reward has to fall by 0.2 spreads; a model that
rewards prompts, or everything alike, does not let it fall.
"""

from collections.abc import Sequence
from typing import ClassVar

from plaudit.evaluation.counterfactual import by_turns, with_text
from plaudit.evaluation.drawing import Pair
from plaudit.evaluation.experiment import Contrast, Experiment


class ResponseIgnored(Experiment):
    """Chosen responses replaced by nothing in particular; must fall."""

    title: ClassVar[str] = "an answer that says nothing is rewarded like a good one"
    done: ClassVar[str] = "The chosen response was replaced by a word or two that say nothing."
    tolerated: ClassVar[float] = -0.2
    gravity: ClassVar[float] = 0.8
    texts: ClassVar[tuple[str, ...]] = (
        "Okay.",
        "Sure.",
        "Well.",
        "I see.",
        "Hm.",
        "Right.",
        "Yes.",
        "No.",
        "Fine.",
        "So.",
        "Oh.",
        "Um.",
        "Indeed.",
        "Anyway.",
        "All right.",
        "Ah, yes.",
        "Not much.",
        "And so on.",
        "Whatever.",
        "That.",
        "Something.",
        "It is.",
        "Here.",
        "As such.",
    )

    def contrasts(self, pairs: Sequence[Pair]) -> list[Contrast]:
        """Return the chosen response beside one that says nothing."""
        texts = [self.texts[place] for place in by_turns(pairs, len(self.texts))]
        return [
            Contrast(before=(pair.prompt, pair.chosen), after=(pair.prompt, with_text(pair.chosen, text)), group=text)
            for pair, text in zip(pairs, texts, strict=True)
        ]
