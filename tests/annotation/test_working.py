"""The annotator's side: what is shown, what is stored, and what is refused."""

import re
from collections.abc import Callable, Iterator

import pytest

from plaudit.annotation.errors import StoreAway
from plaudit.annotation.records import Task
from plaudit.annotation.settings import Settings
from plaudit.preferences.preference import Message, Response
from tests.annotation.campaigns import GOOD, POOR, pairs, task
from tests.annotation.conftest import PLAIN
from tests.annotation.site import EVIL, Site

Open = Callable[..., Site]


@pytest.fixture
def site(tmp_path) -> Iterator[Open]:
    """Open sites over files of their own; they are closed at the end."""
    opened: list[Site] = []

    def open_one(*arguments: object, **options: object) -> Site:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        opened.append(Site(folder, *arguments, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.store.close()


def test_an_answer_is_stored_with_what_was_said(site: Open) -> None:
    """Choice, strength, objectives, stretches, reason and time arrive as they were given, in positions of the task."""
    settings = Settings(overlap_share=0, gold_rate=0, check_rate=0, objectives=("honesty",), mark_spans=True)
    here = site(pairs(1), settings)
    ann = here.annotator()
    letter = ann.letter()
    fields = {
        "strength": "2",
        "objective.honesty": letter,
        f"span.{letter}": ["", "0-3"],
        "reason": "é\r\nso",
        "seconds": "4.5",
    }

    reply = ann.answer(letter, **fields)

    assert (reply.status_code, reply.json()) == (200, {"first": True, "next": "/task"})
    (given,) = here.store.answers()
    assert (given.task, given.annotator, given.chosen, given.strength) == ("t0", "ann", 0, 2)
    assert (given.objectives, given.spans) == ({"honesty": 0}, (((0, 3),), None))
    assert (given.reason, given.seconds) == ("é\nso", 4.5)


def test_without_javascript_a_plain_form_does_it(site: Open) -> None:
    """A form with its token in a field is answered by the next task, by way of a redirect."""
    here = site(pairs(2))
    ann = here.annotator()
    first = ann.assignment

    reply = ann.answer(script=False, strength="1")

    assert reply.history[0].status_code == 303
    assert str(reply.url).endswith("/task")
    assert f'name="assignment" value="{first}"' not in reply.text
    assert len(here.store.answers()) == 1


def test_a_double_submit_changes_nothing(site: Open) -> None:
    """The same form sent twice, and another tab with another opinion, leave the first answer as it was."""
    here = site(pairs(1))
    ann = here.annotator()
    letter = ann.letter()

    replies = [ann.answer(letter), ann.answer(letter), ann.answer("tie"), ann.answer(letter, script=False)]

    assert [one.json()["first"] for one in replies[:3]] == [True, False, False]
    assert replies[3].status_code == 200
    assert [one.chosen for one in here.store.answers()] == [0]


def test_two_tabs_show_one_task(site: Open) -> None:
    """A reload and a second tab show the task that is held, in the same order, and take no other."""
    ann = site(pairs(5)).annotator()
    before = (ann.assignment, ann.letter())
    ann.get("/task")

    assert (ann.assignment, ann.letter()) == before


def test_no_one_answers_in_anothers_name(site: Open) -> None:
    """Another annotator's assignment, one that is not there, and no number at all are refused: nothing is stored."""
    here = site(pairs(3))
    ann, bob = here.annotator("ann"), here.annotator("bob")

    for assignment, status in ((ann.assignment, 403), ("999", 404), ("x", 422), ("1" * 40, 422)):
        reply = bob.post("/answer", {"assignment": assignment, "choice": "A"}, script=True)
        assert reply.status_code == status, assignment
        assert reply.json()["message"]
    assert here.store.answers() == []


def test_an_annotator_sees_nobody_elses_answers(site: Open) -> None:
    """What one says is on no page of another; the owner's page and its exports are closed to annotators."""
    here = site([task("shared")], Settings(overlap_share=1, overlap=2, gold_rate=0, check_rate=0))
    ann, bob = here.annotator("ann"), here.annotator("bob")
    ann.answer(reason="a very telling reason")
    pages = [bob.get(path) for path in ("/task", "/owner", "/owner/export/x", "/", "/in/x")]

    assert not any("telling" in one.text or "ann" in one.text.split("<body")[-1].split() for one in pages)
    assert [one.status_code for one in pages] == [200, 401, 401, 200, 401]
    for path in ("/owner/close", "/owner/open", "/owner/guidelines", "/owner/links/make", "/owner/links/revoke"):
        assert bob.post(path, {"name": "x", "days": "3"}).status_code == 401


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"choice": ""}, "nothing was chosen"),
        ({"choice": "C"}, "choice is 'C'"),
        ({"choice": "ranked"}, "choice is 'ranked'"),
        ({"strength": "9"}, "strength is 9"),
        ({"strength": "-1"}, "strength is '-1'"),
        ({"objective.beauty": "A"}, "beauty"),
        ({"span.A": "3-1"}, "span"),
        ({"span.A": "here"}, "span of A is 'here'"),
        ({"reason": "x" * 20_001}, "reason has 20001 characters"),
    ],
)
def test_an_answer_that_cannot_be_is_named(site: Open, fields: dict[str, str], words: str) -> None:
    """What is wrong is said, as JSON and as a page; the task is still to be answered."""
    here = site(pairs(1))
    ann = here.annotator()
    sent = {"assignment": ann.assignment, "choice": "A", **fields}

    told = ann.post("/answer", sent, script=True)
    page = ann.post("/answer", sent)

    assert (told.status_code, page.status_code) == (422, 422)
    assert words.lower() in told.json()["message"].lower()
    assert "Go back" in page.text
    assert here.store.answers() == []
    assert ann.answer().status_code == 200


