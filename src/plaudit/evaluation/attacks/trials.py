"""Trials: the suffixes that a search tries, what each gains, and the budget that bounds them all."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from plaudit.evaluation.attacks.suffixes import append
from plaudit.evaluation.attacks.targets import Target
from plaudit.evaluation.finding import Score
from plaudit.predictions import Floats
from plaudit.preferences.preference import Content


class OverBudget(RuntimeError):
    """A search asked for more than is left: a fault of the search's, which has to ask what it can afford."""


class BadScore(ValueError):
    """The scoring function did not give one number for each conversation."""


@dataclass(slots=True)
class Meter:
    """A scoring function that counts the conversations and scores no more than the budget.

    Attributes:
        score: gives rewards, NaN for what cannot be scored.
        budget: conversations that may be scored, or paid for otherwise.
        spent: those that were.
    """

    score: Score
    budget: int
    spent: int = 0

    @property
    def left(self) -> int:
        """Conversations that may still be scored."""
        return self.budget - self.spent

    def __call__(self, pairs: Sequence[tuple[Content, Content]]) -> Floats:
        """Return the rewards of ``pairs``, float64 [N].

        Raises:
            OverBudget: there are more of them than may be scored.
            BadScore: the function gave another number of rewards, or an infinite one.
        """
        self.spend(len(pairs))
        found = np.asarray(self.score(pairs) if pairs else [], dtype=np.float64)
        if found.shape != (len(pairs),):
            raise BadScore(f"the scoring function gave {found.shape} rewards for {len(pairs)} conversations")
        if np.isinf(found).any():
            raise BadScore(
                f"the reward of conversation {int(np.argmax(np.isinf(found)))} is infinite; it must be finite"
            )
        return found

    def spend(self, conversations: int) -> None:
        """Take ``conversations`` off the budget.

        Raises:
            OverBudget: there are not so many left.
        """
        if conversations > self.left:
            raise OverBudget(
                f"{conversations} more conversations were asked for, and {self.left} of {self.budget} are left"
            )
        self.spent += conversations


@dataclass(frozen=True, slots=True)
class Step:
    """The best suffix so far: after how many scored conversations, with what gain on the responses searched on."""

    spent: int
    gain: float
    suffix: str


@dataclass(slots=True, kw_only=True)
class Trials:
    """What a search works with.

    Attributes:
        targets: the comparisons that it searches on, S of them.
        chosen: rewards of their preferred responses, float64 [S].
        before: rewards of the rejected ones, float64 [S].
        meter: scores, and counts.
        reserved: conversations that must be left in the end, to judge by.
        tried: each suffix that was tried, and its gain: mean increase of the rewards of the rejected responses, where
            one that no longer fits counts as unchanged.
        history: each suffix that was better than all before it.
    """

    targets: Sequence[Target]
    chosen: Floats
    before: Floats
    meter: Meter
    reserved: int = 0
    tried: dict[str, float] = field(default_factory=dict)
    history: list[Step] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Conversations that may be scored or paid for before the judging."""
        return max(self.meter.left - self.reserved, 0)

    @property
    def affordable(self) -> int:
        """How many more suffixes can be tried."""
        return self.left // len(self.targets)

    def run(self, suffixes: Sequence[str]) -> Floats:
        """Return the gain of each suffix, float64 [N]; those tried before cost nothing.

        Raises:
            OverBudget: more new ones than `affordable`.
            ValueError: one is empty.
        """
        if not all(suffix.strip() for suffix in suffixes):
            raise ValueError("a suffix needs words; an empty one, or one of blanks, changes nothing")
        new = [suffix for suffix in dict.fromkeys(suffixes) if suffix not in self.tried]
        if len(new) > self.affordable:
            raise OverBudget(f"{len(new)} suffixes were to be tried, and {self.affordable} can be")
        pairs = [(one.prompt, append(one.rejected, suffix)) for suffix in new for one in self.targets]
        rises = self.meter(pairs).reshape(len(new), len(self.targets)) - self.before
        for suffix, gain in zip(new, np.nan_to_num(rises, nan=0.0).mean(axis=1).tolist(), strict=True):
            self.tried[suffix] = gain
            if not self.history or gain > self.history[-1].gain:
                self.history.append(Step(self.meter.spent, gain, suffix))
        return np.array([self.tried[suffix] for suffix in suffixes])

    def spend(self, conversations: int) -> None:
        """Pay for what is not a trial, such as gradients.

        Raises:
            OverBudget: more than is `left`.
        """
        if conversations > self.left:
            raise OverBudget(f"{conversations} conversations were to be paid for, and {self.left} can be")
        self.meter.spend(conversations)

    def best(self, count: int) -> list[str]:
        """Return those with the largest gains, of equals the shorter first, no two mostly of the same words."""
        ranked = sorted(self.tried.items(), key=lambda found: (-found[1], len(found[0]), found[0]))
        kept: list[str] = []
        for suffix, _ in ranked:
            if len(kept) == count:
                break
            if all(_unlike(suffix, other) for other in kept):
                kept.append(suffix)
        return kept


def _unlike(suffix: str, other: str) -> bool:
    """Return whether two suffixes share at most half of their words."""
    one, two = set(suffix.split()), set(other.split())
    return 2 * len(one & two) <= min(len(one), len(two))
