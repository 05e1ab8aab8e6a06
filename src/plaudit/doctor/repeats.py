"""What is there twice: records that say the same, and votes that one annotator gave again."""

from collections.abc import Hashable, Sequence

from plaudit.doctor.examined import key_of
from plaudit.preferences.preference import Comparison, Preference


def repeated_records(records: Sequence[Preference]) -> dict[int, int]:
    """Return for each record that says the same as an earlier one the first of them, by position.

    The order of responses and of comparisons does not matter; who judged does. Where nobody compared, ratings do.
    """
    seen: dict[Hashable, int] = {}
    found: dict[int, int] = {}
    for at, record in enumerate(records):
        first = seen.setdefault(_identity(record), at)
        if first != at:
            found[at] = first
    return found


def _identity(record: Preference) -> Hashable:
    keys = [key_of(response.content) for response in record.responses]
    rated = [(key, *sorted(response.ratings.items())) for key, response in zip(keys, record.responses, strict=True)]
    votes = [_vote(edge, keys) for edge in record.comparisons]
    return key_of(record.prompt), tuple(sorted(rated)), tuple(sorted(votes))


def _vote(edge: Comparison, keys: Sequence[str]) -> tuple[str, ...]:
    ends = [keys[edge.chosen], keys[edge.rejected]]
    said = ("tie", *sorted(ends)) if edge.tie else ("wins", *ends)
    return (*said, edge.annotator, edge.objective, repr(edge.strength))


def repeated_votes(record: Preference) -> list[int]:
    """Return the positions of votes that repeat an earlier one: named annotator, objective, responses and verdict."""
    seen: set[Hashable] = set()
    found = []
    for at, edge in enumerate(record.comparisons):
        if not edge.annotator:
            continue
        ends = (edge.chosen, edge.rejected)
        vote = (edge.annotator, edge.objective, edge.tie, tuple(sorted(ends)) if edge.tie else ends)
        if vote in seen:
            found.append(at)
        seen.add(vote)
    return found
