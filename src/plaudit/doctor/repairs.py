"""Repairs, each named by the code of the finding that it mends.

A repair looks at all records and says what becomes of some of them: another record, or none, and why. Repairs that
were chosen are done in the order of `REPAIRS`, again and again until nothing changes, so that doing them twice is doing
them once.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from plaudit.doctor.circles import circles
from plaudit.doctor.examined import key_of
from plaudit.doctor.mending import without_comparisons, without_responses
from plaudit.doctor.repeats import repeated_records, repeated_votes
from plaudit.doctor.speakers import SYNONYMS
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.flaws import last_words
from plaudit.preferences.leaks import find_leak
from plaudit.preferences.preference import Content, Preference, Response
from plaudit.preferences.spans import BadSpans, marked_spans

MALFORMED = "malformed_rows"
"""The repair of rows that cannot be read: it is done while reading, before all others."""
MOST_ROUNDS = 20


class UnknownRepair(ValueError):
    """A repair was asked for that there is not; the message lists those there are."""


class NotSettled(RuntimeError):
    """Repairs undo each other: a fault of theirs."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a repair makes of one record.

    Attributes:
        at: position of the record.
        record: what becomes of it; None where it goes.
        why: in a few words.
    """

    at: int
    record: Preference | None
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a repair has made of one record.

    Attributes:
        code: of the repair.
        why: in a few words.
        record: what became of it; None where it is gone.
    """

    code: str
    why: str
    record: Preference | None


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of the records.

    Attributes:
        records: each of them, in order; None where it is gone.
        done: position of a record to the steps that it went through.
    """

    records: list[Preference | None]
    done: Mapping[int, list[Step]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beside:
    """What repairs need besides the records.

    Attributes:
        against: preferences that these should share nothing with.
    """

    against: Sequence[Preferences] = ()


Records = Sequence[Preference]
Repair = Callable[[Records, Beside], Iterator[Change]]


def unknown_roles(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Roles get the names that templates know."""
    for at, record in enumerate(records):
        responses = tuple(replace(one, content=_renamed(one.content)) for one in record.responses)
        mended = replace(record, prompt=_renamed(record.prompt), responses=responses)
        if mended != record:
            yield Change(at, mended, "roles renamed to user, assistant, system, tool")


def _renamed(content: Content) -> Content:
    if isinstance(content, str):
        return content
    return tuple(replace(turn, role=SYNONYMS.get(turn.role, turn.role)) for turn in content)


