"""Drawing: which preferences an experiment looks at, so that its cost is bounded and its result is the same every time.

A pair of responses is placed by a digest of its texts and the seed. So the draw is random, and does not depend on the
order of the records. First comes one pair of every group, then a second one of each, until there are enough. Groups are
those of `plaudit.preferences.groups`, or the prompts where none were assigned. Without a prompt every pair is a group
by itself, and no response is in two of them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from plaudit.preferences.groups import text_of
from plaudit.preferences.preference import Comparison, Content, Preference, Response


@dataclass(frozen=True, slots=True)
class Pair:
    """Two responses to one prompt, of which people preferred one.

    Attributes:
        prompt: what both answer; empty where there is none.
        chosen: the preferred response.
        rejected: the other.
        group: the unit of resampling.
        key: digest of the texts and the seed: two pairs have the same only if they are the same.
    """

    prompt: Content
    chosen: Content
    rejected: Content
    group: str
    key: str


def draw(preferences: Sequence[Preference], limit: int, seed: int = 0) -> tuple[Pair, ...]:
    """Return at most ``limit`` pairs of the preferences, from as many groups as possible; ties are left out.

    Drawing from what was drawn gives the same again.

    Raises:
        ValueError: the limit is below 1.
    """
    if limit < 1:
        raise ValueError(f"at least one pair has to be drawn, not {limit}")
    found = {pair.key: pair for preference in preferences for pair in _pairs(preference, seed)}
    taken, used = list[Pair](), set[str]()
    for pair in _by_turns(sorted(found.values(), key=lambda pair: pair.key)):
        sides = set() if pair.prompt else {_digest(pair.chosen), _digest(pair.rejected)}
        if not sides & used:
            taken.append(pair)
            used |= sides
        if len(taken) == limit:
            break
    return tuple(taken)


def as_preferences(pairs: Sequence[Pair]) -> tuple[Preference, ...]:
    """Return each pair as a preference of its own."""
    return tuple(
        Preference(
            prompt=pair.prompt,
            responses=(Response(content=pair.chosen), Response(content=pair.rejected)),
            comparisons=(Comparison(chosen=0, rejected=1),),
            group=pair.group,
        )
        for pair in pairs
    )


def _pairs(preference: Preference, seed: int) -> Iterator[Pair]:
    digests = [_digest(response.content) for response in preference.responses]
    prompt = _digest(preference.prompt)
    for edge in preference.comparisons:
        if edge.tie or not edge.weight or digests[edge.chosen] == digests[edge.rejected]:
            continue
        key = _digest(f"{seed} {prompt} {digests[edge.chosen]} {digests[edge.rejected]}")
        sides = preference.responses[edge.chosen].content, preference.responses[edge.rejected].content
        yield Pair(preference.prompt, *sides, (preference.group or prompt) if preference.prompt else key, key)


def _by_turns(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs so that the first of every group come first, then the second ones."""
    seen = Counter[str]()
    turns = []
    for pair in pairs:
        turns.append((seen[pair.group], pair.key, pair))
        seen[pair.group] += 1
    return [pair for _, _, pair in sorted(turns, key=lambda turn: turn[:2])]


def _digest(content: Content) -> str:
    return blake2b(text_of(content).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
