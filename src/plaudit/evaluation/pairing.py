"""Pairing: predictions of several models lined up, so that row for row they are of the same comparison.

Two models can be compared only on the same comparisons. Responses are known by their ids. A comparison is known by the
ids of its two sides and by whether it was a tie; several votes on the same two responses are matched in their order.
Where nobody gave ids, the same numbers in the same order are taken for the same comparisons, and the result says so.

What has to agree is checked, and what does not is named: who won, how much a comparison counts, which responses belong
to one prompt, and how long each response is, where lengths are known. Who disagrees is never compared in silence.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from plaudit.predictions import Integers, Predictions
from plaudit.predictions.files import OF_RESPONSES, TABLES

SAME = ("by_response", "chosen", "rejected", "outcome", "weight", "response_group")
"""What predictions of the same comparisons in the same order have in common."""

Key = tuple[str, str, bool, int]
"""Ids of the two sides (in a tie in alphabetical order), whether it is a tie, and which vote of such it is."""


class NotPaired(ValueError):
    """Predictions are not of the same comparisons; the message says what differs."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Predictions of several models on the same comparisons, in one order.

    Attributes:
        models: name to predictions; all have the same comparisons, responses and groups, in the same places.
        by: how comparisons were matched: by ``ids``, or by their ``position`` where there are no ids.
        left_out: name to the number of its comparisons that some other model has not.
    """

    models: Mapping[str, Predictions]
    by: Literal["ids", "position"]
    left_out: Mapping[str, int]


def pair(models: Mapping[str, Predictions], *, shared_only: bool = False) -> Pairing:
    """Return the predictions lined up like those of the first model.

    Args:
        models: name to predictions, two or more.
        shared_only: leave out the comparisons that some model has not, and count them, instead of refusing.

    Raises:
        NotPaired: fewer than two models; or they are not of the same comparisons; or with ``shared_only``, no
            comparison is shared. The message names the models and the first thing that differs.
    """
    if len(models) < 2:
        raise NotPaired(f"two models or more can be compared, not {len(models)}")
    (first, own), *others = models.items()
    apart = [(name, found) for name, other in others if (found := _differing(own, other))]
    if not apart:
        by: Literal["ids", "position"] = "ids" if all(one.ids for one in models.values()) else "position"
        return Pairing(dict(models), by, dict.fromkeys(models, 0))
    if nameless := [name for name, one in models.items() if not one.ids]:
        raise NotPaired(
            f"{first} and {apart[0][0]} differ in {apart[0][1]}, and {nameless[0]} has no ids to match comparisons by"
        )
    return _matched(models, shared_only)


def _differing(own: Predictions, other: Predictions) -> str:
    """Return the first thing that keeps two sets from being the same in the same order, ``""`` if nothing does."""
    for name in SAME:
        if not np.array_equal(getattr(own, name), getattr(other, name)):
            return name
    if own.ids and other.ids and own.ids != other.ids:
        return "ids"
    return "lengths" if _unlike(own, other) is not None else ""


def _unlike(own: Predictions, other: Predictions) -> int | None:
    """Return the first response that has another length in ``other``, where both know lengths."""
    if not own.lengths.any() or not other.lengths.any():
        return None
    wrong = own.lengths != other.lengths
    return int(np.argmax(wrong)) if wrong.any() else None


def _matched(models: Mapping[str, Predictions], shared_only: bool) -> Pairing:
    places = {name: {key: n for n, key in enumerate(_keys(name, one))} for name, one in models.items()}
    first = next(iter(models))
    kept = [key for key in places[first] if all(key in found for found in places.values())]
    left_out = {name: len(found) - len(kept) for name, found in places.items()}
    if any(left_out.values()) and not shared_only:
        raise NotPaired(_missing(places, left_out))
    if not kept:
        raise NotPaired(f"no comparison is in all of {', '.join(models)}")
    ordered = {name: one.select([places[name][key] for key in kept]) for name, one in models.items()}
    own = ordered[first]
    return Pairing({name: _lined_up(first, own, name, one) for name, one in ordered.items()}, "ids", left_out)


def _keys(name: str, predictions: Predictions) -> Iterator[Key]:
    """Yield what each comparison is known by."""
    ids, seen = predictions.ids, Counter[tuple[str, str, bool]]()
    repeated = next((one for one, count in Counter(ids).items() if count > 1), None)
    if repeated is not None:
        raise NotPaired(f"{name} calls several responses {repeated!r}, so its comparisons cannot be matched by ids")
    columns = (predictions.chosen, predictions.rejected, predictions.outcome)
    for chosen, rejected, outcome in zip(*(column.tolist() for column in columns), strict=True):
        left, right = ids[chosen], ids[rejected]
        tied = outcome == 0.5
        known = (min(left, right), max(left, right), True) if tied else (left, right, False)
        seen[known] += 1
        yield (*known, seen[known])


def _missing(places: Mapping[str, Mapping[Key, int]], left_out: Mapping[str, int]) -> str:
    """Return a sentence about the first model that has a comparison which another has not."""
    name = next(name for name, count in left_out.items() if count)
    other = next(other for other, found in places.items() if places[name].keys() - found.keys())
    key = next(key for key in places[name] if key not in places[other])
    left, right, tied, vote = key
    said = f"{left!r} {'tied with' if tied else 'over'} {right!r}"
    turned = not tied and (right, left, False, vote) in places[other]
    how = f"{other} has it the other way round" if turned else f"{other} has not"
    shared = len(places[name]) - left_out[name]
    return f"{name} has {said} and {how}; {shared:,} comparisons are shared by all: ask for those alone to compare them"


def _lined_up(first: str, own: Predictions, name: str, other: Predictions) -> Predictions:
    """Return ``other`` with its responses in the places of ``own``, where comparison for comparison they are alike."""
    place = {one: n for n, one in enumerate(other.ids)}
    where = np.array([place[one] for one in own.ids], np.int64)
    columns: dict[str, Any] = {name: getattr(other, name)[where] for name in OF_RESPONSES}
    for table in TABLES:
        columns[table] = {key: column[where] for key, column in getattr(other, table).items()}
    moved = replace(other, chosen=own.chosen, rejected=own.rejected, ids=own.ids, **columns)
    if not _same_parts(own.response_group, moved.response_group):
        raise NotPaired(f"{first} and {name} differ in response_group: they put responses together in other groups")
    moved = replace(moved, response_group=own.response_group)
    if wrong := _differing(own, moved):
        unlike = _unlike(own, moved)
        example = "" if unlike is None else f", such as {own.ids[unlike]!r}"
        raise NotPaired(f"{first} and {name} differ in {wrong} of the same ids{example}")
    return moved


def _same_parts(own: Integers, other: Integers) -> bool:
    """Return whether two lists of group numbers divide their entries in the same way."""
    both = {*zip(own.tolist(), other.tolist(), strict=True)}
    return len(both) == len({mine for mine, _ in both}) == len({theirs for _, theirs in both})
