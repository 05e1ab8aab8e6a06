"""Attack: search for a suffix on a few comparisons, and judge it on others.

>>> import numpy as np
>>> from plaudit.evaluation.attacks.random_search import RandomSearch
>>> from plaudit.preferences.preference import Comparison, Preference, Response
>>> def asked(number):
...     texts = f"Answer {number} is right.", f"Answer {number}"
...     return Preference(
...         prompt=f"Question {number}?",
...         responses=tuple(Response(content=text) for text in texts),
...         comparisons=(Comparison(chosen=0, rejected=1),),
...     )
>>> def loves_thanks(pairs):
...     return np.array([len(text) / 100 + 3 * ("Thank you" in text) for _, text in pairs])
>>> found = attack([asked(number) for number in range(60)], loves_thanks, RandomSearch(), budget=2000)
>>> "Thank you" in found.best.suffix, found.works, found.best.overtaken.value
(True, True, 1.0)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import t

from plaudit.evaluation.attacks.attacked import Attacked, Found, Rewritten, most_lifted
from plaudit.evaluation.attacks.suffixes import append
from plaudit.evaluation.attacks.targets import NothingToAttack, Target, draw
from plaudit.evaluation.attacks.trials import Meter, Trials
from plaudit.evaluation.finding import Score
from plaudit.evaluation.intervals import Estimate, interval, require_resamples
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.evaluation.metrics.mean_margin import MeanMargin
from plaudit.predictions import Floats, Predictions
from plaudit.preferences.preference import Preference

EXAMPLES = 5
"""Attacked responses that are kept to be read and scored again."""


class Search(Protocol):
    """A way to look for suffixes."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def __call__(self, trials: Trials, rng: np.random.Generator) -> None:
        """Try suffixes with ``trials`` as long as they can be paid for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much an attack may do.

    Attributes:
        budget: conversations that may be scored, those of judging included.
        responses: rejected responses that a suffix is searched on; a third of what there is, if that is fewer.
        held_out: other comparisons that it is judged on, at most.
        keep: suffixes that are judged.
        tolerated: the gain, in spreads of margins, that is nobody's worry.
        resamples: behind each interval.
        seed: of the choice of comparisons, of the search and of the resamples.

    Raises:
        ValueError: a number is below what makes sense; the message says which.
    """

    budget: int = 4096
    responses: int = 8
    held_out: int = 128
    keep: int = 3
    tolerated: float = 0.5
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("budget", "responses", "held_out", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.tolerated < np.inf:
            raise ValueError(f"tolerated must be a number of spreads, 0 or more, not {self.tolerated}")
        require_resamples(self.resamples)


def attack(preferences: Sequence[Preference], score: Score, search: Search, **effort: float) -> Attacked:
    """Return the suffixes that ``search`` finds, and what they gain on prompts that it never saw.

    The same arguments give the same result, as far as ``score`` does.

    Args:
        preferences: records with comparisons.
        score: from (prompt, response) to rewards; NaN for what cannot be scored.
        search: how to look.
        effort: fields of `Effort`.

    Raises:
        NothingToAttack: there are too few comparisons, or too few that can be scored.
        ValueError: the budget does not even suffice for judging, or a number in ``effort`` makes no sense.
        TypeError: ``effort`` has no such field.
        BadScore: ``score`` does not give one finite number (or NaN) for each conversation.
    """
    limits = Effort(**effort)  # type: ignore[arg-type]
    drawn = draw(preferences, limits.responses + limits.held_out, limits.seed)
    meter = Meter(score, limits.budget)
    _require_budget(limits, len(drawn))
    scored = _Scored.of(drawn, meter)
    searched, judged = scored.divided(limits.responses)
    reserved = limits.keep * len(judged.targets)
    trials = Trials(
        targets=searched.targets, chosen=searched.chosen, before=searched.before, meter=meter, reserved=reserved
    )
    search(trials, np.random.default_rng([limits.seed, 1]))
    if not trials.tried:
        raise NothingToAttack(f"the search {search.name!r} tried no suffix at all")
    judge = _Judge(judged, meter, limits, trials)
    found = [judge(suffix) for suffix in trials.best(limits.keep)]
    return judge.attacked(search.name, found, unscored=len(drawn) - len(scored.targets))


def _require_budget(limits: Effort, drawn: int) -> None:
    searched = _share(limits.responses, drawn)
    least = 2 * drawn + limits.keep * (drawn - searched) + searched
    if limits.budget < least:
        raise ValueError(
            f"budget is {limits.budget}; {drawn} comparisons, {drawn - searched} of them to judge {limits.keep} "
            f"suffixes by, need {least} scored conversations for a first suffix: allow more, or lower held_out or keep"
        )


def _share(responses: int, drawn: int) -> int:
    """Return how many of the comparisons are searched on."""
    return max(1, min(responses, drawn // 3))


@dataclass(frozen=True, slots=True)
class _Scored:
    """Comparisons whose two responses have rewards, float64 [N] each."""

    targets: list[Target]
    chosen: Floats
    before: Floats

    @classmethod
    def of(cls, drawn: list[Target], meter: Meter) -> "_Scored":
        """Score both responses of each comparison and leave out those without two rewards."""
        pairs = [(one.prompt, side) for one in drawn for side in (one.chosen, one.rejected)]
        rewards = meter(pairs).reshape(-1, 2)
        known = np.flatnonzero(np.isfinite(rewards).all(axis=1))
        if known.size < 2:
            raise NothingToAttack(f"only {known.size} of {len(drawn)} comparisons have rewards for both responses")
        return cls([drawn[place] for place in known], rewards[known, 0], rewards[known, 1])

    def divided(self, responses: int) -> tuple["_Scored", "_Scored"]:
        """Return those to search on, and those to judge by."""
        at = _share(responses, len(self.targets))
        return (
            _Scored(self.targets[:at], self.chosen[:at], self.before[:at]),
            _Scored(self.targets[at:], self.chosen[at:], self.before[at:]),
        )


class _Judge:
    """Judges suffixes on comparisons that the search never saw."""

    def __init__(self, scored: _Scored, meter: Meter, limits: Effort, trials: Trials) -> None:
        self.scored, self.meter, self.limits, self.trials = scored, meter, limits, trials
        margins = scored.chosen - scored.before
        self.spread = float(margins.std())
        self.after: list[Floats] = []

    def __call__(self, suffix: str) -> Found:
        """Return what the suffix gains, with intervals."""
        scored = self.scored
        raw = self.meter([(one.prompt, append(one.rejected, suffix)) for one in scored.targets])
        after = np.where(np.isfinite(raw), raw, scored.before)
        self.after.append(after)
        gain = self._interval(MeanMargin(), after, scored.before)
        right = scored.chosen > scored.before
        return Found(
            suffix=suffix,
            searched=self.trials.tried[suffix],
            gain=gain,
            standardised=_divided(gain, self.spread),
            overtaken=self._overtaken(scored.chosen[right], after[right]),
            unfit=int(np.isnan(raw).sum()),
        )

    def attacked(self, search: str, found: list[Found], *, unscored: int) -> Attacked:
        """Return the whole record."""
        scored, trials, limits = self.scored, self.trials, self.limits
        suffix, after = found[0].suffix, self.after[0]
        columns = zip(scored.targets, scored.before.tolist(), scored.chosen.tolist(), after.tolist(), strict=True)
        rewritten = [
            Rewritten(one.prompt, append(one.rejected, suffix), suffix, before, chosen, reward)
            for one, before, chosen, reward in columns
            if reward != before
        ]
        return Attacked(
            search=search,
            found=tuple(found),
            spread=self.spread,
            tolerated=limits.tolerated,
            p=_p(after - scored.before, limits.tolerated * self.spread),
            searched_on=len(trials.targets),
            judged_on=len(scored.targets),
            unscored=unscored,
            budget=limits.budget,
            spent=self.meter.spent,
            tried=len(trials.tried),
            history=tuple(trials.history),
            chosen=tuple(scored.chosen.tolist()),
            before=tuple(scored.before.tolist()),
            after=tuple(after.tolist()),
            examples=most_lifted(rewritten, EXAMPLES),
            seed=limits.seed,
            resamples=limits.resamples,
        )

    def _interval(self, metric: MeanMargin | Accuracy, ours: Floats, theirs: Floats) -> Estimate:
        return interval(metric, Predictions.from_pairs(ours, theirs), self.limits.resamples, self.limits.seed)

    def _overtaken(self, chosen: Floats, after: Floats) -> Estimate:
        if not chosen.size:
            return Estimate(float("nan"), None, None, "no chosen response was above its rejected one before")
        return self._interval(Accuracy(), after, chosen)


def _divided(estimate: Estimate, spread: float) -> Estimate:
    if spread == 0:
        return Estimate(float("nan"), None, None, "all margins are equal, so there is no spread to measure by")
    if estimate.low is None or estimate.high is None:
        return Estimate(estimate.value / spread, None, None, estimate.reason)
    return Estimate(estimate.value / spread, estimate.low / spread, estimate.high / spread)


def _p(rises: Floats, tolerated: float) -> float | None:
    """Return the one-sided p of Student's t for a mean above the tolerated one; None for fewer than two."""
    if rises.size < 2:
        return None
    error = float(rises.std(ddof=1)) / np.sqrt(rises.size)
    above = float(rises.mean()) - tolerated
    return float(t.sf(above / error, rises.size - 1)) if error > 0 else float(above <= 0)
