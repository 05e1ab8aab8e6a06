"""Preferences as tasks: pairs to be judged again, lists to be ranked, known answers as gold questions."""

from collections.abc import Iterable, Iterator
from itertools import combinations

from plaudit.annotation.records import MOST_RESPONSES, TIE, Role, Task
from plaudit.preferences.fields import NOTE
from plaudit.preferences.preference import Comparison, Preference

EXPLANATIONS = ("explanation", "reason")


class NoTask(ValueError):
    """A record cannot become a task; the message names it."""


def tasks_of(preferences: Iterable[Preference], role: Role = "real", *, by_pairs: bool = False) -> Iterator[Task]:
    """Yield a task a record, or one a pair of its responses.

    What people said in the records is not shown and not kept, except as the expected answer of gold, check and practice
    tasks, which every vote must agree on.

    Args:
        preferences: records with two or more responses. A number ``priority`` in their extra orders the queue.
        role: what the tasks are for.
        by_pairs: show more than two responses two by two instead of to be ranked.

    Raises:
        NoTask: a record has too few responses, too many to be ranked, or equal ones, or no answer where one is needed.
    """
    for preference in preferences:
        _check(preference, by_pairs=by_pairs)
        if len(preference.responses) == 2 or not by_pairs:
            yield _task(preference, tuple(range(len(preference.responses))), preference.id, role)
            continue
        for first, second in combinations(range(len(preference.responses)), 2):
            yield _task(preference, (first, second), f"{preference.id}/{first + 1}-{second + 1}", role)


def _check(preference: Preference, *, by_pairs: bool) -> None:
    count = len(preference.responses)
    if count < 2 or (count > MOST_RESPONSES and not by_pairs):
        raise NoTask(f"record {preference.id!r} has {count} responses; a task takes 2 to {MOST_RESPONSES}")
    said = [response.content for response in preference.responses]
    for first, second in combinations(range(count), 2):
        if said[first] == said[second]:
            problem = f"responses {first + 1} and {second + 1} are the same; there is nothing to compare"
            raise NoTask(f"record {preference.id!r}: {problem}")


def _task(preference: Preference, places: tuple[int, ...], key: str, role: Role) -> Task:
    extra = {name: value for name, value in preference.extra.items() if not name.startswith(NOTE)}
    priority = extra.get("priority", 0.0)
    if isinstance(priority, bool) or not isinstance(priority, int | float):
        raise NoTask(f"record {preference.id!r}: priority is {priority!r}; it should be a number")
    return Task(
        key=key,
        prompt=preference.prompt,
        responses=tuple(preference.responses[at] for at in places),
        role=role,
        expected=None if role == "real" else _expected(preference, places),
        explanation="" if role == "real" else _explanation(preference),
        priority=float(priority),
        source=preference.source,
        extra=extra,
    )


def _expected(preference: Preference, places: tuple[int, ...]) -> int:
    """Return the place of the response that no comparison speaks against."""
    edges = [
        edge for edge in preference.comparisons if {edge.chosen, edge.rejected} <= {*places} and not edge.objective
    ]
    if not edges:
        raise NoTask(f"record {preference.id!r} says nowhere which response is better; a known answer needs that")
    if all(edge.tie for edge in edges):
        return TIE
    best = [at for at, place in enumerate(places) if not _is_beaten(place, edges)]
    if len(best) != 1:
        raise NoTask(f"record {preference.id!r}: its votes name no single best response; a known answer needs one")
    return best[0]


def _is_beaten(place: int, edges: list[Comparison]) -> bool:
    mine = [edge for edge in edges if place in (edge.chosen, edge.rejected)]
    return not mine or any(edge.rejected == place or edge.tie for edge in mine)


def _explanation(preference: Preference) -> str:
    for name in EXPLANATIONS:
        if isinstance(preference.extra.get(name), str):
            return str(preference.extra[name])
    return next((edge.reason for edge in preference.comparisons if edge.reason), "")
