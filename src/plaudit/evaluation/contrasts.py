"""Contrasts of our own: conversations about simple facts, of which it is known what is right.

They are written in the form that the data has (plain text or turns), so that a model sees them as it sees its data.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from plaudit.evaluation.counterfactual import with_prompts
from plaudit.evaluation.drawing import Pair
from plaudit.evaluation.experiment import Contrast, Conversation, Experiment
from plaudit.evaluation.facts import FACTS, Fact
from plaudit.preferences.preference import Content, Message


@dataclass(frozen=True, slots=True)
class Form:
    """How conversations are written.

    Attributes:
        prompt_turns: whether a prompt has turns; else it is plain text.
        response_turns: likewise for a response.
    """

    prompt_turns: bool
    response_turns: bool

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "Form":
        """Return the form that most pairs with a prompt have.

        Raises:
            plaudit.evaluation.experiment.DoesNotApply: none has a prompt.
        """
        found = with_prompts(pairs)
        prompts = sum(not isinstance(pair.prompt, str) for pair in found)
        responses = sum(not isinstance(pair.chosen, str) for pair in found)
        return cls(2 * prompts > len(found), 2 * responses > len(found))

    def asked(self, *turns: str) -> Content:
        """Return a prompt: turns of user and assistant by turns, of which plain text has only one."""
        if not self.prompt_turns:
            return " ".join(turns)
        return tuple(Message(("user", "assistant")[place % 2], turn) for place, turn in enumerate(turns))

    def answered(self, text: str) -> Content:
        """Return a response."""
        return (Message("assistant", text),) if self.response_turns else text

    def conversation(self, question: str, answer: str) -> Conversation:
        """Return a question and its answer."""
        return self.asked(question), self.answered(answer)


class AboutFacts(Experiment):
    """An experiment with one contrast for each of the simple facts of `plaudit.evaluation.facts`."""

    def contrasts(self, pairs: Sequence[Pair]) -> list[Contrast]:
        """Return a contrast for each fact, in the form of the data."""
        form = Form.of(pairs)
        return [self.contrast(fact, place, form) for place, fact in enumerate(FACTS)]

    @abstractmethod
    def contrast(self, fact: Fact, place: int, form: Form) -> Contrast:
        """Return the contrast for one fact, which is number ``place`` of them."""