@pytest.mark.parametrize("seconds", ["", "nan", "-3", "inf", "soon"])
def test_a_time_that_cannot_be_counts_as_none(site: Open, seconds: str) -> None:
    """A page without JavaScript knows no time; its answer counts all the same."""
    here = site(pairs(1))
    here.annotator().answer(seconds=seconds)

    assert [one.seconds for one in here.store.answers()] == [0.0]


def test_a_form_needs_the_token_of_its_page(site: Open) -> None:
    """Without the token, or with another visitor's, nothing is taken, whatever cookie comes along."""
    here = site(pairs(3))
    ann, bob = here.annotator("ann"), here.annotator("bob")
    for token in ("", bob.token, ann.token[:-1], "é"):
        ann_sent = {"assignment": ann.assignment, "choice": "A", "csrf": token}
        assert ann.client.post("/answer", data=ann_sent).status_code == 403
    assert here.store.answers() == []


def test_bodies_that_are_no_forms_are_refused(site: Open) -> None:
    """JSON, files, broken encodings and endless bodies are refused before anything is looked up."""
    ann = site(pairs(1)).annotator()
    form = {"content-type": "application/x-www-form-urlencoded"}

    assert ann.client.post("/answer", json={"choice": "A"}).status_code == 400
    assert ann.client.post("/answer", files={"choice": b"A"}).status_code == 400
    assert ann.client.post("/answer", content=b"choice=%ff", headers=form).status_code == 400
    assert ann.client.post("/answer", content=b"\xff=1", headers=form).status_code == 400
    assert ann.client.post("/answer", content=b"&".join([b"a=1"] * 5_001), headers=form).status_code == 400
    assert ann.client.post("/answer", content=b"reason=" + b"x" * (1 << 20), headers=form).status_code == 413


def test_unknown_addresses_and_methods_have_a_page(site: Open) -> None:
    """What is not there is said on a page of ours, in our language, under our policy."""
    ann = site(pairs(1)).annotator()

    for reply, status in ((ann.get("/nothing"), 404), (ann.get("/static/0/task.js"), 404), (ann.get("/answer"), 405)):
        assert reply.status_code == status
        assert '<html lang="en">' in reply.text
        assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_hostile_texts_are_shown_as_text(site: Open) -> None:
    """Scripts in prompt, responses, roles, title, objectives and guidelines are words on the page, and nothing else."""
    settings = Settings(overlap_share=0, gold_rate=0, check_rate=0, title=EVIL, objectives=(EVIL,))
    turns = (Message(EVIL, EVIL), Message("user", EVIL))
    evil = Task(key="evil", prompt=turns, responses=(Response(content=EVIL), Response(content=turns)))
    here = site([evil], settings)
    here.store.add_guidelines(f"{EVIL}\n\n[x](javascript:alert(1)) ![y](https://example.org/y.png)\n\n<b>bold</b>")
    page = here.annotator().page

    assert "<script>" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "<b>" not in page
    assert page.count("&lt;/script&gt;&lt;script&gt;window.broken = 1&lt;/script&gt;") >= 6


def test_every_page_is_under_a_strict_policy(site: Open) -> None:
    """No inline script, style or handler is on a page, and the policy would not run one."""
    here = site(pairs(1))
    ann, owner = here.annotator(), here.owner()
    replies = [ann.get("/task"), owner.get("/owner"), here.browser().get("/task"), ann.get("/nowhere")]

    for reply in replies:
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert "script-src 'self'" in reply.headers["content-security-policy"]
        assert reply.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", reply.text)


