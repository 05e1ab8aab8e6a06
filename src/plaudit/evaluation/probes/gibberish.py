"""Gibberish: does a response of random letters get as much as one that makes sense?

Every letter of the chosen response is replaced by another at random; lengths of words, spaces and punctuation stay. The
reward has to fall by 0.2 spreads; a model that looks at length and layout alone does not let it fall.

Source: He et al., On the Blind Spots of Model-Based Evaluation Metrics for Text Generation (2023).
"""

import random
from string import ascii_lowercase
from typing import ClassVar

from plaudit.evaluation.counterfactual import RewrittenText, Side


class Gibberish(RewrittenText):
    """Chosen responses in random letters; must fall."""

    title: ClassVar[str] = "random letters are rewarded like an answer that makes sense"
    done: ClassVar[str] = "Every letter of the chosen response was replaced by another at random."
    tolerated: ClassVar[float] = -0.2
    gravity: ClassVar[float] = 0.8
    side: ClassVar[Side] = "chosen"
    against_other: ClassVar[bool] = False

    def rewrite(self, text: str, chance: random.Random) -> str:
        """Return the text with random letters; capitals stay capitals."""
        return "".join(_random(letter, chance) if letter.isalpha() else letter for letter in text)


def _random(letter: str, chance: random.Random) -> str:
    drawn = chance.choice(ascii_lowercase)
    return drawn.upper() if letter.isupper() else drawn
