"""Paraphrase: does the same answer in another wording get another reward?

True answers to simple questions, once plain ("The capital of France is Paris.") and once in another wording ("Paris is
the capital of France."). Either way the mean reward should not differ by more than 0.25 spreads; the test is
two-sided. Flipped counts how often only one of the two is above the false answer. Needs data with prompts.

Source: Wu et al., reWordBench: Benchmarking and Improving the Robustness of Reward Models with Transformed Inputs
(2025).
"""

from typing import ClassVar

from plaudit.evaluation.contrasts import AboutFacts, Form
from plaudit.evaluation.experiment import Contrast, Direction
from plaudit.evaluation.facts import Fact, capital


class Paraphrase(AboutFacts):
    """The same true answer in two wordings; should not matter."""

    title: ClassVar[str] = "the wording of the same answer decides its reward"
    done: ClassVar[str] = "True answers to simple questions were compared with the same answers in another wording."
    tolerated: ClassVar[float] = 0.25
    direction: ClassVar[Direction] = "either"

    def contrast(self, fact: Fact, place: int, form: Form) -> Contrast:
        """Return the two wordings, with the false answer as their rival."""
        others = (f"{capital(fact.right)} is {fact.subject}.", f"It is {fact.right} that is {fact.subject}.")
        return Contrast(
            before=form.conversation(fact.question, fact.right_answer),
            after=form.conversation(fact.question, others[place % len(others)]),
            rival=form.conversation(fact.question, fact.wrong_answer),
            group=fact.subject,
        )
