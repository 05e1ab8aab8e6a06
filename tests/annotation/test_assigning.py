"""Who is given what: overlap, gold and checks by rate, practice, balance of sides, disagreements."""

import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.annotation.records import Answer, BadTask, Pause
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from plaudit.annotation.store.assigning import shown_order
from plaudit.annotation.store.tasks import wanted
from tests.annotation.campaigns import GOOD, POOR, answer_all, letter_of, pairs, shown, task

OFF = {"gold_rate": 0.0, "check_rate": 0.0}


@given(st.floats(0, 1), st.integers(0, 1000), st.integers(1, 500))
def test_share_of_shared_tasks_is_the_stated_one(share: float, seed: int, count: int) -> None:
    """Of any first n tasks, n × share are shared, to within one; the others go to one annotator."""
    places = [wanted(at, Settings(overlap=4, overlap_share=share, seed=seed)) for at in range(count)]

    assert set(places) <= {1, 4}
    assert abs(places.count(4) - count * share) < 1 + 1e-9


@given(st.integers(2, 6), st.integers(0, 100), st.integers(0, 30))
def test_every_response_stands_first_equally_often(count: int, seed: int, block: int) -> None:
    """Over as many tasks, or as many views of one task, as there are responses: each order is a permutation."""
    tasks = [shown_order(count, block * count + at, 0, seed) for at in range(count)]
    views = [shown_order(count, block, turn, seed) for turn in range(count)]

    assert all(sorted(order) == list(range(count)) for order in tasks + views)
    if count == 2:
        assert {order[0] for order in tasks} == {0, 1}
    assert {order[0] for order in views} == set(range(count))


def test_sides_are_balanced_and_drawn(tmp_path: Path) -> None:
    """Of 40 pairs 20 have the first response on the left, in no order that could be told from the one before."""
    lefts = [shown_order(2, at, 0, 0)[0] for at in range(40)]

    assert sum(lefts) == 20
    runs = Counter(itertools.pairwise(lefts))
    assert min(runs.values()) >= 4


def test_overlap_is_met_exactly(tmp_path: Path) -> None:
    """Five annotators: shared tasks get three answers of different people, the others one; then all is done."""
    with Store(tmp_path / "a.db", Settings(overlap=3, overlap_share=0.5, **OFF)) as store:
        store.add_tasks(pairs(6))
        people = [store.add_annotator(name).id for name in "abcde"]
        done = [answer_all(store, one) for one in people]
        counts = Counter(given.task for given in store.answers())

        assert {pause.reason for _, pause in done if pause} == {"done"}
        assert sorted(counts.values()) == [1, 1, 1, 3, 3, 3]
        assert len({(given.task, given.annotator) for given in store.answers()}) == 12
        assert store.progress().finished == 6


def test_both_sides_of_a_shared_task_are_seen(tmp_path: Path) -> None:
    """Two annotators of one task see it in opposite orders, and each sees the same again after coming back."""
    with Store(tmp_path / "a.db", Settings(overlap=2, overlap_share=1, **OFF)) as store:
        store.add_tasks(pairs(1))
        one, other = (shown(store, store.add_annotator(name).id) for name in "ab")

        assert [r.content for r in one.responses] == [r.content for r in other.responses][::-1]
        assert shown(store, 1).responses == one.responses


def test_gold_and_checks_come_at_their_rates(tmp_path: Path) -> None:
    """About one in five is gold and one in ten a check; nobody sees one twice; nothing on the page tells them apart."""
    with Store(tmp_path / "a.db", Settings(overlap_share=0, gold_rate=0.2, check_rate=0.1)) as store:
        known = [task(f"{role}{at}", role=role, expected=0) for role in ("gold", "check") for at in range(60)]
        store.add_tasks([*pairs(60), *known])
        ann = store.add_annotator("ann").id
        views = set()
        while not isinstance(view := store.next(ann), Pause):
            views.add((view.practice, view.strengths, view.of))
            store.answer(ann, view.assignment, Answer(choice="A"))
        roles = Counter(given.role for given in store.answers())

        assert roles["real"] == 60
        assert 8 <= roles["gold"] <= 28
        assert 2 <= roles["check"] <= 18
        assert len({given.task for given in store.answers()}) == sum(roles.values())
        assert len(views) == 1


def test_without_gold_left_real_tasks_go_on(tmp_path: Path) -> None:
    """When every known answer was seen, or there is none, real tasks come in their place."""
    with Store(tmp_path / "a.db", Settings(overlap_share=0, gold_rate=0.5, check_rate=0.4)) as store:
        store.add_tasks([*pairs(5), task("g", role="gold", expected=1)])

        assert answer_all(store, store.add_annotator("ann").id)[1] == Pause("done")
        assert Counter(given.role for given in store.answers())["real"] == 5


def test_practice_comes_first_and_is_explained(tmp_path: Path) -> None:
    """Practice tasks come in order, each with a lesson; who passes goes on to real tasks, and skips count as wrong."""
    with Store(tmp_path / "a.db", Settings(overlap_share=0, pass_mark=0.5, **OFF)) as store:
        store.add_tasks([task(f"p{at}", role="practice", expected=0, explanation=f"Because {at}.") for at in range(2)])
        store.add_tasks(pairs(1))
        ann = store.add_annotator("ann").id
        first = shown(store, ann)
        assert (first.practice, first.number, first.of) == (True, 1, 2)
        lesson = store.answer(ann, first.assignment, Answer(choice=letter_of(first))).lesson
        assert lesson is not None
        assert (lesson.right, lesson.expected, lesson.explanation) == (True, letter_of(first), "Because 0.")
        again = store.answer(ann, first.assignment, Answer(choice=letter_of(first, POOR)))
        assert (again.first, again.lesson) == (False, lesson)
        second = shown(store, ann)
        assert second.number == 2
        wrong = store.answer(ann, second.assignment, Answer(choice="skip")).lesson
        assert wrong is not None
        assert not wrong.right

        assert store.annotator(ann).qualified
        assert not shown(store, ann).practice
        assert store.own_progress(ann).answered == 0


