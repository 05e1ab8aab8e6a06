"""What the doctor wants of a tokenizer, whoever brings it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from plaudit.preferences.preference import Content

Pair = tuple[Content, Content]
"""A prompt and a response."""

TODAY = "<today's date>"
"""What stands in a rendering where a template writes the date."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What becomes of a pair when it is encoded.

    Attributes:
        tokens: of the whole sequence, before anything is cut.
        cut: of them, how many of the prompt's are cut to fit.
        problem: why it has no sequence, in one or two words, or ``""``.
    """

    tokens: int
    cut: int = 0
    problem: str = ""


class CannotRender(ValueError):
    """A template refuses a conversation; the message says why."""


class Tokenize(Protocol):
    """A tokenizer with the template that goes with it.

    Attributes:
        name: of the base it comes with.
        max_length: tokens that a sequence may have.
    """

    name: str
    max_length: int

    def measure(self, pairs: Sequence[Pair]) -> list[Measured]:
        """Return what becomes of each pair."""
        ...

    def written(self, pair: Pair) -> str:
        """Return the text that plaudit makes of a pair.

        Raises:
            CannotRender: it cannot be written.
        """
        ...

    def own(self, pair: Pair) -> str | None:
        """Return what the base's own chat template makes of it, `TODAY` for the date; None where it has none.

        Raises:
            CannotRender: it refuses.
        """
        ...
