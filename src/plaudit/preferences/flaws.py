"""What a well-formed record can still have wrong with it: empty responses, equal sides, cycles."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from plaudit.preferences.preference import Comparison, Content, Preference


class Flaw(NamedTuple):
    """A flaw: at which response, what it is, and the phrase it is counted under."""

    at: int
    problem: str
    reason: str


def flaws(preference: Preference) -> Iterator[Flaw]:
    """Yield what is wrong with the record: an empty response, a response preferred to its equal, a cyclic ranking.

    Between two responses votes may contradict each other (that is disagreement); a cycle takes three.
    """
    yield from _empty(preference)
    for edge in preference.comparisons:
        chosen, rejected = (preference.responses[at].content for at in (edge.chosen, edge.rejected))
        if not edge.tie and chosen == rejected:
            problem = f"response {edge.chosen} is preferred to response {edge.rejected}, which is the same"
            yield Flaw(edge.chosen, problem, "chosen equals rejected")
            break
    yield from _cycles(preference)


def _empty(preference: Preference) -> Iterator[Flaw]:
    for at, response in enumerate(preference.responses):
        if not last_words(response.content).strip():
            yield Flaw(at, "the response is empty; there is nothing to judge", "empty response")
            return


def last_words(content: Content) -> str:
    """Return what is said last: a text, or the content of the last turn."""
    return content if isinstance(content, str) else content[-1].content if content else ""


def _cycles(preference: Preference) -> Iterator[Flaw]:
    if len(preference.responses) < 3:
        return
    judged: dict[tuple[str, str], list[Comparison]] = {}
    for edge in preference.comparisons:
        judged.setdefault((edge.annotator, edge.objective), []).append(edge)
    for edges in judged.values():
        ordering: TopologicalSorter[int] = TopologicalSorter()
        for edge in edges:
            if not edge.tie:
                ordering.add(edge.rejected, edge.chosen)
        try:
            ordering.prepare()
        except CycleError as error:
            path = " over ".join(str(at) for at in error.args[1])
            yield Flaw(error.args[1][0], f"the ranking is cyclic: response {path}", "cyclic ranking")
            return
