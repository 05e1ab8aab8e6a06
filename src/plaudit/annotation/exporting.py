"""What annotators said as preferences, in the shape that each format can hold.

`votes` is the whole of it: a record a task, a comparison a vote, with side, reason, seconds and guidelines beside it.
The shapes of the formats follow from it; what a format has no field for is left out and counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from plaudit import members
from plaudit.annotation.records import TIE, Given, Task
from plaudit.preferences.fields import NOTE
from plaudit.preferences.formats.annotations import SWAPPED
from plaudit.preferences.formats.rankings import BESIDE
from plaudit.preferences.preference import Comparison, Content, Message, Preference, Response
from plaudit.preferences.rows import Fields
from plaudit.preferences.spans import ERRORS, FEEDBACK

BOTH_BAD = "tie (both bad)"
WIN_SHARE = "win_share"


@dataclass(frozen=True, slots=True)
class Exported:
    """Records in the shape of a format, and what was left out on the way, by reason."""

    form: str
    preferences: list[Preference]
    left_out: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[Fields]:
        """Yield the rows that the format writes."""
        rows: Iterator[Fields] = members.load("formats", self.form)().write(self.preferences)
        return rows


def export(
    tasks: Iterable[Task], answers: Iterable[Given], form: str = "annotations", *, late: bool = True
) -> Exported:
    """Return the answers to real tasks in the shape of a format.

    Args:
        tasks: of the campaign.
        answers: what was said; those to gold, check and practice tasks are left out, counted.
        form: a format's name. ``annotations``: a row a vote (rankings become a row a pair). ``rankings``: a row an
            answer, with marked spans as ``feedback_on_response_N``. ``trl`` and ``hh``: a row a vote that prefers one.
            ``ratings``: how often each response won.
        late: whether answers that came after closing are taken too.

    Raises:
        UnknownKind: there is no such format.
        ValueError: plaudit knows the format, and not how to say votes in it.
    """
    members.load("formats", form)
    if form not in _SHAPES:
        raise ValueError(f"votes cannot be written as {form!r}; it should be one of {', '.join(_SHAPES)}")
    left_out: Counter[str] = Counter()
    kept = [given for given in answers if _is_kept(given, left_out, late=late)]
    return Exported(
        form, list(_SHAPES[form]([task for task in tasks if task.role == "real"], kept, left_out)), left_out
    )


def votes(tasks: Iterable[Task], answers: Iterable[Given]) -> Iterator[Preference]:
    """Yield a record a task that was answered; its comparisons are the votes, in the order in which they came."""
    by_task = _by_task(answers)
    for task in tasks:
        said = by_task.get(task.key)
        if said:
            comparisons = tuple(edge for given in said for edge in _edges(task, given))
            yield replace(_record(task), comparisons=comparisons)


def _is_kept(given: Given, left_out: Counter[str], *, late: bool) -> bool:
    if given.role != "real":
        left_out[f"{given.role} tasks"] += 1
    elif given.chosen is None:
        left_out["skipped"] += 1
    elif given.late and not late:
        left_out["after closing"] += 1
    else:
        return True
    return False


def _by_task(answers: Iterable[Given]) -> dict[str, list[Given]]:
    found: dict[str, list[Given]] = {}
    for given in answers:
        if given.chosen is not None:
            found.setdefault(given.task, []).append(given)
    return found


def _record(task: Task) -> Preference:
    extra = {name: value for name, value in task.extra.items() if not name.startswith(NOTE)}
    return Preference(prompt=task.prompt, responses=task.responses, id=task.key, source=task.source, extra=extra)


def _edges(task: Task, given: Given) -> Iterator[Comparison]:
    beside = _beside(given)
    for first, second in combinations(range(len(task.responses)), 2):
        extra = beside | ({SWAPPED: True} if given.shown.index(first) > given.shown.index(second) else {})
        yield _edge(first, second, _preferred(given, first, second), given, extra)
        for name, position in given.objectives.items():
            if position in (first, second, TIE):
                yield replace(_edge(first, second, position, given, extra), objective=name, strength=None, reason="")


def _edge(first: int, second: int, chosen: int, given: Given, extra: dict[str, Any]) -> Comparison:
    return Comparison(
        chosen=second if chosen == second else first,
        rejected=first if chosen == second else second,
        tie=chosen == TIE,
        strength=None if given.strength is None or chosen == TIE else float(given.strength),
        annotator=given.annotator,
        reason=given.reason,
        extra=extra,
    )


def _preferred(given: Given, first: int, second: int) -> int:
    """Return which of two responses an answer prefers."""
    if given.ranking is None:
        return TIE if given.chosen is None else given.chosen
    ranks = given.ranking[first], given.ranking[second]
    return TIE if ranks[0] == ranks[1] else first if ranks[0] < ranks[1] else second


def _beside(given: Given) -> dict[str, Any]:
    """Return what is known of a vote besides its label."""
    told: dict[str, Any] = {
        "seconds": given.seconds,
        "guidelines_version": given.guidelines_version,
        "created": given.created,
        "assignment": given.assignment,
    }
    if given.choice == "both_bad":
        told["raw_winner"] = BOTH_BAD
    if given.late:
        told["late"] = True
    if given.spans is not None:
        told["spans"] = [None if one is None else [list(span) for span in one] for one in given.spans]
    return told


def _annotations(tasks: Sequence[Task], answers: Sequence[Given], _: Counter[str]) -> Iterator[Preference]:
    """Yield records of two responses each; a task with more becomes one a pair."""
    for preference in votes(tasks, answers):
        if len(preference.responses) == 2:
            yield preference
            continue
        for first, second in combinations(range(len(preference.responses)), 2):
            edges = tuple(
                replace(edge, chosen=int(edge.chosen == second), rejected=int(edge.rejected == second))
                for edge in preference.comparisons
                if {edge.chosen, edge.rejected} == {first, second}
            )
            responses = (preference.responses[first], preference.responses[second])
            name = f"{preference.id}/{first + 1}-{second + 1}"
            yield replace(preference, id=name, responses=responses, comparisons=edges)


def _rankings(tasks: Sequence[Task], answers: Sequence[Given], left_out: Counter[str]) -> Iterator[Preference]:
    """Yield a record an answer: ranks, and marked spans in the form `plaudit.preferences.spans` reads."""
    by_task = _by_task(answers)
    for task in tasks:
        for given in by_task.get(task.key, ()):
            left_out["votes on objectives"] += len(given.objectives)
            ranks = given.ranking or _ranks_of_pair(given)
            responses = tuple(_ranked(one, ranks[at], given, at) for at, one in enumerate(task.responses))
            extra = {name: value for name, value in _beside(given).items() if name not in ("spans", "assignment")}
            said = {"annotator": given.annotator} | ({"reason": given.reason} if given.reason else {})
            edges = _edges_of_ranks(ranks)
            record = replace(_record(task), responses=responses, comparisons=edges, id=f"{task.key}/{given.assignment}")
            yield replace(record, extra={**record.extra, "task": task.key, **said, **extra})


def _ranks_of_pair(given: Given) -> tuple[int, ...]:
    return (0, 0) if given.chosen == TIE else (int(given.chosen != 0), int(given.chosen == 0))


def _ranked(response: Response, rank: int, given: Given, at: int) -> Response:
    extra = {name: value for name, value in response.extra.items() if name not in ("rank", BESIDE, FEEDBACK)}
    extra["rank"] = rank
    marked = None if given.spans is None else given.spans[at]
    if marked is not None:
        errors = [{"start": start, "end": end} for start, end in marked]
        extra |= {FEEDBACK: {ERRORS: errors}, BESIDE: [FEEDBACK]}
    return replace(response, extra=extra)


def _edges_of_ranks(ranks: Sequence[int]) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(chosen=second, rejected=first)
        if ranks[second] < ranks[first]
        else Comparison(chosen=first, rejected=second, tie=ranks[first] == ranks[second])
        for first, second in combinations(range(len(ranks)), 2)
    )


def _pairs(tasks: Sequence[Task], answers: Sequence[Given], left_out: Counter[str]) -> Iterator[Preference]:
    """Yield a record a vote that prefers one response overall."""
    for preference in _annotations(tasks, answers, left_out):
        for edge in preference.comparisons:
            if edge.tie or edge.objective:
                left_out["ties" if edge.tie else "votes on objectives"] += 1
                continue
            said = {"annotator": edge.annotator} | ({"reason": edge.reason} if edge.reason else {})
            beside = {name: value for name, value in edge.extra.items() if not name.startswith(NOTE)}
            yield replace(
                preference,
                id=f"{preference.id}/{edge.extra['assignment']}",
                responses=tuple(Response(content=one.content) for one in preference.responses),
                comparisons=(Comparison(chosen=edge.chosen, rejected=edge.rejected, strength=edge.strength),),
                extra={**preference.extra, **said, **beside},
            )


def _dialogues(tasks: Sequence[Task], answers: Sequence[Given], left_out: Counter[str]) -> Iterator[Preference]:
    """Yield pairs with turns in place of plain text, as hh takes them; strength has no field there."""
    for preference in _pairs(tasks, answers, left_out):
        prompt = _turns(preference.prompt, "user")
        responses = tuple(Response(content=_turns(one.content, "assistant")) for one in preference.responses)
        (edge,) = preference.comparisons
        strength = {} if edge.strength is None else {"strength": edge.strength}
        extra = {name: value for name, value in preference.extra.items() if name != "prompt_format"}
        yield replace(preference, prompt=prompt, responses=responses, extra=extra | strength)


def _turns(content: Content, role: str) -> tuple[Message, ...]:
    if isinstance(content, str):
        return (Message(role, content),) if content else ()
    return content


def _ratings(tasks: Sequence[Task], answers: Sequence[Given], _: Counter[str]) -> Iterator[Preference]:
    """Yield records whose responses are rated by the share of comparisons they won, a tie counting one half."""
    for preference in votes(tasks, answers):
        wins, met = [0.0] * len(preference.responses), [0] * len(preference.responses)
        for edge in preference.comparisons:
            if not edge.objective:
                wins[edge.chosen] += 0.5 if edge.tie else 1.0
                wins[edge.rejected] += 0.5 if edge.tie else 0.0
                met[edge.chosen] += 1
                met[edge.rejected] += 1
        responses = tuple(
            replace(one, ratings={**one.ratings, WIN_SHARE: won / count}, extra={**one.extra, "comparisons": count})
            for one, won, count in zip(preference.responses, wins, met, strict=True)
        )
        yield replace(preference, responses=responses, comparisons=())


_Shape = Callable[[Sequence[Task], Sequence[Given], "Counter[str]"], Iterator[Preference]]
_SHAPES: dict[str, _Shape] = {
    "annotations": _annotations,
    "rankings": _rankings,
    "trl": _pairs,
    "hh": _dialogues,
    "ratings": _ratings,
}