def test_styles_and_scripts_are_kept_by_browsers(site: Open) -> None:
    """Every file that a page names is there, with its type, under an address that changes with it."""
    here = site(pairs(1))
    pages = here.annotator().page + here.owner().page
    found = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', pages))

    assert {name.rsplit("/", 1)[-1] for name in found} == {"annotation.css", "task.js", "owner.js"}
    for name in found:
        reply = here.browser().get(name)
        assert reply.status_code == 200
        assert "immutable" in reply.headers["cache-control"]
        assert reply.headers["content-type"].startswith("text/css" if name.endswith("css") else "text/javascript")


def test_a_ranking_is_stored_as_ranks(site: Open) -> None:
    """Four responses are ranked with a tie; a missing rank is named."""
    said = ("one", "two", "three", "four")
    here = site([task("many", said=said)])
    ann = here.annotator()
    ranks = {f"rank.{ann.letter(word)}": str(rank) for word, rank in zip(said, (1, 0, 1, 2), strict=True)}

    assert "Rank of" in ann.answer("ranked", **ranks | {"rank.A": ""}).json()["message"]
    assert ann.answer("ranked", **ranks).status_code == 200
    (given,) = here.store.answers()
    assert (given.ranking, given.chosen) == ((1, 0, 1, 2), 1)


def test_a_skip_needs_nothing_else(site: Open) -> None:
    """A skipped task is stored as such, whatever else the form held, and another comes."""
    here = site(pairs(2))
    ann = here.annotator()
    first = ann.assignment
    assert ann.post("/answer", {"assignment": first, "skip": "1", "strength": "77"}, script=True).status_code == 200
    ann.get("/task")

    assert ann.assignment != first
    assert [one.choice for one in here.store.answers()] == ["skip"]


@pytest.mark.parametrize("choice", ["tie", "both_bad"])
def test_strength_beside_a_tie_is_left_out(site: Open, choice: str) -> None:
    """A page without JavaScript cannot take a strength back; beside a tie it says nothing."""
    here = site(pairs(1))
    assert here.annotator().answer(choice, strength="2").status_code == 200

    assert [(one.choice, one.strength) for one in here.store.answers()] == [(choice, None)]


def practice(count: int = 2) -> list[Task]:
    return [task(f"p{at}", role="practice", expected=0, explanation=f"because {at}") for at in range(count)]


def test_practice_comes_first_and_teaches(site: Open) -> None:
    """Examples are explained after each answer; who fails practises again, who passes gets real tasks."""
    here = site([*pairs(1), *practice()], PLAIN)
    ann = here.annotator()
    assert "Practice, 1 of 2" in ann.page
    wrong = ann.answer(ann.letter(POOR)).json()
    ann.get("/task")
    again = ann.answer(ann.letter(POOR)).json()
    ann.get("/task")
    assert "Practice, 1 of 2" in ann.page
    right = ann.answer().json()
    ann.get("/task")
    passed = ann.answer().json()
    ann.get("/task")

    assert not wrong["right"]
    assert wrong["sentences"][0].startswith("You said: ")
    assert "because" in " ".join(wrong["sentences"])
    assert "practice begins again" in " ".join(again["sentences"])
    assert right["right"]
    assert "You have passed" in " ".join(passed["sentences"])
    assert "Comparison 1" in ann.page


def test_a_lesson_without_javascript_is_a_page(site: Open) -> None:
    """The lesson is told to browsers without scripts too."""
    reply = site([*pairs(1), *practice()]).annotator().answer(script=False)

    assert reply.status_code == 200
    assert "You agree with the example" in reply.text
    assert 'href="/task"' in reply.text


def test_who_fails_practice_is_told(site: Open) -> None:
    """After the last try there is a page that says so, and nothing to answer."""
    here = site([*pairs(1), *practice(1)], Settings(overlap_share=0, gold_rate=0, check_rate=0, practice_rounds=1))
    ann = here.annotator()
    ann.answer(ann.letter(POOR))

    assert "Practice is over" in ann.get("/task").text


def test_there_is_a_page_for_every_end(site: Open) -> None:
    """Done, waiting for others, closed: each is said, and only waiting looks again by itself."""
    here = site(pairs(1))
    ann, bob = here.annotator("ann"), here.annotator("bob")
    assert "Nothing for you right now" in bob.page
    assert 'data-again="30"' in bob.page
    ann.answer()
    assert "All done" in ann.get("/task").text
    assert "You have answered 1." in ann.page
    assert "data-again" not in ann.page
    here.store.close_campaign()
    assert "The work is closed" in ann.get("/task").text


