"""Truncation: does an answer that breaks off in mid-sentence get as much as a whole one?

The chosen response is cut after half of its words, in the middle of a sentence. The reward has to fall by 0.1 spreads.
Responses of fewer than eight words are left as they are. In data whose answers say everything at once and then
again, little is lost by the cut, and little should be found.

Source: He et al., On the Blind Spots of Model-Based Evaluation Metrics for Text Generation (2023).
"""

import random
import re
from typing import ClassVar

from plaudit.evaluation.counterfactual import RewrittenText, Side

FEWEST = 8
"""Words from which on a response is cut."""


class Truncation(RewrittenText):
    """Chosen responses cut in mid-sentence; must fall."""

    title: ClassVar[str] = "an answer that breaks off in mid-sentence is rewarded like a whole one"
    done: ClassVar[str] = "The chosen response was cut after half of its words, in the middle of a sentence."
    tolerated: ClassVar[float] = -0.1
    gravity: ClassVar[float] = 0.5
    side: ClassVar[Side] = "chosen"
    against_other: ClassVar[bool] = False

    def rewrite(self, text: str, chance: random.Random) -> str:  # noqa: ARG002 - the cut is always the same
        """Return the first half of the words, less those that would end a sentence."""
        words = list(re.finditer(r"\S+", text))
        if len(words) < FEWEST:
            return text
        kept = text[: words[len(words) // 2 - 1].end()]
        return re.sub(r"[\s.!?:;,)\"'”…]+$", "", kept)
