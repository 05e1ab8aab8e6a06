"""Where annotators are served: a task handed out, an answer taken in. All day, so by prepared statements alone."""

from collections.abc import Callable

from plaudit.annotation.links import Pass
from plaudit.annotation.records import Answer, Pause, Receipt
from plaudit.annotation.store.answering import give_back, take_answer
from plaudit.annotation.store.assigning import Asker, Given, assign, idle
from plaudit.annotation.store.database import Database
from plaudit.annotation.store.statements import Hand

Looking = Callable[[Hand], Given | None]


class Desk:
    """Serves annotators of one campaign, by their number (in threads) or by their link (in an event loop).

    Args:
        database: of the campaign.
        clock: gives the time in seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._paused: set[int] = set()

    def next(self, annotator: int) -> Given:
        """Return the task an annotator holds or is given now (see `Store.next`)."""
        asker = Asker(annotator)
        return self._noted(asker, self._database.act(self._assigning(asker), self._looking(asker)))

    async def next_for(self, carried: Pass) -> Given:
        """Return the task that the one with this link holds or is given now.

        Raises:
            BadLink: the link was taken back, or its annotator is kept out or unknown here.
        """
        asker = Asker(carried.annotator, carried.serial)
        return self._noted(asker, await self._database.acting(self._assigning(asker), self._looking(asker)))

    def answer(self, annotator: int, assignment: int, answer: Answer) -> Receipt:
        """Store an answer (see `Store.answer`)."""
        return self._database.act(self._taking(Asker(annotator), assignment, answer))

    async def answer_from(self, carried: Pass, assignment: int, answer: Answer) -> Receipt:
        """Store an answer of the one with this link (see `Store.answer`).

        Raises:
            BadLink: the link was taken back, or its annotator is kept out or unknown here.
        """
        asker = Asker(carried.annotator, carried.serial)
        return await self._database.acting(self._taking(asker, assignment, answer))

    def give_back(self, annotator: int, assignment: int) -> None:
        """Give a task back unanswered (see `Store.release`)."""
        self._database.act(lambda hand: give_back(hand, Asker(annotator), assignment))

    def _assigning(self, asker: Asker) -> Callable[[Hand], Given]:
        return lambda hand: assign(hand, asker, self._clock())

    def _taking(self, asker: Asker, assignment: int, answer: Answer) -> Callable[[Hand], Receipt]:
        return lambda hand: take_answer(hand, asker, assignment, answer, self._clock())

    def _looking(self, asker: Asker) -> Looking | None:
        """Return a look that comes before anything is locked: for those who were told to wait, and ask again."""
        if asker.annotator not in self._paused:
            return None
        return lambda hand: idle(hand, asker, self._clock())

    def _noted(self, asker: Asker, given: Given) -> Given:
        (self._paused.add if isinstance(given.view, Pause) else self._paused.discard)(asker.annotator)
        return given
