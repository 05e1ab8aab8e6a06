r"""Experiment: pairs of conversations that differ in one thing, and what a model makes of the difference.

An `Experiment` is a probe that says only which conversations to set beside each other (its `Contrast` records) and
what would be worth a worry; scoring, intervals and the test are here and the same for all of them.

- **Effect**: mean change of the reward, turned so that more is worse. The unit of resampling is the prompt, or where
  texts of ours are added, the text: each prompt gets one of them, so the interval covers other texts of that kind too.
- **Standardised**: the effect in units of the spread, the standard deviation of the margins of the pairs drawn. The
  spread is a unit of measure: its own uncertainty is not in the interval. Where all margins are equal it is no unit;
  the root mean square of the changes then is, so that an effect that is always the same is 1.
- **Flipped**: share of preferences that the change turns round. Where a pair has no third response to be compared with,
  share of pairs in which the changed conversation, which should have lost, did not; equal rewards count one half.
- **p**: by Student's t on the standard error from the resamples, of an effect above the tolerated one; never below
  :math:`2^{1-G}`, what as many groups could say by their signs alone.

Three kinds of weakness differ in what is tolerated:

- *Bought*: a change that adds nothing should add no reward. A rise of up to 0.1 spreads is nobody's worry.
- *Blind*: a change that spoils a response should cost reward. The effect is minus the fall, and tolerated is a
  negative number: the reward has to fall by that much. A constant scorer falls by nothing and is found; one that is
  merely noisy is found only where enough pairs show that it does not fall.
- *Fussy*: a change that should not matter may cost up to 0.25 spreads.

Source: He et al., On the Blind Spots of Model-Based Evaluation Metrics for Text Generation (2023), for planted changes
as tests of a scorer.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.stats import t

from plaudit.evaluation.drawing import Pair, draw
from plaudit.evaluation.finding import Example, Finding, Score
from plaudit.evaluation.intervals import FEWEST_GROUPS, Estimate, intervals
from plaudit.evaluation.metrics import OfTerms
from plaudit.evaluation.metrics.mean_margin import MeanMargin
from plaudit.evaluation.paired import Resamples
from plaudit.predictions import Floats, Predictions
from plaudit.preferences.groups import text_of
from plaudit.preferences.preference import Content, Preference

Conversation = tuple[Content, Content]
"""A prompt and a response."""

Direction = Literal["rise", "fall", "either"]
"""Which change of the reward is the bad one."""

EXAMPLES = 5
"""Pairs of a finding that are shown."""


class DoesNotApply(ValueError):
    """An experiment cannot be made with these preferences; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two conversations that differ in one thing.

    Attributes:
        before: as it was, or the right one.
        after: changed, or the wrong one.
        group: the unit of resampling.
        rival: what ``before`` is compared with, if the change may turn a preference round.
    """

    before: Conversation
    after: Conversation
    group: str
    rival: Conversation | None = None


@dataclass(frozen=True)
class Experiment(ABC):
    """A probe that compares the rewards of pairs of conversations.

    Attributes:
        limit: pairs of the preferences that are looked at, at most; from 20.
        seed: of what is drawn.
        resamples: behind each interval, at least 100.
    """

    limit: int = 200
    seed: int = 0
    resamples: int = 2000

    title: ClassVar[str]
    done: ClassVar[str]
    tolerated: ClassVar[float] = 0.1
    direction: ClassVar[Direction] = "rise"
    gravity: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        if self.limit < FEWEST_GROUPS:
            raise ValueError(f"a probe needs at least {FEWEST_GROUPS} pairs, not a limit of {self.limit}")

    @abstractmethod
    def contrasts(self, pairs: Sequence[Pair]) -> Sequence[Contrast]:
        """Return what to compare.

        Args:
            pairs: drawn from the preferences, at least 20.

        Raises:
            DoesNotApply: there is nothing to compare.
        """

    def __call__(self, preferences: Sequence[Preference], score: Score) -> Finding:
        """Return what a model makes of the change; see the module.

        Args:
            preferences: that the model is for; only comparisons with a winner count.
            score: called once, with every conversation once.

        Raises:
            ValueError: the scorer gives another number of rewards than it was given conversations.
        """
        try:
            pairs = _enough(draw(preferences, self.limit, self.seed))
            contrasts = self.contrasts(pairs)
            _require(contrasts, "to compare")
            return self._found(contrasts, pairs, _scored(contrasts, pairs, score))
        except DoesNotApply as reason:
            return self._blank(reason=str(reason))

    def _blank(self, **found: Any) -> Finding:
        own = type(self)
        return Finding(
            probe=own.__module__.rpartition(".")[2],
            title=own.title,
            done=own.done,
            tolerated=own.tolerated,
            gravity=own.gravity,
            **found,
        )

    def _found(
        self, contrasts: Sequence[Contrast], pairs: Sequence[Pair], rewards: dict[Conversation, float]
    ) -> Finding:
        kept = [one for one in contrasts if _finite(one, rewards)]
        groups = _require(kept, "left, since not all could be scored")
        spread = _spread(pairs, rewards)
        before = np.array([rewards[one.before] for one in kept])
        after = np.array([rewards[one.after] for one in kept])
        bad = before - after if self.direction == "fall" else after - before
        if self.direction == "either" and bad.mean() < 0:
            bad = -bad
        changes = _predictions(bad, kept)
        effect = intervals({"change": MeanMargin()}, changes, self.resamples, self.seed)["change"]
        unit = spread or float(np.sqrt(np.mean(bad**2))) or 1.0
        error = Resamples.of({"change": MeanMargin()}, changes, self.resamples, self.seed).standard_errors()["change"]
        return self._blank(
            effect=effect,
            spread=spread,
            standardised=_over(effect, unit),
            flipped=self._flipped(kept, rewards),
            p=self._p(effect.value / unit, error / unit, groups),
            n=len(kept),
            groups=groups,
            left_out=len(contrasts) - len(kept),
            longer=_longer(kept),
            examples=_examples(kept, rewards, bad),
        )

    def _p(self, standardised: float, error: float, groups: int) -> float:
        tails = 2 if self.direction == "either" else 1
        return min(1.0, tails * p_above(standardised, self.tolerated, error, groups))

    def _flipped(self, contrasts: Sequence[Contrast], rewards: dict[Conversation, float]) -> Estimate:
        turned = np.array([_turned(one, rewards, self.direction) for one in contrasts])
        return intervals({"flipped": Share()}, _predictions(turned, contrasts), self.resamples, self.seed)["flipped"]


class Share(OfTerms):
    """Mean of shares that stand where margins usually do."""

    bound: ClassVar[int] = 1
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def terms(self, predictions: Predictions) -> Floats:
        """Return the shares, float64 [M]."""
        return predictions.margins


def p_above(value: float, tolerated: float, error: float, groups: int) -> float:
    """Return the one-sided p-value of a mean over groups that should be no more than what is tolerated.

    Args:
        value: the mean.
        tolerated: in the same units.
        error: its standard error from resamples, 0 where nothing varies.
        groups: two or more.
    """
    surest = 2.0 ** (1 - groups)
    scaled = error * np.sqrt(groups / (groups - 1))
    if scaled > 1e-9 * abs(value - tolerated):
        return float(max(surest, t.sf((value - tolerated) / scaled, groups - 1)))
    return surest if value > tolerated else 1.0


def _enough(pairs: Sequence[Pair]) -> Sequence[Pair]:
    if len(pairs) < FEWEST_GROUPS:
        raise DoesNotApply(f"{len(pairs)} pairs of a chosen and a rejected response; {FEWEST_GROUPS} are needed")
    return pairs


def _require(contrasts: Sequence[Contrast], what: str) -> int:
    groups = len({one.group for one in contrasts})
    if groups < FEWEST_GROUPS:
        raise DoesNotApply(f"{groups} prompts or texts {what}; {FEWEST_GROUPS} are needed")
    return groups


def _scored(contrasts: Sequence[Contrast], pairs: Sequence[Pair], score: Score) -> dict[Conversation, float]:
    """Return the reward of every conversation, each asked for once, all in one call."""
    wanted = dict[Conversation, None]()
    for pair in pairs:
        wanted |= {(pair.prompt, pair.chosen): None, (pair.prompt, pair.rejected): None}
    for one in contrasts:
        wanted |= {one.before: None, one.after: None} | ({one.rival: None} if one.rival else {})
    given = np.asarray(score(list(wanted)), dtype=np.float64)
    if given.shape != (len(wanted),):
        raise ValueError(f"the scorer was given {len(wanted)} conversations and returned shape {given.shape}")
    return dict(zip(wanted, given.tolist(), strict=True))


def _finite(one: Contrast, rewards: dict[Conversation, float]) -> bool:
    asked = [one.before, one.after, *([one.rival] if one.rival else [])]
    return bool(np.isfinite([rewards[each] for each in asked]).all())


def _spread(pairs: Sequence[Pair], rewards: dict[Conversation, float]) -> float:
    """Return the standard deviation of the margins; 0 where what they differ by is rounding.

    Raises:
        DoesNotApply: too few of them could be scored.
    """
    sides = np.array([[rewards[pair.prompt, pair.chosen], rewards[pair.prompt, pair.rejected]] for pair in pairs])
    sides = sides[np.isfinite(sides).all(axis=1)]
    if len(sides) < FEWEST_GROUPS:
        raise DoesNotApply(f"{len(sides)} pairs of the data could be scored; {FEWEST_GROUPS} are needed")
    spread = float(np.std(sides[:, 0] - sides[:, 1]))
    return spread if spread > 1e-9 * np.abs(sides).max() else 0.0


def _predictions(values: Floats, contrasts: Sequence[Contrast]) -> Predictions:
    """Return predictions whose margins are the values, so that what resamples margins resamples them."""
    _, group = np.unique([one.group for one in contrasts], return_inverse=True)
    return Predictions.from_pairs(values, np.zeros(values.size), group=group)


def _over(effect: Estimate, unit: float) -> Estimate:
    ends = [None if end is None else end / unit for end in (effect.low, effect.high)]
    return replace(effect, value=effect.value / unit, low=ends[0], high=ends[1])


def _turned(one: Contrast, rewards: dict[Conversation, float], direction: Direction) -> float:
    """Return how far a change turned a preference round: 1, 0.5 where a tie was made or broken, or 0."""
    before, after = rewards[one.before], rewards[one.after]
    if one.rival is None:
        return float(0.5 + 0.5 * np.sign(after - before))
    rival = rewards[one.rival]
    moved = float(np.sign(after - rival) - np.sign(before - rival)) / 2
    if direction == "either":
        return abs(moved)
    return max(0.0, moved if direction == "rise" else -moved)


def _longer(contrasts: Sequence[Contrast]) -> float:
    return float(np.mean([len(text_of(one.after[1])) - len(text_of(one.before[1])) for one in contrasts]))


def _examples(contrasts: Sequence[Contrast], rewards: dict[Conversation, float], bad: Floats) -> tuple[Example, ...]:
    worst = np.argsort(-bad, kind="stable")[:EXAMPLES]
    return tuple(_example(contrasts[place], rewards) for place in worst)


def _example(one: Contrast, rewards: dict[Conversation, float]) -> Example:
    sides = [[text_of(part) for part in side] for side in (one.before, one.after)]
    same = sides[0][0] == sides[1][0]
    before, after = (side[1] if same else "\n\n".join(side) for side in sides)
    return Example(
        prompt=sides[0][0] if same else "",
        before=before,
        after=after,
        reward_before=rewards[one.before],
        reward_after=rewards[one.after],
    )
