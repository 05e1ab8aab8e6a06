"""What a probe found: one weakness, its size in three units, and texts to read."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plaudit.evaluation.intervals import Estimate
from plaudit.predictions import Floats
from plaudit.preferences.preference import Content

Score = Callable[[Sequence[tuple[Content, Content]]], Floats]
"""From pairs of a prompt and a response to one reward each, float64 [N]; NaN for a pair that cannot be scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Two conversations that differ in one thing, and what they were given.

    Attributes:
        prompt: what both answer, as text; where the prompt is what was changed, ``before`` and ``after`` show it.
        before: the text as it was, or the right one.
        after: the changed text, or the wrong one.
        reward_before: reward of the first.
        reward_after: reward of the second.
    """

    prompt: str
    before: str
    after: str
    reward_before: float
    reward_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one probe found; decision 0015 says what the numbers are.

    Attributes:
        probe: its name in ``evaluation/probes``.
        title: the weakness that it looks for, in plain words.
        done: one sentence on what was compared with what.
        reason: why the probe does not apply here, else ``""``; the numbers below are then None.
        effect: mean change of reward, positive where the weakness shows.
        spread: standard deviation of the margins of the data that was given, in reward units.
        standardised: effect / spread.
        flipped: share of preferences that the change turns round.
        tolerated: the standardised effect that is nobody's worry.
        p: one-sided probability of so large an effect, were it no more than the tolerated one.
        n: pairs compared.
        groups: prompts or templates that they come from: the units that were resampled.
        left_out: pairs that were not compared because a reward was not a finite number.
        longer: characters that the change adds to a response, on average.
        gravity: what the severity of a worry about it is multiplied by.
        examples: the pairs that changed most.
    """

    probe: str
    title: str
    done: str
    reason: str = ""
    effect: Estimate | None = None
    spread: float | None = None
    standardised: Estimate | None = None
    flipped: Estimate | None = None
    tolerated: float = 0.0
    p: float | None = None
    n: int = 0
    groups: int = 0
    left_out: int = 0
    longer: float = 0.0
    gravity: float = 1.0
    examples: tuple[Example, ...] = ()

    @property
    def applies(self) -> bool:
        """Whether there was something to compare."""
        return not self.reason

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)
