"""What the pages show and what they hand back: plain frozen records, without a database behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any, Literal

from plaudit.annotation.errors import BadTask
from plaudit.preferences.preference import Content, Response

Role = Literal["real", "gold", "check", "practice"]
"""Why a task is shown: to learn its answer, or to learn about the annotator."""

TIE = -1
"""Stands for the position of the better response where neither is better."""

PAIR_CHOICES = ("A", "B", "tie", "both_bad", "skip")
RANKING_CHOICES = ("ranked", "skip")
OBJECTIVE_CHOICES = ("A", "B", "tie")
MOST_RESPONSES = len(ascii_uppercase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A prompt with its responses, to be compared.

    Attributes:
        key: the identity of the task in the campaign (a record's id).
        prompt: what the responses answer.
        responses: two or more.
        role: ``real``, ``gold`` and ``check`` (their answer is known) or ``practice`` (and explained afterwards).
        expected: position of the response that should be chosen, or `TIE`; None for real tasks.
        explanation: shown after a practice task.
        priority: greater comes earlier (``plaudit select`` gives it).
        source: name of the data set it came from.
        extra: whatever else the record held; comes back with the export.
    """

    key: str
    prompt: Content
    responses: tuple[Response, ...]
    role: Role = "real"
    expected: int | None = None
    explanation: str = ""
    priority: float = 0.0
    source: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.key:
            raise BadTask("task: the key is empty; it should be an identity of its own")
        if not 2 <= len(self.responses) <= MOST_RESPONSES:
            right = f"there should be 2 to {MOST_RESPONSES}"
            raise BadTask(f"task {self.key!r}: it has {len(self.responses)} responses; {right}")
        known = (None,) if self.role == "real" else (TIE, *range(len(self.responses)))
        if self.expected not in known:
            right = "no expected answer" if self.role == "real" else "the position of the response to choose, or −1"
            raise BadTask(f"task {self.key!r}: expected is {self.expected}; a {self.role} task should have {right}")
        if self.priority != self.priority or abs(self.priority) == float("inf"):
            raise BadTask(f"task {self.key!r}: priority is {self.priority}; it should be a finite number")


@dataclass(frozen=True, slots=True)
class ShownResponse:
    """A response on the screen: the letter it goes by there, and its words. It says nothing of where it comes from."""

    letter: str
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A task as one annotator sees it.

    Attributes:
        assignment: the number under which the answer is handed in.
        prompt: what the responses answer.
        responses: in the order of the screen, lettered A, B, …
        objectives: what is asked besides the overall preference.
        strengths: words for how much better, weakest first; empty where it is not asked.
        ask_reason: whether there is a field for a reason.
        mark_spans: whether stretches can be marked.
        practice: whether this is practice (gold questions and attention checks are not told apart from real tasks).
        guidelines_version: which guidelines go with it; 0 where there are none.
        expires: when it goes back, in seconds since 1970.
        number: which task of this annotator's this is, from 1 (within the practice round while practising).
        of: how many there are in the practice round, or 0.
    """

    assignment: int
    prompt: Content
    responses: tuple[ShownResponse, ...]
    objectives: tuple[str, ...]
    strengths: tuple[str, ...]
    ask_reason: bool
    mark_spans: bool
    practice: bool
    guidelines_version: int
    expires: float
    number: int
    of: int = 0

    @property
    def choices(self) -> tuple[str, ...]:
        """Return what ``Answer.choice`` may be."""
        return PAIR_CHOICES if len(self.responses) == 2 else RANKING_CHOICES


@dataclass(frozen=True, slots=True)
class Pause:
    """There is nothing to show now.

    Attributes:
        reason: ``done`` (every task has its answers, or this annotator has seen them all), ``waiting`` (the rest is in
            other hands; some may come back), ``closed`` (the campaign is) or ``unqualified`` (practice was not passed).
    """

    reason: Literal["done", "waiting", "closed", "unqualified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an annotator hands in, in the letters of the screen.

    Attributes:
        choice: one of `PAIR_CHOICES` for two responses, of `RANKING_CHOICES` for more.
        strength: how much better, from 1 to the number of words in the settings; None where not said.
        ranking: letter to rank (0 is best, equal ranks are ties), for every response; only with ``ranked``.
        objectives: name to one of `OBJECTIVE_CHOICES` (any letter, or ``tie``, for more responses).
        spans: letter to stretches ``(start, end)`` in characters that are wrong, ``end`` not included. A letter with
            no stretches says that its response was read and nothing was wrong.
        reason: free text.
        seconds: how long it took, as the page measured it (0 or more).
    """

    choice: str
    strength: int | None = None
    ranking: Mapping[str, int] = field(default_factory=dict)
    objectives: Mapping[str, str] = field(default_factory=dict)
    spans: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an annotator is told after a practice task.

    Attributes:
        right: whether the answer was the expected one.
        expected: the letter it stood under, or ``tie``.
        explanation: why.
    """

    right: bool
    expected: str
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer is stored, for good.

    Attributes:
        assignment: its number.
        first: whether this call stored it; False if it was there before (a double submit), and nothing was changed.
        late: the campaign was closed when it came.
        lesson: what to tell after a practice task, else None.
        practice: what this answer made of the annotator's practice: ``passed``, ``again`` (another round begins), or
            empty.
    """

    assignment: int
    first: bool
    late: bool
    lesson: Lesson | None = None
    practice: Literal["", "passed", "again"] = ""


