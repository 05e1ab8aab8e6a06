"""The annotator's side of the app: a link, a task, an answer, the next task."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from plaudit.annotation.door import Door, check_csrf
from plaudit.annotation.forms import answer_of, fields_of, wants_json
from plaudit.annotation.pages.guidelines import rendered
from plaudit.annotation.pages.notices import notice_page
from plaudit.annotation.pages.task import in_words, task_page
from plaudit.annotation.pages.views import Visitor, Written
from plaudit.annotation.records import Answer, Lesson, Pause
from plaudit.annotation.replies import Page, Told, onward
from plaudit.annotation.store import Store

AGAIN_SECONDS = 30
KEPT_VERSIONS = 32

PAUSES: Mapping[str, tuple[str, str, str]] = {
    "done": ("All done", "There is nothing left for you to compare. Thank you.", "good"),
    "waiting": (
        "Nothing for you right now",
        "The rest is in other hands; some of it may come back. Leave this open.",
        "",
    ),
    "closed": ("The work is closed", "No more answers are taken. Thank you for yours.", ""),
    "unqualified": (
        "Practice is over",
        "It was not passed this time. The owner of this work can tell you more.",
        "bad",
    ),
}
"""Why there is nothing to show: heading, sentence, tone."""

PRACTISED: Mapping[str, tuple[str, ...]] = {
    "passed": ("You have passed the practice: from now on your answers count.",),
    "again": ("Too few answers agreed with the examples. Read the guidelines once more; practice begins again.",),
}
"""What the end of a round of practice means (`Receipt.practice`)."""


class Work:
    """Serves annotators.

    Args:
        store: of the campaign.
        door: knows who asks.
    """

    def __init__(self, store: Store, door: Door) -> None:
        self._store = store
        self._door = door
        self._written: dict[int, Written] = {}

    def enter(self, request: Request, token: str) -> Response:
        """``GET /in/TOKEN``: a personal link signs in."""
        reply = onward("/")
        carried = self._door.enter(token, reply, secure=request.url.scheme == "https")
        reply.headers["Location"] = "/owner" if carried.role == "owner" else "/task"
        reply.headers["Referrer-Policy"] = "no-referrer"
        return reply

    async def task(self, request: Request) -> Response:
        """``GET /task``: the task that the annotator holds or is given now."""
        carried, visitor = self._door.annotator(request)
        view, settings = await self._store.desk.next_for(carried)
        if isinstance(view, Pause):
            return await run_in_threadpool(self._pause, view, carried.annotator, visitor)
        version = view.guidelines_version
        written = self._written.get(version)
        if written is None:
            written = await run_in_threadpool(self._read_guidelines, version)
        return Page(task_page(view, written, visitor, settings.title, settings.longest_reason))

    def _read_guidelines(self, version: int) -> Written:
        found = Written(version, rendered(self._store.guidelines(version).markdown) if version else "")
        if len(self._written) >= KEPT_VERSIONS:
            self._written.clear()
        self._written[version] = found
        return found

    def _pause(self, pause: Pause, annotator: int, visitor: Visitor) -> Response:
        title, sentence, tone = PAUSES[pause.reason]
        answered = self._store.own_progress(annotator).answered
        counted = [f"You have answered {answered}."] if answered else []
        again = AGAIN_SECONDS if pause.reason == "waiting" else 0
        return Page(notice_page(title, [sentence, *counted], tone=tone, again=again, visitor=visitor))

    async def answer(self, request: Request) -> Response:
        """``POST /answer``: stored once, however often it is sent."""
        fields = await fields_of(request)
        carried, visitor = self._door.annotator(request)
        check_csrf(visitor, request, fields["csrf"])
        assignment, answer = answer_of(fields)
        receipt = await self._store.desk.answer_from(carried, assignment, answer)
        if receipt.lesson is not None:
            return _lesson(request, visitor, answer, receipt.lesson, receipt.practice)
        return Told({"first": receipt.first, "next": "/task"}) if wants_json(request) else onward("/task")


def _lesson(request: Request, visitor: Visitor, answer: Answer, lesson: Lesson, practice: str) -> Response:
    title = "You agree with the example." if lesson.right else "The example says otherwise."
    sentences = [*lesson_sentences(answer, lesson), *PRACTISED.get(practice, ())]
    if wants_json(request):
        return Told({"right": lesson.right, "title": title, "sentences": sentences, "next": "/task"})
    tone = "good" if lesson.right else "bad"
    return Page(notice_page(title, sentences, tone=tone, link=("Go on", "/task"), visitor=visitor))


def lesson_sentences(answer: Answer, lesson: Lesson) -> list[str]:
    """Return what an annotator is told about an answer in practice."""
    best = [letter for letter, rank in answer.ranking.items() if rank == 0]
    given = answer.choice if answer.choice != "ranked" else best[0] if len(best) == 1 else "tie"
    said = [] if lesson.right else [f"You said: {in_words(given)}."]
    return [*said, f"The example: {in_words(lesson.expected)}.", *([lesson.explanation] if lesson.explanation else ())]