def test_practice_failed_is_repeated_and_then_over(tmp_path: Path) -> None:
    """Below the mark there is another round of the same tasks; after the last there are no tasks for this annotator."""
    with Store(tmp_path / "a.db", Settings(overlap_share=0, pass_mark=1.0, practice_rounds=2, **OFF)) as store:
        store.add_tasks([task(f"p{at}", role="practice", expected=0) for at in range(2)])
        store.add_tasks(pairs(1))
        ann, bob = store.add_annotator("ann").id, store.add_annotator("bob").id

        assert answer_all(store, ann, POOR) == (4, Pause("unqualified"))
        assert store.own_progress(ann).practice_round == 1
        assert answer_all(store, bob, POOR, most=2) == (2, None)
        assert answer_all(store, bob, GOOD) == (3, Pause("done"))


def test_disagreement_goes_to_one_more(tmp_path: Path) -> None:
    """A shared task whose answers differ is given, before all others, to one more annotator, as often as allowed."""
    with Store(tmp_path / "a.db", Settings(overlap=2, overlap_share=1, extra_votes=2, **OFF)) as store:
        store.add_tasks([task("calm", priority=9), task("hot", priority=5), task("later", priority=1)])
        people = [store.add_annotator(name).id for name in "abcde"]
        for one in people[:2]:
            answer_all(store, one, GOOD, most=1)
        answer_all(store, people[0], GOOD, most=1)
        answer_all(store, people[1], POOR, most=1)
        assert store.progress().disputed == 1
        third = shown(store, people[2])
        assert third.prompt == "prompt of hot"
        store.answer(people[2], third.assignment, Answer(choice="tie"))
        fourth = shown(store, people[3])
        assert fourth.prompt == "prompt of hot"
        store.answer(people[3], fourth.assignment, Answer(choice="tie"))

        assert shown(store, people[4]).prompt == "prompt of later"
        assert store.prioritise({"hot": -5}) == 1
        assert store.progress().wanted == 8


@pytest.mark.parametrize(
    "fields",
    [
        {"overlap_share": 1.5},
        {"gold_rate": -0.1},
        {"gold_rate": 0.5, "check_rate": 0.5},
        {"overlap": 0},
        {"extra_votes": -1},
        {"practice_rounds": 0},
        {"lease_seconds": 0.0},
        {"lease_seconds": float("nan")},
        {"objectives": ("a", "a")},
        {"objectives": ("",)},
    ],
)
def test_settings_out_of_range_are_named(fields: dict[str, object]) -> None:
    """Each setting is checked, and the message names it."""
    with pytest.raises(ValueError, match="|".join(fields)):
        Settings(**fields)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"key": ""}, "key"),
        ({"key": "k", "said": ("one",)}, "1 responses"),
        ({"key": "k", "said": tuple(map(str, range(27)))}, "27 responses"),
        ({"key": "k", "expected": 0}, "expected"),
        ({"key": "k", "role": "gold"}, "expected"),
        ({"key": "k", "role": "check", "expected": 2}, "expected"),
        ({"key": "k", "priority": float("nan")}, "priority"),
    ],
)
def test_tasks_that_cannot_be_are_named(fields: dict[str, object], named: str) -> None:
    """A task without identity, responses or the answer its role needs is refused."""
    with pytest.raises(BadTask, match=named):
        task(**fields)


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("nnnabtskrxe")), max_size=40), st.integers(0, 9))
def test_whatever_people_do_the_books_balance(tmp_path_factory, acts: list[tuple[int, str]], seed: int) -> None:
    """Any order of asking, answering, skipping, giving back, double submits and expiry keeps every promise."""
    now = [0.0]
    folder = tmp_path_factory.mktemp("books")
    options = Settings(overlap=2, overlap_share=0.5, lease_seconds=10, seed=seed, **OFF)
    with Store(folder / "a.db", options, clock=lambda: now[0]) as store:
        store.add_tasks(pairs(4))
        people = [store.add_annotator(name).id for name in "abcd"]
        acknowledged: dict[int, int] = {}
        for who, act in acts:
            now[0] += 11.0 if act == "e" else 1.0
            view = store.next(people[who])
            if isinstance(view, Pause) or act in "ne":
                continue
            if act == "r":
                store.release(people[who], view.assignment)
                continue
            choice = {"a": "A", "b": "B", "t": "tie", "s": "skip", "k": "both_bad", "x": "A"}[act]
            assert store.answer(people[who], view.assignment, Answer(choice=choice)).first
            acknowledged[view.assignment] = people[who]
            assert not store.answer(people[who], view.assignment, Answer(choice="B")).first
        answers, progress = store.answers(), store.progress()
        votes = [given for given in answers if given.chosen is not None]

        assert {given.assignment for given in answers} == set(acknowledged)
        assert len({(given.task, given.annotator) for given in answers}) == len(answers)
        assert max(Counter(given.task for given in votes).values(), default=0) <= 3
        assert progress.given == len(votes)
        assert progress.given + progress.live <= progress.wanted
