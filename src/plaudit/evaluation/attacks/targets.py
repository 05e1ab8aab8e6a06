"""Targets: comparisons that an attack is searched and judged on, one of each prompt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from plaudit.preferences.groups import unit_names
from plaudit.preferences.preference import Content, Preference


class NothingToAttack(ValueError):
    """The data holds too few comparisons that people decided, or too few that can be scored."""


@dataclass(frozen=True, slots=True)
class Target:
    """A prompt, the response that people preferred, and the one they did not: the one that a suffix is put after."""

    prompt: Content
    chosen: Content
    rejected: Content


def draw(preferences: Sequence[Preference], count: int, seed: int = 0) -> list[Target]:
    """Return up to ``count`` comparisons in random order, no two of one group (without prompts, of one response).

    Ties and comparisons of weight 0 are left out, and those between equal texts.

    Args:
        preferences: records with comparisons; where a record has a prompt and no group, the prompt is the group.
        count: how many at most.
        seed: of the order.

    Raises:
        NothingToAttack: there are fewer than two.
    """
    rng = np.random.default_rng(seed)
    found: list[Target] = []
    used: set[str] = set()
    for place in rng.permutation(len(preferences)):
        found += _of_record(preferences[int(place)], used, count - len(found), rng)
        if len(found) >= count:
            break
    if len(found) < 2:
        raise NothingToAttack(
            f"{len(found)} comparisons to attack in {len(preferences)} records; an attack needs at least two that are "
            "no ties, of two prompts (or without prompts, of four responses): one to search on and one to judge by"
        )
    return found


def _of_record(preference: Preference, used: set[str], wanted: int, rng: np.random.Generator) -> Iterator[Target]:
    """Yield comparisons of a record whose units were not ``used`` yet, which they then are."""
    units = _units(preference)
    for place in rng.permutation(len(preference.comparisons)):
        edge = preference.comparisons[int(place)]
        chosen, rejected = (preference.responses[side].content for side in (edge.chosen, edge.rejected))
        own = units[edge.chosen] | units[edge.rejected]
        if edge.tie or edge.weight <= 0 or chosen == rejected or own & used:
            continue
        if wanted <= 0:
            return
        used |= own
        wanted -= 1
        yield Target(preference.prompt, chosen, rejected)


def _units(preference: Preference) -> list[set[str]]:
    """Return what each response of a record must not share with another target."""
    if preference.prompt:
        return [{preference.group or repr(preference.prompt)}] * len(preference.responses)
    names = unit_names(preference.responses, preference.source)
    return [{name, repr(each.content)} for name, each in zip(names, preference.responses, strict=True)]
