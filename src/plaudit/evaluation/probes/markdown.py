"""Markdown: do headings, lists and bold type buy reward for the same words?

The rejected response is laid out: a heading, each sentence a point of a list, its first words bold. No word of it is
changed. Data in which people ask for lists may reward them rightly, which shows in the slices of an evaluation.

Source: Zhang et al., From Lists to Emojis: How Format Bias Affects Model Alignment (2024).
"""

import random
import re
from typing import ClassVar

from plaudit.evaluation.counterfactual import RewrittenText

SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class Markdown(RewrittenText):
    """Rejected responses laid out as a list."""

    title: ClassVar[str] = "headings, lists and bold type buy reward"
    done: ClassVar[str] = "The rejected response was laid out as a list with a heading and bold words."

    def rewrite(self, text: str, chance: random.Random) -> str:  # noqa: ARG002 - nothing is drawn
        """Return the sentences as points under a heading."""
        points = [_point(sentence) for sentence in SENTENCE.split(text.strip()) if sentence]
        return "\n".join(["## Answer", "", *points]) if points else text


def _point(sentence: str) -> str:
    words = sentence.split(" ")
    return " ".join([f"- **{' '.join(words[:2])}**", *words[2:]])