def bad_spans(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Span feedback that cannot be what it says is taken off its response."""
    for at, record in enumerate(records):
        responses = tuple(_without_spans(one) for one in record.responses)
        if responses != record.responses:
            yield Change(at, replace(record, responses=responses), "span feedback outside the response taken off")


def _without_spans(response: Response) -> Response:
    try:
        marked_spans(response)
    except BadSpans:
        feedback = {name: value for name, value in response.extra["feedback"].items() if name != "errors"}
        return replace(response, extra={**response.extra, "feedback": feedback})
    return response


def empty_responses(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Empty responses go, with the comparisons that they are in."""
    for at, record in enumerate(records):
        gone = {place for place, one in enumerate(record.responses) if not last_words(one.content).strip()}
        if gone:
            yield Change(at, without_responses(record, gone), f"{len(gone)} empty of {len(record.responses)} responses")


def equal_responses(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Comparisons of a response with its equal go."""
    for at, record in enumerate(records):
        said = [response.content for response in record.responses]
        gone = {n for n, edge in enumerate(record.comparisons) if said[edge.chosen] == said[edge.rejected]}
        if gone:
            yield Change(at, without_comparisons(record, gone), f"{len(gone)} comparisons of equal responses")


def duplicate_votes(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Votes that repeat one of the same annotator go."""
    for at, record in enumerate(records):
        gone = set(repeated_votes(record))
        if gone:
            yield Change(at, without_comparisons(record, gone), f"{len(gone)} votes given before by the same annotator")


def contradictory_votes(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Comparisons that the same judge decided both ways go, both of them."""
    yield from _unsatisfiable(records, 0, "contradicted by the same judge")


def cyclic_preferences(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Comparisons that go round in a circle go, all of it."""
    yield from _unsatisfiable(records, 1, "on a circle")


def _unsatisfiable(records: Records, which: int, why: str) -> Iterator[Change]:
    judged: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    keys = [[key_of(response.content) for response in record.responses] for record in records]
    for at, record in enumerate(records):
        prompt = key_of(record.prompt) if record.prompt else f"#{at}"
        for n, edge in enumerate(record.comparisons):
            if not edge.tie and edge.weight > 0:
                judged[prompt, edge.annotator, edge.objective].append((at, n))
    gone: dict[int, set[int]] = defaultdict(set)
    for votes in judged.values():
        edges = [(at, records[at].comparisons[n]) for at, n in votes]
        for place in circles([(keys[at][edge.chosen], keys[at][edge.rejected]) for at, edge in edges])[which]:
            gone[votes[place][0]].add(votes[place][1])
    for at, own in sorted(gone.items()):
        yield Change(at, without_comparisons(records[at], own), f"{len(own)} comparisons {why}")


def ties(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Ties go."""
    for at, record in enumerate(records):
        gone = {n for n, edge in enumerate(record.comparisons) if edge.tie}
        if gone:
            yield Change(at, without_comparisons(record, gone), f"{len(gone)} ties")


def duplicate_records(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """Copies of an earlier record go."""
    for at, first in repeated_records(records).items():
        yield Change(at, None, f"a copy of record {records[first].id or first}")


def contamination(records: Records, beside: Beside) -> Iterator[Change]:
    """What is in the other preferences too goes: records with a prompt whole, others response by response."""
    if not beside.against:
        raise ValueError("the repair contamination needs the preferences to hold these against: --against FILE")
    own = Preferences.of(records)
    shared = np.zeros(sum(len(record.responses) for record in records), np.bool_)
    for held in beside.against:
        shared |= find_leak(own, held).shared
    offsets = np.cumsum([0, *(len(record.responses) for record in records)])
    for at, record in enumerate(records):
        gone = set(np.flatnonzero(shared[offsets[at] : offsets[at + 1]]).tolist())
        if gone:
            yield Change(at, without_responses(record, gone), "in the preferences that it was held against")


def side_bias(records: Records, beside: Beside) -> Iterator[Change]:  # noqa: ARG001 - as every repair
    """The two sides of a record are drawn anew, by a hash of its texts: the same record gets the same sides always."""
    for at, record in enumerate(records):
        if len(record.responses) != 2:
            continue
        keys = [key_of(response.content) for response in record.responses]
        coin = hashlib.blake2b("".join([key_of(record.prompt), *sorted(keys)]).encode()).digest()[0] % 2
        if keys[0] != keys[1] and (keys[0] < keys[1]) is bool(coin):
            yield Change(at, _turned(record), "sides exchanged")


def _turned(record: Preference) -> Preference:
    edges = (replace(edge, chosen=1 - edge.chosen, rejected=1 - edge.rejected) for edge in record.comparisons)
    return replace(record, responses=record.responses[::-1], comparisons=tuple(edges))


REPAIRS: Mapping[str, Repair] = {
    repair.__name__: repair
    for repair in (
        unknown_roles,
        bad_spans,
        empty_responses,
        equal_responses,
        duplicate_votes,
        contradictory_votes,
        cyclic_preferences,
        ties,
        duplicate_records,
        contamination,
        side_bias,
    )
}
"""By code, in the order in which they are done."""


def chosen(codes: Iterable[str]) -> dict[str, Repair]:
    """Return the repairs of the given codes in the order in which they are done; `MALFORMED` is known and left out.

    Raises:
        UnknownRepair: there is no such repair, or none was given.
    """
    wanted = list(codes)
    known = [MALFORMED, *REPAIRS]
    for code in wanted:
        if code not in known:
            raise UnknownRepair(f"there is no repair {code!r}; those there are: {', '.join(known)}")
    if not wanted:
        raise UnknownRepair(f"no repair was chosen; those there are: {', '.join(known)}")
    return {code: repair for code, repair in REPAIRS.items() if code in wanted}


def mend(records: Sequence[Preference], repairs: Mapping[str, Repair], beside: Beside | None = None) -> Mended:
    """Return what the repairs make of the records.

    Raises:
        ValueError: a repair lacks what it needs.
    """
    beside = beside or Beside()
    left: list[Preference | None] = list(records)
    done: dict[int, list[Step]] = defaultdict(list)
    for _ in range(MOST_ROUNDS):
        changed = [_round(code, repair, left, done, beside) for code, repair in repairs.items()]
        if not any(changed):
            return Mended(left, dict(done))
    raise NotSettled(f"{', '.join(repairs)} did not settle in {MOST_ROUNDS} rounds")


def _round(
    code: str, repair: Repair, left: list[Preference | None], done: dict[int, list[Step]], beside: Beside
) -> bool:
    """Do one repair to those that are left; return whether it changed anything."""
    places = [at for at, record in enumerate(left) if record is not None]
    changes = list(repair([record for record in left if record is not None], beside)) if places else []
    for change in changes:
        left[places[change.at]] = change.record
        done[places[change.at]].append(Step(code, change.why, change.record))
    return bool(changes)
