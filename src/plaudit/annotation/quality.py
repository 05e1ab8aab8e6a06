"""How good the answers of each annotator are: known answers, attention, speed, agreement, habits; with intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from scipy.stats import binomtest

from plaudit.annotation.exporting import export
from plaudit.annotation.records import TIE, Given, Task
from plaudit.labels.agreement import Agreement, agreement
from plaudit.labels.votes import NoVotes, Votes

ENOUGH = 20
"""From so many answers on, habits are looked at."""

GOLD_FLOOR = 0.7
"""An annotator whose accuracy on known answers is surely below this is flagged."""

FAILED_CHECKS = 2
"""From so many failed attention checks on, an annotator is flagged."""

HURRY = 1 / 3
"""An annotator whose median time is below this part of the median of all is flagged."""

UNLIKELY = 0.001
"""How improbable a lean to one side of the screen has to be before it is flagged."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, with an exact 95 % interval; without any there is no share.

    The interval is Clopper and Pearson's: the ends at which the count would have a probability of 2.5 %.
    """

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """Return the share, or None of none."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the ends of the interval, or None of none."""
        if not self.of:
            return None
        found = binomtest(self.hits, self.of).proportion_ci(0.95, "exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorQuality:
    """What is known of one annotator's work.

    Attributes:
        name: of the annotator.
        answered: real tasks answered.
        skipped: tasks skipped, of any kind but practice.
        gold: known answers given rightly.
        checks: attention checks passed.
        others: answers that say the same as another annotator's to the same task, over all such pairs.
        first: answers that prefer what stood first on the screen, of those about two responses that prefer one.
        seconds: median time of an answer, None where there is none.
        flags: sentences about what should be looked at.
    """

    name: str
    answered: int
    skipped: int
    gold: Share
    checks: Share
    others: Share
    first: Share
    seconds: float | None
    flags: tuple[str, ...]


def quality(answers: Iterable[Given]) -> list[AnnotatorQuality]:
    """Return what is known of every annotator's work, by name; practice does not count."""
    by_name: dict[str, list[Given]] = {}
    for given in answers:
        if given.role != "practice":
            by_name.setdefault(given.annotator, []).append(given)
    agreed = _agreed(by_name)
    usual = median([median(times) for said in by_name.values() if (times := _times(said))] or [0.0])
    return [_quality(name, by_name[name], agreed[name], usual) for name in sorted(by_name)]


def live_agreement(tasks: Iterable[Task], answers: Iterable[Given], resamples: int = 500) -> Agreement | None:
    """Return how far annotators agree on real tasks, or None while no two have judged the same one."""
    preferences = export(tasks, answers).preferences
    try:
        return agreement(Votes.of(preferences), resamples=resamples)
    except NoVotes:
        return None


def _agreed(by_name: Mapping[str, Sequence[Given]]) -> dict[str, Share]:
    by_task: dict[str, list[Given]] = {}
    for said in by_name.values():
        for given in said:
            if given.role == "real" and given.chosen is not None:
                by_task.setdefault(given.task, []).append(given)
    hits, of = dict.fromkeys(by_name, 0), dict.fromkeys(by_name, 0)
    for said in by_task.values():
        for one in said:
            for other in said:
                if one.annotator != other.annotator:
                    hits[one.annotator] += one.chosen == other.chosen
                    of[one.annotator] += 1
    return {name: Share(hits[name], of[name]) for name in by_name}


def _quality(name: str, said: Sequence[Given], others: Share, usual: float) -> AnnotatorQuality:
    gold, checks = _right(said, "gold"), _right(said, "check")
    decided = [given for given in said if given.choice in ("A", "B")]
    first = Share(sum(given.choice == "A" for given in decided), len(decided))
    times = _times(said)
    seconds = median(times) if times else None
    flags = (
        *_gold_flags(gold, checks),
        *_speed_flags(seconds, usual, len(times)),
        *_habit_flags(first, [given.choice for given in said]),
    )
    return AnnotatorQuality(
        name=name,
        answered=sum(given.role == "real" and given.chosen is not None for given in said),
        skipped=sum(given.chosen is None for given in said),
        gold=gold,
        checks=checks,
        others=others,
        first=first,
        seconds=seconds,
        flags=flags,
    )


def _times(said: Sequence[Given]) -> list[float]:
    return [given.seconds for given in said if given.chosen is not None]


def _right(said: Sequence[Given], role: str) -> Share:
    known = [given for given in said if given.role == role and given.chosen is not None and given.expected is not None]
    return Share(sum(_is_right(given) for given in known), len(known))


def _is_right(given: Given) -> bool:
    """Return whether the answer is the expected one; where the expected one is a tie, "both bad" is right too."""
    return given.chosen == given.expected if given.expected != TIE else given.chosen == TIE


def _gold_flags(gold: Share, checks: Share) -> list[str]:
    flags = []
    if gold.interval is not None and gold.interval[1] < GOLD_FLOOR:
        flags.append(f"{gold.hits} of {gold.of} known answers right: surely below {GOLD_FLOOR:.0%}")
    if checks.of - checks.hits >= FAILED_CHECKS:
        flags.append(f"{checks.of - checks.hits} of {checks.of} attention checks failed")
    return flags


def _speed_flags(seconds: float | None, usual: float, count: int) -> list[str]:
    if seconds is None or count < ENOUGH or seconds >= HURRY * usual:
        return []
    return [f"median time {seconds:.1f} s, where {usual:.1f} s is usual"]


def _habit_flags(first: Share, choices: Sequence[str]) -> list[str]:
    flags = []
    if first.of >= ENOUGH and binomtest(first.hits, first.of).pvalue < UNLIKELY:
        flags.append(f"prefers what stands first in {first.hits} of {first.of} answers, though sides are balanced")
    if len(choices) >= ENOUGH and len(set(choices)) == 1 and choices[0] not in ("A", "B", "ranked"):
        flags.append(f"has answered {choices[0]!r} every time ({len(choices)} times)")
    return flags
