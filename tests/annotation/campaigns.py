"""Tasks and annotators for tests."""

from typing import Any

from plaudit.annotation.records import Answer, Pause, Shown, Task
from plaudit.annotation.store import Store
from plaudit.preferences.preference import Response

GOOD, POOR = "a good one", "a poor one"


def task(key: str, **fields: Any) -> Task:
    """A pair whose first response is the better one."""
    responses = tuple(Response(content=said) for said in fields.pop("said", (GOOD, POOR)))
    return Task(key=key, prompt=f"prompt of {key}", responses=responses, **fields)


def pairs(count: int) -> list[Task]:
    return [task(f"t{at}") for at in range(count)]


def shown(store: Store, annotator: int) -> Shown:
    """The next task, which must be there."""
    found = store.next(annotator)
    assert isinstance(found, Shown), found
    return found


def letter_of(view: Shown, said: str = GOOD) -> str:
    return next(one.letter for one in view.responses if one.content == said)


def answer_all(store: Store, annotator: int, said: str = GOOD, most: int = 10_000) -> tuple[int, Pause | None]:
    """Answer by the words of a response until there is a pause; return how many, and the pause."""
    for count in range(most):
        view = store.next(annotator)
        if isinstance(view, Pause):
            return count, view
        assert store.answer(annotator, view.assignment, Answer(choice=letter_of(view, said), seconds=2)).first
    return most, None
