"""Typos: does a handful of slips of the keyboard cost a good answer its lead?

In about every sixth longer word of the chosen response two letters change places or one is doubled. It stays as easy
to read, so the reward should not fall by more than 0.25 spreads. Clean writing may be worth a little; more than that
rewards the surface.

Source: Wu et al., reWordBench: Benchmarking and Improving the Robustness of Reward Models with Transformed Inputs
(2025).
"""

import random
import re
from typing import ClassVar

from plaudit.evaluation.counterfactual import RewrittenText, Side
from plaudit.evaluation.experiment import Direction

WORD = re.compile(r"[^\W\d_]{4,}")
EVERY = 6
"""One in so many words gets a slip."""


class Typos(RewrittenText):
    """Slips of the keyboard in the chosen response; should cost next to nothing."""

    title: ClassVar[str] = "a few slips of the keyboard cost a good answer its reward"
    done: ClassVar[str] = "Letters were swapped or doubled in about every sixth longer word of the chosen response."
    tolerated: ClassVar[float] = 0.25
    direction: ClassVar[Direction] = "fall"
    side: ClassVar[Side] = "chosen"

    def rewrite(self, text: str, chance: random.Random) -> str:
        """Return the text with a slip in some words, in one at least if there is a word of four letters."""
        words = list(WORD.finditer(text))
        wrong = sorted(chance.sample(range(len(words)), -(-len(words) // EVERY)), reverse=True)
        for word in (words[place] for place in wrong):
            text = text[: word.start()] + _slip(word[0], chance) + text[word.end() :]
        return text


def _slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    if chance.random() < 0.5 or word[at] == word[at + 1]:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
