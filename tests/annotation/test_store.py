"""One contract over both databases: what is stored, and what the store refuses."""

from collections import Counter
from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from plaudit.annotation.errors import BadAnswer, BadLink, BadTask, LeaseOver, NewerSchema, NotYours, Unknown
from plaudit.annotation.links import Pass
from plaudit.annotation.records import TIE, Answer, Pause, Task
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from plaudit.annotation.store.tables import METADATA
from plaudit.preferences.preference import Message, Response
from tests.annotation.campaigns import GOOD, POOR, answer_all, letter_of, pairs, shown, task
from tests.annotation.conftest import PLAIN, Clock

Open = Callable[..., Store]


def test_schema_is_what_the_tables_say(open_store: Open) -> None:
    """The migrations end in the schema that the tables declare: nothing is left to migrate."""
    store = open_store()
    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "annotation_schema"})
        assert compare_metadata(context, METADATA) == []


def test_newer_schema_is_refused_by_name(open_store: Open) -> None:
    """A database of a newer plaudit is not touched; the message names its schema and ours."""
    store = open_store()
    store.database.write(lambda session: session.execute(text("UPDATE annotation_schema SET version_num = 'r9999'")))

    with pytest.raises(NewerSchema, match=r"'r9999'.*'r0001'"):
        open_store()


def test_opened_again_everything_is_there(open_store: Open) -> None:
    """A second opening finds the first one's settings, tasks and answers, and does not lay its own settings over."""
    first = open_store(Settings(title="Mine", overlap_share=0, gold_rate=0, check_rate=0))
    first.add_tasks(pairs(3))
    answer_all(first, first.add_annotator("ann").id)
    first.close()
    second = open_store(Settings(title="Other"))

    assert second.settings.title == "Mine"
    assert [given.task for given in second.answers()] == ["t0", "t1", "t2"]
    assert second.add_annotator("ann") == second.annotators()[0]


def test_settings_and_events_are_kept(open_store: Open) -> None:
    """Changed settings hold from then on, and what was done to the campaign is written down in order."""
    store = open_store()
    store.configure(Settings(objectives=("honesty",), seed=3))
    store.close_campaign()
    store.close_campaign()
    store.reopen()
    store.note("exported", {"answers": 0})

    assert store.settings == Settings(objectives=("honesty",), seed=3)
    assert [event.kind for event in store.events()] == ["configured", "closed", "reopened", "exported"]


def test_guidelines_have_versions(open_store: Open) -> None:
    """Each change is a version, the same text is none, and each answer names the version that was shown with it."""
    store = open_store()
    store.add_tasks(pairs(2))
    ann = store.add_annotator("ann").id
    assert store.guidelines().version == 0
    assert [store.add_guidelines(said) for said in ("# One", "# One", "# Two")] == [1, 1, 2]
    view = shown(store, ann)
    store.add_guidelines("# Three")
    store.answer(ann, view.assignment, Answer(choice="A"))
    answer_all(store, ann)

    assert [given.guidelines_version for given in store.answers()] == [2, 3]
    assert store.guidelines(2).markdown == "# Two"
    with pytest.raises(Unknown, match="version 9"):
        store.guidelines(9)


def test_tasks_come_back_as_they_were(open_store: Open) -> None:
    """Conversations, ids, ratings and extras survive the database, whatever characters they hold."""
    odd = "\x00\ud800 \u202e <script>alert(1)</script> \U0001f600"
    conversation = (Message("system", odd), Message("user", "hi"))
    responses = (
        Response(content=(Message("assistant", odd),), id="north", ratings={"fun": 0.5}, extra={"model": "n"}),
        Response(content=(Message("assistant", "no"),)),
    )
    put = Task(key="k", prompt=conversation, responses=responses, priority=2.5, source="made", extra={"topic": odd})
    store = open_store()
    store.add_tasks([put])

    assert store.tasks() == [put]
    view = shown(store, store.add_annotator("ann").id)
    assert view.prompt == conversation
    assert {one.content for one in view.responses} == {response.content for response in responses}


def test_tasks_are_added_once(open_store: Open) -> None:
    """Adding again changes nothing; the same key with other words is refused, and then nothing of the batch is in."""
    store = open_store()
    assert store.add_tasks(pairs(3)).new == 3
    again = store.add_tasks(pairs(4))
    assert (again.new, again.known) == (1, 3)
    with pytest.raises(BadTask, match="'t0' is there already"):
        store.add_tasks([task("t9"), task("t0", said=("x", "y"))])

    assert [one.key for one in store.tasks()] == ["t0", "t1", "t2", "t3"]


