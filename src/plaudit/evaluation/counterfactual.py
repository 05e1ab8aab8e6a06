"""Counterfactuals: the responses of given preferences, changed in one thing.

What should buy nothing is added to the *rejected* response: the preference is turned round where it then overtakes
the chosen one. What should cost is done to the *chosen* response.
"""

import random
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal

from plaudit.evaluation.drawing import Pair
from plaudit.evaluation.experiment import Contrast, DoesNotApply, Experiment
from plaudit.preferences.preference import Content

Side = Literal["chosen", "rejected"]


class AddedText(Experiment):
    """An experiment that adds one of several texts to the rejected response; the texts are what is resampled.

    Groups of the preferences take the texts by turns, so all responses to one prompt get the same text.
    """

    texts: ClassVar[tuple[str, ...]]
    at: ClassVar[Literal["start", "end"]] = "end"

    def contrasts(self, pairs: Sequence[Pair]) -> list[Contrast]:
        """Return the rejected response without and with a text."""
        places = by_turns(pairs, len(self.texts))
        return [self.contrast(pair, place) for pair, place in zip(pairs, places, strict=True)]

    def contrast(self, pair: Pair, place: int) -> Contrast:
        """Return the rejected response of a pair without and with text number ``place``."""
        text = self.texts[place]

        def change(said: str) -> str:
            parts = (text, said) if self.at == "start" else (said, text)
            return " ".join(part.strip() for part in parts)

        return replace(changed(pair, "rejected", change), group=text)


class RewrittenText(Experiment):
    """An experiment that writes one of the two responses anew; prompts are what is resampled."""

    side: ClassVar[Side] = "rejected"
    against_other: ClassVar[bool] = True

    @abstractmethod
    def rewrite(self, text: str, chance: random.Random) -> str:
        """Return the text changed, or as it is where it cannot be; ``chance`` is the same for the same pair."""

    def contrasts(self, pairs: Sequence[Pair]) -> list[Contrast]:
        """Return a response as it was and written anew, where that makes a difference."""
        made = [changed(pair, self.side, partial(self._rewritten, pair.key)) for pair in pairs]
        found = [one for one in made if one.before != one.after]
        return found if self.against_other else [replace(one, rival=None) for one in found]

    def _rewritten(self, key: str, text: str) -> str:
        return self.rewrite(text, random.Random(key))


def changed(pair: Pair, side: Side, change: Callable[[str], str]) -> Contrast:
    """Return a response as it was and with its last turn changed, the pair's other response being the rival."""
    own, other = (pair.chosen, pair.rejected) if side == "chosen" else (pair.rejected, pair.chosen)
    return Contrast(
        before=(pair.prompt, own),
        after=(pair.prompt, with_text(own, change(text_in(own)))),
        rival=(pair.prompt, other),
        group=pair.group,
    )


def by_turns(pairs: Sequence[Pair], count: int) -> list[int]:
    """Return for each pair a number from 0 to ``count`` - 1: its group's place in the order of drawing, wrapped."""
    order = {group: place for place, group in enumerate(dict.fromkeys(pair.group for pair in pairs))}
    return [order[pair.group] % count for pair in pairs]


def with_prompts(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that have a prompt.

    Raises:
        DoesNotApply: none has.
    """
    found = [pair for pair in pairs if pair.prompt]
    if not found:
        raise DoesNotApply("the data has no prompts")
    return found


def text_in(content: Content) -> str:
    """Return the text of a response: that of its last turn, where it has turns."""
    return content if isinstance(content, str) else content[-1].content if content else ""


def with_text(content: Content, text: str) -> Content:
    """Return a response that says another text in its last turn."""
    if isinstance(content, str) or not content:
        return text
    return (*content[:-1], replace(content[-1], content=text))