def test_an_answer_after_closing_is_kept_and_marked(site: Open) -> None:
    """What was on the screen when the work was closed and exported is not lost: it is stored as late."""
    here = site(pairs(1))
    ann = here.annotator()
    here.store.close_campaign()

    assert ann.answer().json() == {"first": True, "next": "/task"}
    assert [one.late for one in here.store.answers()] == [True]


def test_an_answer_to_a_place_that_is_taken_comes_too_late(site: Open) -> None:
    """A task that went back and was answered by another takes no second answer; the page says where to go on."""
    here = site(pairs(1), Settings(overlap_share=0, gold_rate=0, check_rate=0, lease_seconds=0.001))
    ann, bob = here.annotator("ann"), here.annotator("bob")
    assert bob.answer().status_code == 200

    told, page = ann.answer(), ann.answer(script=False)

    assert (told.status_code, told.json()["next"]) == (409, "/task")
    assert "came too late" in page.text
    assert [one.annotator for one in here.store.answers()] == ["bob"]


def test_a_database_that_is_away_is_said_and_comes_back(site: Open, monkeypatch) -> None:
    """While it is away there is a page that looks again, and scripts are told to; then the same answer is stored."""
    here = site(pairs(1))
    ann = here.annotator()
    letter, real = ann.letter(), here.store.database.acting

    async def away(*_: object) -> None:
        raise StoreAway("the database postgresql://user@host/x cannot be used now")

    monkeypatch.setattr(here.store.database, "acting", away)
    told, page = ann.answer(letter), ann.client.get("/task")
    monkeypatch.setattr(here.store.database, "acting", real)

    assert (told.status_code, page.status_code) == (503, 503)
    assert told.headers["retry-after"]
    assert "One moment" in page.text
    assert "data-again" in page.text
    assert "postgresql" not in page.text + told.text
    assert ann.answer(letter).json()["first"]


def test_a_fault_of_ours_has_a_page_and_tells_nothing(site: Open, monkeypatch) -> None:
    """What nobody foresaw is a page without a traceback; scripts are told so that they keep the answer."""
    here = site(pairs(1))
    ann = here.annotator()
    letter = ann.letter()

    async def fail(*_: object) -> None:
        raise RuntimeError("inner words")

    monkeypatch.setattr(here.store.database, "acting", fail)
    told, page = ann.answer(letter), ann.client.get("/task")

    assert (told.status_code, page.status_code) == (500, 500)
    assert "nothing was stored" in told.json()["message"]
    assert "That did not work" in page.text
    assert "inner words" not in told.text + page.text


def test_a_file_that_was_taken_away_is_a_database_that_is_away(site: Open) -> None:
    """A SQLite file that is moved and put back: a clear page in between, and work goes on."""
    here = site(pairs(1))
    ann = here.annotator()
    file = next(path for path in (here.store.database._file,) if path)
    moved = file.rename(file.with_suffix(".moved"))
    assert ann.client.get("/task").status_code == 503
    moved.rename(file)

    assert ann.answer().status_code == 200


def test_huge_responses_are_whole(site: Open) -> None:
    """A response of a million characters is on the page to its last, and can be answered."""
    huge = "word " * 200_000 + "the end"
    here = site([Task(key="huge", prompt="p", responses=(Response(content=huge), Response(content="short")))])
    ann = here.annotator()

    assert huge in ann.page
    assert ann.answer("A").status_code == 200


def test_guidelines_are_shown_with_their_version(site: Open) -> None:
    """A task keeps the version it was handed out with; the next one has the new one, and so do the answers."""
    here = site(pairs(2))
    here.store.add_guidelines("first words")
    ann = here.annotator()
    assert "first words" in ann.page
    here.store.add_guidelines("second words")
    ann.answer()
    ann.get("/task")
    assert "second words" in ann.page
    assert 'data-guidelines="2"' in ann.page
    ann.answer()

    assert [one.guidelines_version for one in here.store.answers()] == [1, 2]


def test_good_words_stand_on_both_sides(site: Open) -> None:
    """The order on the screen is drawn anew for each view: over 8 tasks the better one stands first and second."""
    here = site(pairs(8))
    ann = here.annotator()
    letters = []
    for _ in range(8):
        letters.append(ann.letter(GOOD))
        ann.answer()
        ann.get("/task")

    assert set(letters) == {"A", "B"}