def test_queue_goes_by_priority(open_store: Open) -> None:
    """Greater priorities come first, equal ones in the order of adding; a later change of mind counts."""
    store = open_store()
    store.add_tasks([task("a"), task("b", priority=2), task("c"), task("d")])
    assert store.prioritise({"d": 5, "a": -1}) == 2
    with pytest.raises(Unknown, match="'zz'"):
        store.prioritise({"a": 1, "zz": 1})
    answer_all(store, store.add_annotator("ann").id)

    assert [given.task for given in store.answers()] == ["d", "b", "c", "a"]


def test_letters_mean_positions(open_store: Open) -> None:
    """Whatever stands where on the screen, what is stored says which response of the task was meant."""
    store = open_store(
        Settings(overlap_share=0, gold_rate=0, check_rate=0, objectives=("honesty", "wit"), mark_spans=True)
    )
    store.add_tasks(pairs(6))
    ann = store.add_annotator("ann").id
    for _ in range(6):
        view = shown(store, ann)
        good, poor = letter_of(view), letter_of(view, POOR)
        said = Answer(
            choice=good, strength=2, objectives={"honesty": poor, "wit": "tie"}, spans={poor: ((2, 6),), good: ()}
        )
        store.answer(ann, view.assignment, said)

    answers = store.answers()
    assert {given.choice for given in answers} == {"A", "B"}
    for given in answers:
        assert given.chosen == 0
        assert given.shown["AB".index(given.choice)] == 0
        assert given.objectives == {"honesty": 1, "wit": TIE}
        assert given.spans == ((), ((2, 6),))
        assert given.strength == 2


def test_ties_and_skips(open_store: Open) -> None:
    """Ties and "both bad" prefer neither; a skip is no vote, and the task goes to somebody else."""
    store = open_store()
    store.add_tasks(pairs(3))
    ann, bob = store.add_annotator("ann").id, store.add_annotator("bob").id
    for choice in ("tie", "both_bad", "skip"):
        store.answer(ann, shown(store, ann).assignment, Answer(choice=choice, strength=3))
    assert [(given.chosen, given.strength) for given in store.answers()] == [(TIE, None), (TIE, None), (None, None)]
    assert store.next(ann) == Pause("done")
    assert (store.progress().given, store.progress().skipped, store.progress().finished) == (2, 1, 2)
    answer_all(store, bob)

    assert [given.task for given in store.answers()] == ["t0", "t1", "t2", "t2"]
    assert store.progress().finished == 3


def test_rankings(open_store: Open) -> None:
    """More than two responses are ranked: ranks are stored by position, without gaps, ties kept."""
    store = open_store()
    store.add_tasks([task("k", said=("one", "two", "three", "four"))])
    ann = store.add_annotator("ann").id
    view = shown(store, ann)
    assert view.choices == ("ranked", "skip")
    ranks = {letter_of(view, said): rank for said, rank in {"one": 7, "two": 3, "three": 7, "four": 9}.items()}
    with pytest.raises(BadAnswer, match="ranking"):
        store.answer(ann, view.assignment, Answer(choice="ranked", ranking={"A": 0}))
    store.answer(ann, view.assignment, Answer(choice="ranked", ranking=ranks))

    assert store.answers()[0].ranking == (1, 0, 1, 2)
    assert store.answers()[0].chosen == 1


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (Answer(choice="C"), "choice"),
        (Answer(choice=""), "choice"),
        (Answer(choice="ranked"), "choice"),
        (Answer(choice="A", strength=0), "strength"),
        (Answer(choice="A", strength=4), "strength"),
        (Answer(choice="A", strength=True), "strength"),
        (Answer(choice="A", ranking={"A": 0, "B": 1}), "ranking"),
        (Answer(choice="A", objectives={"wit": "A"}), "objectives"),
        (Answer(choice="A", objectives={"honesty": "C"}), "objectives"),
        (Answer(choice="A", spans={"C": ((0, 1),)}), "spans"),
        (Answer(choice="A", spans={"A": ((0, 99),)}), "spans"),
        (Answer(choice="A", spans={"A": ((3, 3),)}), "spans"),
        (Answer(choice="A", spans={"A": ((0.5, 2),)}), "spans"),
        (Answer(choice="A", spans={"A": ((1, 2, 3),)}), "spans"),
        (Answer(choice="A", reason="x" * 101), "reason"),
        (Answer(choice="A", seconds=float("nan")), "seconds"),
        (Answer(choice="A", seconds=-1), "seconds"),
    ],
)
def test_bad_answers_are_refused(tmp_path, answer: Answer, field: str) -> None:
    """Each field is checked; nothing changes, and a good answer can still be handed in."""
    settings = Settings(
        overlap_share=0, gold_rate=0, check_rate=0, objectives=("honesty",), mark_spans=True, longest_reason=100
    )
    with Store(tmp_path / "one.db", settings) as store:
        store.add_tasks(pairs(1))
        ann = store.add_annotator("ann").id
        view = shown(store, ann)
        with pytest.raises(BadAnswer, match=field):
            store.answer(ann, view.assignment, answer)

        assert store.answers() == []
        assert store.answer(ann, view.assignment, Answer(choice="A")).first


