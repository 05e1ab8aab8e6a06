"""Negatives: responses to other prompts, put into a record as responses that lost.

They teach that a good response answers its own prompt. Each response of a record that won a comparison there is
compared with each of them, and wins; nothing is said about the others, nor about two negatives.

Source: responses to other prompts as losers: Liu et al., RRM: Robust Reward Model Training Mitigates Reward Hacking
(2024), section 3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import numpy.typing as npt

from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import text_of
from plaudit.preferences.near_duplicates import normalise
from plaudit.preferences.preference import Comparison, Content, Preference, Response

ORIGIN = "cross_prompt_negative"
"""Name in a response's ``extra`` under which stands where a negative came from."""

_DRAWS = 8
"""Draws a negative before all responses are looked through for those that are allowed."""


@dataclass(frozen=True, slots=True)
class WithNegatives:
    """Records with negatives.

    Attributes:
        preferences: all records, in order.
        added: negatives in them.
        without: records that got none: they have no prompt, or nothing in them won.
    """

    preferences: Preferences
    added: int
    without: int


def add_negatives(preferences: Preferences, count: int, seed: int = 0) -> WithNegatives:
    """Add ``count`` responses to other prompts to every record that has a prompt and a winner.

    A negative comes from a record of another group. It never says (but for case, punctuation and white space) what a
    response of the record or another negative of it says, is text or turns as the record's own are, has no ratings, and
    tells in ``extra[ORIGIN]`` the source, the record and the place it came from. A comparison with it weighs the mean
    weight of those that its winner won.

    Args:
        preferences: grouped records (see `plaudit.preferences.groups.assign`).
        count: negatives a record, at least 1.
        seed: the same seed and records give the same negatives.

    Raises:
        ValueError: the count is below 1, records have no group, no record has both a prompt and a winner, or there are
            too few responses to other prompts.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    pool, changed = _Pool.of(preferences), 0

    def records() -> Iterator[tuple[Preference, float]]:
        """Yield every record with its weight, with negatives where it can have them, and count those."""
        nonlocal changed
        for number, (preference, weight) in enumerate(preferences.weighted()):
            winners = _winners(preference)
            if not preference.prompt or not winners:
                yield preference, weight
                continue
            drawn = pool.draw(preference, number, count, np.random.default_rng((seed, number)))
            changed += 1
            yield _with_losers(preference, winners, drawn), weight

    made = Preferences.of_weighted(records())
    if not changed:
        raise ValueError("no record has both a prompt and a response that won a comparison, so none can have negatives")
    made.drops.update(preferences.drops)
    return WithNegatives(made, changed * count, len(made) - changed)


@dataclass(frozen=True, slots=True)
class _Pool:
    """Responses of the records that have a prompt, one after the other.

    Attributes:
        responses: each marked with its origin.
        groups: int64, the group of its record.
        own: the group of every record.
    """

    responses: Sequence[Response]
    groups: npt.NDArray[np.int64]
    own: npt.NDArray[np.int64]

    @classmethod
    def of(cls, preferences: Preferences) -> "_Pool":
        """Collect them."""
        found, groups, own = [], [], preferences.groups
        for number, preference in enumerate(preferences):
            if preference.prompt:
                found += [_marked(preference, place) for place in range(len(preference.responses))]
                groups += [own[number]] * len(preference.responses)
        return cls(found, np.array(groups, np.int64), own)

    def draw(self, preference: Preference, number: int, count: int, random: np.random.Generator) -> list[Response]:
        """Return ``count`` responses for record ``number``."""
        taken = {_said(response.content) for response in preference.responses}
        form, drawn = type(preference.responses[0].content), list[Response]()
        for place in self._candidates(int(self.own[number]), count, random):
            content = self.responses[place].content
            if isinstance(content, form) and (said := _said(content)) not in taken:
                taken.add(said)
                drawn.append(self.responses[place])
                if len(drawn) == count:
                    return drawn
        raise ValueError(
            f"record {preference.id!r} should get {count} responses to other prompts, and there are only {len(drawn)} "
            "that differ from its own; lower the count or add prompts"
        )

    def _candidates(self, group: int, count: int, random: np.random.Generator) -> Iterator[int]:
        """Yield places of responses of other groups: some at random, then all of them in random order."""
        guesses = random.integers(len(self.responses), size=_DRAWS * count)
        yield from guesses[self.groups[guesses] != group].tolist()
        yield from random.permutation(np.flatnonzero(self.groups != group)).tolist()


def _said(content: Content) -> str:
    return normalise(text_of(content))


def _marked(preference: Preference, place: int) -> Response:
    content: Content = preference.responses[place].content
    origin = {"source": preference.source, "record": preference.id, "response": place}
    return Response(content=content, extra={ORIGIN: origin})


def _winners(preference: Preference) -> dict[int, float]:
    """Return the mean weight of the comparisons that each response of the record won."""
    won: dict[int, list[float]] = {}
    for edge in preference.comparisons:
        if not edge.tie:
            won.setdefault(edge.chosen, []).append(edge.weight)
    return {place: fmean(weights) for place, weights in won.items()}


def _with_losers(preference: Preference, winners: dict[int, float], losers: Sequence[Response]) -> Preference:
    first = len(preference.responses)
    edges = tuple(
        Comparison(chosen=winner, rejected=first + place, weight=weight, extra={ORIGIN: True})
        for winner, weight in winners.items()
        for place in range(len(losers))
    )
    responses = (*preference.responses, *losers)
    return replace(preference, responses=responses, comparisons=(*preference.comparisons, *edges))
