"""Responses put in order by their rewards."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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
    deviations: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def __float__(self) -> float:
        """Return the reward."""
        return self.reward

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
    """

    index: int
    response: Content
    score: Score


def in_order(responses: Sequence[Content], scores: Sequence[Score]) -> list[Ranked]:
    """Return the responses with the best first; equal rewards keep the order they came in."""
    ranked = [Ranked(index, *both) for index, both in enumerate(zip(responses, scores, strict=True))]
    return sorted(ranked, key=lambda one: -one.score.reward)
