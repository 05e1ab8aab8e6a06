"""Many at once: nothing is lost, doubled or given to more people than it should be, by threads or by processes."""

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plaudit.annotation.records import Answer, Pause
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from tests.annotation.campaigns import GOOD, POOR, answer_all, letter_of, pairs, shown
from tests.annotation.postgres import Server

SHARED = Settings(overlap=3, overlap_share=0.5, gold_rate=0, check_rate=0, extra_votes=0)


PATIENCE = 120.0
"""Seconds after which somebody who waits for work gives up: another has died with a task in their hands."""


def _work(where: str, name: str, said: str = GOOD) -> list[int]:
    """Answer until there is nothing left, handing everything in twice; return the assignments acknowledged."""
    done, pause, until = [], 0.02, time.monotonic() + PATIENCE
    with Store(where, busy_seconds=60) as store:
        me = store.add_annotator(name).id
        while not isinstance(view := store.next(me), Pause) or view.reason == "waiting":
            if isinstance(view, Pause):
                assert time.monotonic() < until, f"{name} waited for {PATIENCE} s"
                time.sleep(pause)
                pause = min(1.0, 1.5 * pause)
                continue
            pause = 0.02
            answer = Answer(choice=letter_of(view, said), reason=name)
            if store.answer(me, view.assignment, answer).first:
                done.append(view.assignment)
            assert not store.answer(me, view.assignment, answer).first
    return done


def _check(where: str, acknowledged: list[int], tasks: int) -> None:
    with Store(where) as store:
        answers = store.answers()
        assert sorted(acknowledged) == sorted(given.assignment for given in answers)
        counts = Counter(given.task for given in answers)
        assert set(counts) == {one.key for one in store.tasks()}
        assert Counter(counts.values()) == {1: tasks // 2, 3: tasks // 2}
        assert len({(given.task, given.annotator) for given in answers}) == len(answers)
        progress = store.progress()
        assert (progress.given, progress.finished, progress.live) == (2 * tasks, tasks, 0)


def _crowd(where: str, people: int, tasks: int) -> None:
    with Store(where, SHARED) as store:
        store.add_tasks(pairs(tasks))
    with ThreadPoolExecutor(people) as pool:
        done = list(pool.map(lambda at: _work(where, f"annotator {at}"), range(people)))
    _check(where, [one for each in done for one in each], tasks)


def test_a_few_threads(where: str) -> None:
    """Six annotators in six threads, each with a store of their own."""
    _crowd(where, 6, 8)


@pytest.mark.slow
def test_fifty_threads(where: str) -> None:
    """Fifty annotators answering at once lose and double nothing."""
    _crowd(where, 50, 40)


@pytest.mark.slow
def test_all_at_one_task(postgres: Server, monkeypatch) -> None:
    """Sixteen who answer the same shared tasks at the same moment: nobody's transaction dies of the others' locks."""
    where = postgres.database()
    shared = Settings(overlap=16, overlap_share=1, gold_rate=0, check_rate=0, extra_votes=0)
    with Store(where, shared) as store:
        store.add_tasks(pairs(6))
        people = [store.add_annotator(f"a{at}").id for at in range(16)]
        monkeypatch.setattr(store.database, "_is_race", lambda _: False)  # nothing is tried again
        with ThreadPoolExecutor(16) as pool:
            for _ in range(6):
                views = list(pool.map(lambda who: shown(store, who), people))
                answers = [Answer(choice=letter_of(view)) for view in views]
                assignments = [view.assignment for view in views]
                assert all(one.first for one in pool.map(store.answer, people, assignments, answers))


@pytest.mark.slow
def test_several_processes(where: str) -> None:
    """Four processes over one database; what each was told is stored is there, once."""
    with Store(where, SHARED) as store:
        store.add_tasks(pairs(20))
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        done = pool.starmap(_work, [(where, f"process {at}") for at in range(4)])
    _check(where, [one for each in done for one in each], 20)


def test_threads_share_a_store(open_store: Callable[..., Store]) -> None:
    """One store serves all threads: twelve annotators of six tasks, each task to one of them."""
    store = open_store()
    store.add_tasks(pairs(6))
    people = [store.add_annotator(f"a{at}").id for at in range(12)]
    start = threading.Barrier(12)

    def first(annotator: int) -> str:
        start.wait()
        view = store.next(annotator)
        return view.reason if isinstance(view, Pause) else str(view.prompt)

    with ThreadPoolExecutor(12) as pool:
        seen = Counter(pool.map(first, people))

    assert seen.pop("waiting") == 6
    assert seen == Counter(f"prompt of t{at}" for at in range(6))


def test_one_annotator_in_many_tabs(open_store: Callable[..., Store]) -> None:
    """Eight tabs of one annotator show one task, and eight submits of it are one answer."""
    store = open_store()
    store.add_tasks(pairs(3))
    ann = store.add_annotator("ann").id

    with ThreadPoolExecutor(8) as pool:
        views = list(pool.map(lambda _: shown(store, ann), range(8)))
        receipts = list(
            pool.map(lambda at: store.answer(ann, views[0].assignment, Answer(choice="AB"[at % 2])), range(8))
        )

    assert len({view.assignment for view in views}) == 1
    assert sum(receipt.first for receipt in receipts) == 1
    assert len(store.answers()) == 1


def test_opened_by_many_at_once(where: str) -> None:
    """Six openings of a new database make its tables and its campaign once."""
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda at: Store(where, Settings(seed=at), busy_seconds=60), range(6)))
    seeds = {store.settings.seed for store in stores}
    for store in stores:
        store.close()

    assert len(seeds) == 1


def test_tasks_added_by_many_at_once(where: str) -> None:
    """The same tasks added by four at once are there once, under positions of their own."""
    with Store(where, SHARED, busy_seconds=60) as store:
        with ThreadPoolExecutor(4) as pool:
            added = list(pool.map(lambda _: store.add_tasks(pairs(10)).new, range(4)))

        assert sorted(added) == [0, 0, 0, 10]
        assert [one.key for one in store.tasks()] == [f"t{at}" for at in range(10)]
        assert answer_all(store, store.add_annotator("ann").id, POOR)[0] == 10


def test_disputes_under_a_crowd(where: str) -> None:
    """Two who always differ raise each shared task to one more answer, and never more than that."""
    settings = Settings(overlap=2, overlap_share=1, gold_rate=0, check_rate=0, extra_votes=1)
    with Store(where, settings) as store:
        store.add_tasks(pairs(5))
    with ThreadPoolExecutor(4) as pool:
        sides = (GOOD, POOR, GOOD, POOR)
        list(pool.map(lambda at: _work(where, f"a{at}", sides[at]), range(4)))
    with Store(where) as store:
        votes: dict[str, list[int | None]] = {}
        for given in store.answers():
            votes.setdefault(given.task, []).append(given.chosen)

    for said in votes.values():
        assert len(said) == (3 if len(set(said[:2])) > 1 else 2)


def test_a_closed_campaign_is_one_file(tmp_path: Path) -> None:
    """A closed SQLite campaign is one file, with nothing beside it that a copy would miss."""
    with Store(tmp_path / "campaign.db") as store:
        store.add_tasks(pairs(1))

    assert [file.name for file in tmp_path.iterdir()] == ["campaign.db"]