def test_odd_characters_in_reasons(open_store: Open) -> None:
    """What a database cannot take is replaced, the rest of the reason is kept as it was."""
    store = open_store()
    store.add_tasks(pairs(1))
    ann = store.add_annotator("ann").id
    store.answer(
        ann, shown(store, ann).assignment, Answer(choice="A", reason="a\x00b\ud800c'; DROP TABLE answer; --\U0001f600")
    )

    assert store.answers()[0].reason == "a�b�c'; DROP TABLE answer; --\U0001f600"


def test_double_submit_changes_nothing(open_store: Open) -> None:
    """The second of two equal or unequal submits says that the first stands."""
    store = open_store()
    store.add_tasks(pairs(2))
    ann = store.add_annotator("ann").id
    view = shown(store, ann)
    assert store.answer(ann, view.assignment, Answer(choice="A")).first
    before = store.answers()

    for choice in ("A", "B", "skip", "nonsense"):
        assert not store.answer(ann, view.assignment, Answer(choice=choice)).first
    assert store.answers() == before
    assert store.progress().given == 1


def test_two_tabs_hold_one_task(open_store: Open) -> None:
    """Asking again gives the same task in the same order, for longer."""
    store = open_store()
    store.add_tasks(pairs(3))
    ann = store.add_annotator("ann").id
    first = shown(store, ann)
    second = shown(store, ann)

    assert (first.assignment, first.responses) == (second.assignment, second.responses)
    assert store.progress().live == 1


def test_other_peoples_assignments(open_store: Open) -> None:
    """Nobody answers or gives back in another's name, or something that is not there."""
    store = open_store()
    store.add_tasks(pairs(2))
    ann, bob = store.add_annotator("ann").id, store.add_annotator("bob").id
    view = shown(store, ann)

    for act in (
        lambda: store.answer(bob, view.assignment, Answer(choice="A")),
        lambda: store.release(bob, view.assignment),
    ):
        with pytest.raises(NotYours):
            act()
    for who, what in ((ann, 999), (999, view.assignment)):
        with pytest.raises(Unknown, match="999"):
            store.answer(who, what, Answer(choice="A"))
    with pytest.raises(Unknown):
        store.next(999)
    assert store.answers() == []


def test_leases_come_back(open_store: Open, clock: Clock) -> None:
    """A task that is not answered in time goes to somebody else; not a second earlier."""
    store = open_store()
    store.add_tasks(pairs(1))
    ann, bob = store.add_annotator("ann").id, store.add_annotator("bob").id
    view = shown(store, ann)
    clock.now += PLAIN.lease_seconds - 1
    assert store.next(bob) == Pause("waiting")
    clock.now += 2
    other = shown(store, bob)
    assert other.prompt == view.prompt
    with pytest.raises(LeaseOver, match="it came|over"):
        store.answer(ann, view.assignment, Answer(choice="A"))
    store.answer(bob, other.assignment, Answer(choice="A"))

    assert store.next(ann) == Pause("done")
    assert [given.annotator for given in store.answers()] == ["bob"]


