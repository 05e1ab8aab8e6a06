"""Which comparisons could be labelled: pairs of responses to one prompt, each once, the sides in no telling order."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np

from plaudit.labels.pool import BadPool
from plaudit.preferences.fields import plain
from plaudit.preferences.preference import Content, Preference, Response

Which = Literal["auto", "compared", "all"]
EQUAL, TWICE, LABELLED, OVER = "equal responses", "found before", "labelled already", "beyond the limit"
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two responses that could be compared.

    Attributes:
        id: of the prompt and both texts, whichever comes first.
        prompt: what they answer; empty where there is none.
        sides: both, in an order that hangs on their texts alone, so that it does not tell who won elsewhere.
        group: the prompt's, for spreading a batch.
        source: of the record.
    """

    id: str
    prompt: Content
    sides: tuple[Response, Response]
    group: str
    source: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """What could be labelled.

    Attributes:
        found: each pair once.
        left_out: how many pairs were left out, by reason.
    """

    found: tuple[Candidate, ...]
    left_out: Counter[str] = field(default_factory=Counter)


def candidates(
    preferences: Iterable[Preference],
    *,
    which: Which = "auto",
    labelled: Iterable[Preference] = (),
    block: int = 8,
    limit: int = 0,
    seed: int = 0,
) -> Candidates:
    """Return the pairs of responses that could be labelled. Labels and ratings are not looked at.

    Args:
        preferences: the records.
        which: ``compared``, the pairs that records compare; ``all`` pairs of the responses of each record; ``auto``,
            the compared ones of records that compare, and all of others.
        labelled: records whose compared pairs are left out.
        block: records of one response without a prompt are shuffled and dealt into blocks of so many, and all pairs of
            a block are taken.
        limit: so many are kept, drawn at random; 0 keeps all.
        seed: of the blocks and of that draw.

    Raises:
        BadPool: there is no pair, or a setting makes no sense.
    """
    if which not in ("auto", "compared", "all") or block < 2 or limit < 0:
        raise BadPool(
            f"which {which!r}, block {block}, limit {limit}: should be auto, compared or all; 2 or more; 0 or more"
        )
    known = {_candidate(record, pair).id for record in labelled for pair in _compared(record)}
    left_out, kept = Counter[str](), dict[str, Candidate]()
    for record in _blocked(preferences, block, seed):
        for pair in _pairs(record, which):
            found = _candidate(record, pair)
            reason = _reason(found, kept, known)
            if reason:
                left_out[reason] += 1
            else:
                kept[found.id] = found
    drawn = _drawn(list(kept.values()), limit, seed)
    left_out[OVER] += len(kept) - len(drawn)
    if not drawn:
        lost = ", ".join(f"{count} × {reason}" for reason, count in (+left_out).items())
        raise BadPool(f"there are no two responses to compare; left out: {lost or 'none'}")
    return Candidates(tuple(drawn), +left_out)


def _reason(found: Candidate, kept: dict[str, Candidate], known: set[str]) -> str:
    """Return why a pair is left out, or an empty string."""
    if found.sides[0].content == found.sides[1].content:
        return EQUAL
    return LABELLED if found.id in known else TWICE if found.id in kept else ""


def _blocked(preferences: Iterable[Preference], block: int, seed: int) -> Iterator[Preference]:
    """Yield records of several responses or with a prompt as they are; then the others as records of a block each."""
    single: dict[str, list[Preference]] = {}
    for record in preferences:
        if record.prompt or len(record.responses) > 1:
            yield record
        else:
            single.setdefault(record.source, []).append(record)
    for source, records in single.items():
        order = np.random.default_rng(seed).permutation(len(records))
        for start in range(0, len(records), block):
            dealt = [records[place] for place in order[start : start + block]]
            responses = tuple(record.responses[0] for record in dealt)
            yield Preference(prompt="", responses=responses, source=source)


def _pairs(record: Preference, which: Which) -> Sequence[Pair]:
    if which == "compared" or (which == "auto" and record.comparisons):
        return _compared(record)
    return list(combinations(range(len(record.responses)), 2))


def _compared(record: Preference) -> list[Pair]:
    """Return the pairs that a record compares, each once."""
    ends = (sorted((edge.chosen, edge.rejected)) for edge in record.comparisons)
    return list(dict.fromkeys((first, second) for first, second in ends))


def _candidate(record: Preference, pair: Pair) -> Candidate:
    hashed = sorted((_digest(plain(record.responses[place].content)), place) for place in pair)
    sides = (_bare(record.responses[hashed[0][1]]), _bare(record.responses[hashed[1][1]]))
    name = _digest([plain(record.prompt), hashed[0][0], hashed[1][0]])
    return Candidate(f"pair:{name}", record.prompt, sides, record.group or name, record.source)


def _bare(response: Response) -> Response:
    """Return the text and its id: ratings, models' names and what else was said of it stay behind."""
    return Response(content=response.content, id=response.id)


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode("ascii"), digest_size=10).hexdigest()


def _drawn(found: list[Candidate], limit: int, seed: int) -> list[Candidate]:
    """Return ``limit`` of the candidates, all equally likely, the same ones whatever order they come in."""
    if not limit or len(found) <= limit:
        return found
    return sorted(found, key=lambda one: _digest([seed, one.id]))[:limit]
