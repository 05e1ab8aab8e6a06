"""What an annotator says, checked against what was asked and turned from letters of the screen into positions."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from plaudit.annotation.errors import BadAnswer
from plaudit.annotation.records import OBJECTIVE_CHOICES, PAIR_CHOICES, RANKING_CHOICES, TIE, Answer
from plaudit.annotation.settings import Settings
from plaudit.preferences.preference import Content, Response
from plaudit.preferences.spans import BadSpans, words_of

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer in positions of the task."""

    chosen: int | None
    strength: int | None = None
    ranking: list[int] | None = None
    objectives: dict[str, int] = field(default_factory=dict)
    spans: list[Any] | None = None


def hear(answer: Answer, shown: Sequence[int], settings: Settings, responses: Callable[[], Sequence[Content]]) -> Heard:
    """Return an answer in positions of the task.

    Args:
        answer: in letters of the screen.
        shown: positions of the responses, in the order of the screen.
        settings: of the campaign.
        responses: gives the contents of the task's responses; called only where something is marked in them.

    Raises:
        BadAnswer: a field holds what the task does not take.
    """
    _check_plain(answer, settings)
    known = PAIR_CHOICES if len(shown) == 2 else RANKING_CHOICES
    if answer.choice not in known:
        raise BadAnswer(f"choice is {answer.choice[:40]!r}; it should be one of {', '.join(known)}")
    if answer.choice == "skip":
        return Heard(None)
    place = {ascii_uppercase[at]: position for at, position in enumerate(shown)}
    ranking = _ranking(answer, place)
    return Heard(
        chosen=_best(ranking) if ranking else place.get(answer.choice, TIE),
        strength=_strength(answer, settings),
        ranking=ranking,
        objectives=_objectives(answer.objectives, place, settings),
        spans=_spans(answer.spans, place, settings, responses),
    )


def _check_plain(answer: Answer, settings: Settings) -> None:
    if len(answer.reason) > settings.longest_reason:
        right = f"it should have {settings.longest_reason} or fewer"
        raise BadAnswer(f"reason has {len(answer.reason)} characters; {right}")
    if not (math.isfinite(answer.seconds) and answer.seconds >= 0):
        raise BadAnswer(f"seconds is {answer.seconds}; it should be a finite number of at least 0")


def _strength(answer: Answer, settings: Settings) -> int | None:
    if answer.strength is None:
        return None
    words = settings.strengths
    if isinstance(answer.strength, bool) or answer.strength not in range(1, len(words) + 1):
        right = f"from 1 ({words[0]}) to {len(words)} ({words[-1]})" if words else "left out: it is not asked"
        raise BadAnswer(f"strength is {answer.strength!r}; it should be {right}")
    return answer.strength if answer.choice in ("A", "B") else None


def _ranking(answer: Answer, place: Mapping[str, int]) -> list[int] | None:
    """Return a rank a response, from 0 without gaps but with ties."""
    if answer.choice != "ranked":
        if answer.ranking:
            raise BadAnswer(f"ranking is given with the choice {answer.choice!r}; it belongs to 'ranked'")
        return None
    if set(answer.ranking) != set(place) or any(type(rank) is not int for rank in answer.ranking.values()):
        letters = ", ".join(place)
        raise BadAnswer(
            f"ranking is {str(dict(answer.ranking))[:80]}; it should have a whole number for each of {letters}"
        )
    dense = {rank: at for at, rank in enumerate(sorted(set(answer.ranking.values())))}
    by_position = {place[letter]: dense[rank] for letter, rank in answer.ranking.items()}
    return [by_position[position] for position in range(len(place))]


def _best(ranking: list[int]) -> int:
    return ranking.index(0) if ranking.count(0) == 1 else TIE


def _objectives(said: Mapping[str, str], place: Mapping[str, int], settings: Settings) -> dict[str, int]:
    known = (*place, OBJECTIVE_CHOICES[-1])
    for name, choice in said.items():
        if name not in settings.objectives:
            names = ", ".join(settings.objectives) or "none"
            raise BadAnswer(f"objectives: {name[:40]!r} is not asked; it should be one of {names}")
        if choice not in known:
            raise BadAnswer(f"objectives: {name} is {choice[:40]!r}; it should be one of {', '.join(known)}")
    return {name: place.get(choice, TIE) for name, choice in said.items()}


def _spans(
    said: Mapping[str, Sequence[tuple[int, int]]],
    place: Mapping[str, int],
    settings: Settings,
    responses: Callable[[], Sequence[Content]],
) -> list[Any] | None:
    if not said:
        return None
    if not settings.mark_spans:
        raise BadAnswer("spans are given; they are not asked")
    stored: list[Any] = [None] * len(place)
    contents = responses()
    for letter, spans in said.items():
        if letter not in place:
            raise BadAnswer(f"spans: {letter[:40]!r} is no response; it should be one of {', '.join(place)}")
        length = _length(contents[place[letter]])
        stored[place[letter]] = [_span(letter, span, length) for span in sorted(set(map(tuple, spans)))]
    return stored


def _length(content: Content) -> int:
    try:
        return len(words_of(Response(content=content)))
    except BadSpans as error:
        raise BadAnswer(f"spans: {error}") from error


def _span(letter: str, span: Any, length: int) -> list[int]:
    if len(span) != 2 or any(type(end) is not int for end in span) or not 0 <= span[0] < span[1] <= length:
        right = f"start and end within the response's {length} characters, end after start"
        raise BadAnswer(f"spans: {letter} has {str(span)[:40]}; it should have {right}")
    return list(span)


def storable(text: str) -> str:
    """Return a text with what no database takes (null characters, halves of surrogate pairs) replaced by ``�``."""
    return _UNSTORABLE.sub("�", text)