@pytest.mark.parametrize("swept", [False, True])
def test_late_answer_is_kept_while_its_place_is_free(open_store: Open, clock: Clock, *, swept: bool) -> None:
    """An answer after its time is stored if nobody has the place: noticed or not that the time was over."""
    store = open_store()
    store.add_tasks([task("a", priority=1), task("b", priority=2)])
    ann, bob = store.add_annotator("ann").id, store.add_annotator("bob").id
    view = shown(store, ann)
    clock.now += PLAIN.lease_seconds + 1
    if swept:
        other = shown(store, bob)
        store.release(bob, other.assignment)
    assert store.answer(ann, view.assignment, Answer(choice="A")).first
    answer_all(store, bob)

    assert Counter(given.task for given in store.answers()) == {"a": 1, "b": 1}
    assert store.progress().finished == 2


def test_given_back_tasks_can_be_had_again(open_store: Open) -> None:
    """Releasing frees the place at once; the old form of it can no longer be handed in beside the new one."""
    store = open_store()
    store.add_tasks(pairs(1))
    ann = store.add_annotator("ann").id
    first = shown(store, ann)
    store.release(ann, first.assignment)
    second = shown(store, ann)
    assert second.assignment != first.assignment
    with pytest.raises(LeaseOver, match="again"):
        store.answer(ann, first.assignment, Answer(choice="A"))
    store.answer(ann, second.assignment, Answer(choice="A"))
    store.release(ann, second.assignment)

    assert len(store.answers()) == 1
    assert store.next(ann) == Pause("done")


def test_closed_campaign_keeps_late_answers(open_store: Open) -> None:
    """Nothing is handed out after closing, what was out is stored and marked, and reopening goes on."""
    store = open_store()
    store.add_tasks(pairs(2))
    ann = store.add_annotator("ann").id
    view = shown(store, ann)
    store.close_campaign()
    assert store.next(ann) == Pause("closed")
    receipt = store.answer(ann, view.assignment, Answer(choice="A"))
    assert (receipt.first, receipt.late) == (True, True)
    assert store.answer(ann, view.assignment, Answer(choice="A")).late
    store.reopen()
    answer_all(store, ann)

    assert [given.late for given in store.answers()] == [True, False]
    assert store.progress().late == 1


def test_links_are_taken_back(open_store: Open) -> None:
    """Revoking voids the links of one annotator, keeping out those of all serials; the owner's are another matter."""
    store = open_store()
    store.add_tasks(pairs(1))
    ann = store.add_annotator("ann")
    assert store.admit(Pass("annotator", ann.id, 0, 9)) == ann
    assert store.admit(Pass("owner", 0, 0, 9)) is None
    assert store.revoke(ann.id).serial == 1
    assert store.revoke_owner() == store.owner_serial == 1
    for gone in (Pass("annotator", ann.id, 0, 9), Pass("owner", 0, 0, 9), Pass("annotator", 77, 0, 9)):
        with pytest.raises(BadLink, match="taken back"):
            store.admit(gone)
    shown(store, ann.id)
    store.set_active(ann.id, active=False)
    with pytest.raises(BadLink):
        store.admit(Pass("annotator", ann.id, 1, 9))
    assert store.progress().live == 0
    store.set_active(ann.id, active=True)

    assert store.admit(Pass("annotator", ann.id, 1, 9)) == store.annotator(ann.id)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b", "\ud800"])
def test_annotators_need_names(tmp_path, name: str) -> None:
    """Names that cannot be told or stored are refused."""
    with Store(tmp_path / "one.db") as store, pytest.raises(ValueError, match="annotator: the name"):
        store.add_annotator(name)


def test_nobody_to_ask_about(open_store: Open) -> None:
    """Unknown annotators are named."""
    store = open_store()
    for act in (store.annotator, store.revoke, store.own_progress, lambda who: store.set_active(who, active=True)):
        with pytest.raises(Unknown, match="annotator 5"):
            act(5)


def test_progress_counts(open_store: Open) -> None:
    """Progress adds up what was asked, what is out and what was given."""
    store = open_store(Settings(overlap=2, overlap_share=0.5, gold_rate=0, check_rate=0))
    store.add_tasks([*pairs(4), task("g", role="gold", expected=0)])
    ann, bob = store.add_annotator("ann").id, store.add_annotator("bob").id
    answer_all(store, ann)
    shown(store, bob)
    progress = store.progress()

    assert (progress.tasks, progress.wanted, progress.given, progress.live) == (4, 6, 4, 1)
    assert (progress.finished, progress.annotators, progress.disputed, progress.closed) == (2, 1, 0, None)
    assert store.own_progress(ann).answered == 4
    assert store.counts() == {"real": 4, "gold": 1}
    assert GOOD in {one.content for one in shown(store, bob).responses}
