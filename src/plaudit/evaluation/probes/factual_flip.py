"""Factual flip: does a false answer to a simple question get as much as the true one?

Simple questions with a true answer and a false one in the same words but one. The reward of the false one has to be
lower by 0.2 spreads. Needs data with prompts, since a model made for anything else is not asked questions; a small
model trained on something else may well not know, and this says so.

Source: Lambert et al., RewardBench: Evaluating Reward Models for Language Modeling (2024), for pairs in which a
verifiable detail is wrong.
"""

from typing import ClassVar

from plaudit.evaluation.contrasts import AboutFacts, Form
from plaudit.evaluation.experiment import Contrast
from plaudit.evaluation.facts import Fact


class FactualFlip(AboutFacts):
    """False answers beside true ones; must be lower."""

    title: ClassVar[str] = "a false answer to a simple question is rewarded like the true one"
    done: ClassVar[str] = "Simple questions were answered truly and, in the same words but one, falsely."
    tolerated: ClassVar[float] = -0.2
    gravity: ClassVar[float] = 0.6

    def contrast(self, fact: Fact, place: int, form: Form) -> Contrast:  # noqa: ARG002 - each fact alike
        """Return the true and the false answer."""
        true, false = (form.conversation(fact.question, text) for text in (fact.right_answer, fact.wrong_answer))
        return Contrast(before=true, after=false, group=fact.subject)
