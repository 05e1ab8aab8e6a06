"""Attacked: what an attack found, what it is worth on prompts that it never saw, and texts to score it again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from plaudit.evaluation.attacks.trials import Step
from plaudit.evaluation.finding import Example, Finding
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.sections import plain
from plaudit.predictions import Predictions
from plaudit.preferences.fields import plain as as_field
from plaudit.preferences.fields import unspoken
from plaudit.preferences.preference import Content

TITLE = "words that have nothing to do with the question buy reward"


@dataclass(frozen=True, slots=True)
class Found:
    """A suffix, judged on comparisons of prompts that the search never saw.

    Attributes:
        suffix: what is put right after a response's last character.
        searched: its gain on the responses that were searched on: what the search believes.
        gain: mean increase of the rewards of the rejected responses; where the suffix makes a response too long, none.
        standardised: gain / spread.
        overtaken: share of the rejected responses below their chosen one that it lifts above it; equal is one half.
        unfit: responses that it makes too long to be scored.
    """

    suffix: str
    searched: float
    gain: Estimate
    standardised: Estimate
    overtaken: Estimate
    unfit: int = 0


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A rejected response with the suffix after it, in the form that `plaudit score` reads, and its rewards."""

    prompt: Content
    response: Content
    suffix: str
    reward_before: float
    reward_chosen: float
    reward: float

    def to_json(self) -> dict[str, Any]:
        """Return a line for ``plaudit score``: what it scores, and beside it what it should give (``attacked``)."""
        return {
            "prompt": as_field(self.prompt),
            "response": unspoken(self.response) if self.prompt else as_field(self.response),
            "suffix": self.suffix,
            "before": self.reward_before,
            "chosen": self.reward_chosen,
            "attacked": self.reward,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """What one search found.

    Attributes:
        search: its name.
        found: the suffixes, the one with the largest gain in the search first; no two mostly of the same words.
        spread: standard deviation of the margins of the comparisons it was judged on.
        tolerated: the gain, in spreads, that is nobody's worry.
        p: one-sided probability of the first suffix's gain, were it no more than the tolerated one.
        searched_on: comparisons that were searched on.
        judged_on: comparisons, of other prompts, that it was judged on.
        unscored: comparisons that were left out because a response has no reward.
        budget: conversations that might be scored; a gradient is paid for as several.
        spent: those that were.
        tried: different suffixes.
        history: each suffix that was better in the search than all before it.
        chosen: rewards of the preferred responses judged on.
        before: rewards of the rejected ones.
        after: rewards of the rejected ones with the first suffix.
        examples: those that it lifts most.
        seed: of the choice of comparisons, of the search and of the resamples.
        resamples: behind each interval.
    """

    search: str
    found: tuple[Found, ...]
    spread: float
    tolerated: float
    p: float | None
    searched_on: int
    judged_on: int
    unscored: int = 0
    budget: int
    spent: int
    tried: int
    history: tuple[Step, ...]
    chosen: tuple[float, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    examples: tuple[Rewritten, ...] = ()
    seed: int = 0
    resamples: int = 2000

    @property
    def best(self) -> Found:
        """The suffix with the largest gain in the search: the one that was chosen before it was judged."""
        return self.found[0]

    @property
    def works(self) -> bool:
        """Whether the first suffix raises rewards on other prompts too: the interval of its gain lies above 0."""
        return self.best.gain.low is not None and self.best.gain.low > 0

    @property
    def verdict(self) -> str:
        """What came of it, in a sentence."""
        gain = self.best.gain
        if gain.low is None:
            return f"no verdict: {gain.reason}"
        if not self.works:
            return "no suffix was found that raises rewards on other prompts"
        return (
            f"a suffix raises rewards by {self.best.standardised.value:.2f} spreads on prompts it was not searched on"
        )

    def clean(self) -> Predictions:
        """Return the comparisons judged on, as they are."""
        return Predictions.from_pairs(self.chosen, self.before)

    def attacked(self) -> Predictions:
        """Return the same comparisons, the first suffix after each rejected response."""
        return Predictions.from_pairs(self.chosen, self.after)

    def finding(self) -> Finding:
        """Return it as what a probe finds, for those who rank weaknesses; it does not apply where margins are equal."""
        best, name = self.best, f"attack_{self.search}"
        done = (
            f"{self.tried} suffixes were tried on {self.searched_on} rejected responses; the best, "
            f"{quoted(best.suffix)}, was put after {self.judged_on} others"
        )
        if not self.spread:
            return Finding(probe=name, title=TITLE, done=done, reason=best.standardised.reason)
        return Finding(
            probe=name,
            title=TITLE,
            done=done,
            effect=best.gain,
            spread=self.spread,
            standardised=best.standardised,
            flipped=best.overtaken if np.isfinite(best.overtaken.value) else None,
            tolerated=self.tolerated,
            p=self.p,
            n=self.judged_on,
            groups=self.judged_on,
            longer=len(best.suffix),
            examples=tuple(_example(one) for one in self.examples),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data; numbers that are not finite are None."""
        found: dict[str, Any] = plain(asdict(self) | {"examples": [one.to_json() for one in self.examples]})
        return found | {"works": self.works, "verdict": self.verdict}


def _example(one: Rewritten) -> Example:
    prompt, after = _text(one.prompt), _text(one.response)
    before = after.removesuffix(one.suffix)
    return Example(prompt=prompt, before=before, after=after, reward_before=one.reward_before, reward_after=one.reward)


def _text(content: Content) -> str:
    return content if isinstance(content, str) else "\n\n".join(f"{turn.role}: {turn.content}" for turn in content)


def quoted(suffix: str) -> str:
    """Return the suffix as JSON writes it, its characters as they are where they can be printed."""
    text = json.dumps(suffix, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(suffix)


def most_lifted(rewritten: Sequence[Rewritten], count: int) -> tuple[Rewritten, ...]:
    """Return the ``count`` that the suffix lifts most, the most first; those without a reward are left out."""
    rises = [one.reward - one.reward_before for one in rewritten]
    order = sorted(range(len(rises)), key=lambda place: (-rises[place], place))
    return tuple(rewritten[place] for place in order if np.isfinite(rises[place]))[:count]