@dataclass(frozen=True, slots=True)
class Annotator:
    """Somebody who answers. ``serial`` goes into the link; revoking counts it up."""

    id: int
    name: str
    serial: int
    active: bool
    qualified: bool
    practice_round: int


@dataclass(frozen=True, slots=True)
class Guidelines:
    """One version of the guidelines; version 0 is none."""

    version: int
    markdown: str
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign is.

    Attributes:
        tasks: real tasks.
        finished: those that have every answer they want.
        wanted: answers they want together, those asked for in addition included.
        given: answers to them, skips not counted.
        skipped: times one was skipped.
        live: assignments that are out.
        disputed: tasks for which more answers were asked because those given differ.
        late: answers that came after closing.
        annotators: how many have answered anything.
        closed: when the campaign was closed, or None.
    """

    tasks: int
    finished: int
    wanted: int
    given: int
    skipped: int
    live: int
    disputed: int
    late: int
    annotators: int
    closed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProgress:
    """How far one annotator is: what they may know of it.

    Attributes:
        answered: real, gold and check tasks answered.
        skipped: those skipped.
        qualified: whether practice is passed (or there is none).
        practice_round: which try at practice this is, from 0.
    """

    answered: int
    skipped: int
    qualified: bool
    practice_round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer as it is stored, in positions of the task; for the owner, quality and export.

    Attributes:
        assignment: its number.
        task: key of the task.
        role: why it was shown.
        annotator: name of the annotator.
        choice: what was clicked on the screen.
        chosen: position of the preferred response, `TIE`, or None (skipped).
        expected: what should have been chosen, or None where nobody knows.
        shown: positions in the order of the screen.
        strength, ranking, objectives, spans, reason, seconds: see `AnswerRow`.
        guidelines_version: which guidelines were shown.
        late: the campaign was closed.
        practice_round: which try at practice, from 0.
        created: when it was stored.
    """

    assignment: int
    task: str
    role: Role
    annotator: str
    choice: str
    chosen: int | None
    expected: int | None
    shown: tuple[int, ...]
    strength: int | None
    ranking: tuple[int, ...] | None
    objectives: Mapping[str, int]
    spans: tuple[tuple[tuple[int, int], ...] | None, ...] | None
    reason: str
    seconds: float
    guidelines_version: int
    late: bool
    practice_round: int
    created: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the campaign."""

    kind: str
    annotator: str
    detail: Mapping[str, Any]
    created: float


@dataclass(frozen=True, slots=True)
class Added:
    """How many tasks were new, and how many were there already, with the same content."""

    new: int
    known: int
