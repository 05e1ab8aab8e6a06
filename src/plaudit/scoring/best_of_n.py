"""Responses put in order by their rewards, and how sure that order is."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from plaudit.calibration.calibrators import Identity
from plaudit.calibration.shipped import Chance, described
from plaudit.preferences.preference import Content


@dataclass(frozen=True, slots=True)
class Score:
    """What a response is worth.

    Attributes:
        reward: in full precision; NaN only where ``refused`` says why there is none.
        tokens: length of the scored sequence, its prompt included.
        cut: how many tokens of the prompt were left out to make it fit.
        cached: whether the reward came from the cache.
        refused: why there is no reward (a word), or "".
        parts: what the reward is made of (attributes, members), by name; empty where the model has one number.
        variance: of the reward, or None where the model has none.
        adjusted: the reward without what it owes to length, or None where the model carries no adjustment.
        by_adjusted: whether it is that which orders, as the Scorer was asked to.
        deviations: float32 [D], only where asked for: the squared distance of two responses' deviations is the variance
            of their margin. None where the model's rewards err independently, so that variances add.
    """

    reward: float
    tokens: int = 0
    cut: int = 0
    cached: bool = False
    refused: str = ""
    parts: Mapping[str, float] = field(default_factory=dict, hash=False)
    variance: float | None = None
    adjusted: float | None = None
    by_adjusted: bool = False
    deviations: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def __float__(self) -> float:
        """Return what orders: the reward, or where that was asked for, the adjusted one."""
        return self.reward if self.adjusted is None or not self.by_adjusted else self.adjusted

    @property
    def std(self) -> float | None:
        """Standard deviation of the reward, in its units, or None where the model has none."""
        return None if self.variance is None else math.sqrt(self.variance)

    @property
    def truncated(self) -> bool:
        """Whether the prompt was cut."""
        return self.cut > 0


@dataclass(frozen=True, slots=True)
class Ranked:
    """A response and its place among the others.

    Attributes:
        index: where it was in the list that was ranked.
        response: itself.
        score: its score.
        over_next: how likely it is preferred to the one that comes next; None for the last.
    """

    index: int
    response: Content
    score: Score
    over_next: Chance | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two responses to one prompt.

    Attributes:
        first: score of the first response.
        second: score of the second.
        chance: how likely the first is preferred to the second.
    """

    first: Score
    second: Score
    chance: Chance

    @property
    def margin(self) -> float:
        """What orders of the first, less that of the second."""
        return float(self.first) - float(self.second)

    @property
    def probability(self) -> float:
        """How likely the first is preferred to the second."""
        return self.chance.probability

    @property
    def calibrated(self) -> bool:
        """Whether the probability is of a fitted map, and not merely the sigmoid of the margin."""
        return self.chance.kind not in ("", Identity.kind)

    @property
    def abstains(self) -> bool:
        """Whether the margin is too narrow to decide, by the rule that is shipped; never without one."""
        return self.chance.decided is False

    @property
    def sentence(self) -> str:
        """The probability, what it is worth and whether it is enough to decide, in words."""
        text = f"the first is preferred with probability {self.probability:.3f} ({described(self.chance.kind)})"
        if self.chance.error is None:
            return text
        verdict = "abstains: the margin is too narrow" if self.abstains else "decides"
        return f"{text}; {verdict} for at most {self.chance.error:.1%} wrong decisions"


def in_order(
    responses: Sequence[Content], scores: Sequence[Score], chance: Callable[[Score, Score], Chance] | None = None
) -> list[Ranked]:
    """Return the responses with the best first; equal rewards keep the order they came in.

    Args:
        responses: to one prompt.
        scores: of each.
        chance: how likely a response of the first score is preferred to one of the second; asked for neighbours.
    """
    order = sorted(range(len(scores)), key=lambda index: -float(scores[index]))
    following = [*order[1:], None][: len(order)]
    return [
        Ranked(
            index,
            responses[index],
            scores[index],
            None if chance is None or after is None else chance(scores[index], scores[after]),
        )
        for index, after in zip(order, following, strict=True)
    ]
