"""Which side a response stood on, and whether they were drawn."""

from collections import Counter
from collections.abc import Sequence

from plaudit.preferences.formats.annotations import SWAPPED
from plaudit.preferences.preference import Comparison, Preference

TWICE = 20
"""Records, beyond the first of each pair of values, from which an order is no accident."""


def swapped(edge: Comparison) -> bool:
    """Return whether the judge of a vote saw the responses in the other order."""
    return bool(edge.extra.get(SWAPPED))


def fixed_fields(records: Sequence[Preference]) -> list[str]:
    """Return the fields of responses of which any two values always stand in the same order.

    Where sides are drawn, a model's responses stand first about as often as second; where every two values that meet
    at least `TWICE` times in all keep their order, the sides were not drawn.
    """
    pairs = [record.responses for record in records if len(record.responses) == 2]
    if not pairs:
        return []
    names = set.intersection(*({*one.extra} & {*other.extra} for one, other in pairs))
    return [name for name in sorted(names) if _fixed([(one.extra[name], other.extra[name]) for one, other in pairs])]


def _fixed(values: Sequence[tuple[object, object]]) -> bool:
    met: Counter[tuple[str, str]] = Counter(
        (one, other) for one, other in values if isinstance(one, str) and isinstance(other, str) and one != other
    )
    again = sum(met.values()) - len(met)
    return again >= TWICE and not any((other, one) in met for one, other in met)
