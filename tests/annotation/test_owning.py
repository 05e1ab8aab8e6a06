"""The owner's side: overview, links, guidelines, closing, export, and what is refused."""

import re

import pytest

from plaudit.annotation.downloads import Download
from plaudit.annotation.settings import Settings
from tests.annotation.campaigns import pairs, task
from tests.annotation.site import EVIL, Site

NAMES = Download("names of tasks", "text/plain", lambda store: (f"{one.task}\n" for one in store.answers()))


@pytest.fixture
def site(tmp_path):
    """A site with an export."""
    opened = Site(tmp_path, pairs(3), downloads={"names.txt": NAMES})
    yield opened
    opened.store.close()


def test_a_link_is_made_shown_once_and_works(site) -> None:
    """The link is on the page that answers, on no later one, and signs its annotator in."""
    owner = site.owner()
    made = owner.post("/owner/links/make", {"name": " Ann ", "days": "7"})
    link = re.search(r'value="(http://testserver/in/[^"]+)"', made.text)

    assert link
    assert link[1] not in owner.get("/owner").text
    assert "Comparison 1" in site.browser().get(link[1].removeprefix("http://testserver")).text
    assert [one.name for one in site.store.annotators()] == ["Ann"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "days": "7"},
        {"name": "   ", "days": "7"},
        {"name": "x" * 201, "days": "7"},
        {"name": "a\x00b", "days": "7"},
        *({"name": "ann", "days": days} for days in ("0", "367", "-1", "many", "", "1e3", "99999999999", "٣")),
    ],
)
def test_links_that_cannot_be_are_refused(site, fields) -> None:
    """A name and a number of days that cannot be are named, and nobody is added."""
    reply = site.owner().post("/owner/links/make", fields)

    assert reply.status_code == 400
    assert "should" in reply.text
    assert site.store.annotators() == []


def test_revoking_and_allowing_again(site) -> None:
    """A revoked annotator is out, what they hold goes back, and a new link lets them in again."""
    ann, owner = site.annotator("ann"), site.owner()
    assert site.store.progress().live == 1
    owner.post("/owner/links/revoke", {"name": "ann"})
    assert ann.client.get("/task").status_code == 401
    assert site.store.progress().live == 0
    assert "Allow again" in owner.get("/owner").text
    made = owner.post("/owner/links/make", {"name": "ann", "days": "1"})
    link = re.search(r'value="http://testserver(/in/[^"]+)"', made.text)

    assert link
    assert site.browser().get(link[1]).status_code == 200
    assert ann.client.get("/task").status_code == 401
    assert owner.post("/owner/links/revoke", {"name": "nobody"}).status_code == 404


def test_guidelines_are_versioned(site) -> None:
    """Saving makes a version, saving the same makes none; too long is refused."""
    owner = site.owner()
    for text in ("one\r\ntwo", "one\ntwo", "three"):
        assert owner.post("/owner/guidelines", {"guidelines": text}).status_code == 200

    assert site.store.guidelines().version == 2
    assert site.store.guidelines(1).markdown == "one\ntwo"
    assert owner.post("/owner/guidelines", {"guidelines": "x" * 100_001}).status_code == 400


def test_closing_and_opening(site) -> None:
    """While closed nobody is given anything; the page offers the other one of the two."""
    ann, owner = site.annotator(), site.owner()
    assert "Take answers again" in owner.post("/owner/close", {}).text
    ann.answer()
    assert "closed" in ann.get("/task").text
    assert "Close the work" in owner.post("/owner/open", {}).text
    assert "Comparison 2" in ann.get("/task").text


def test_every_form_of_the_owner_needs_its_token(site) -> None:
    """Another site that sends the owner's browser here does nothing."""
    owner = site.owner()
    for path in ("links/make", "links/revoke", "guidelines", "close", "open"):
        sent = {"name": "ann", "days": "3", "guidelines": "x", "csrf": "0" * 32}
        assert owner.client.post(f"/owner/{path}", data=sent).status_code == 403

    assert site.store.annotators() == []
    assert site.store.guidelines().version == 0
    assert site.store.progress().closed is None


def test_an_export_is_a_file_of_what_was_answered_by_then(site) -> None:
    """It is downloaded under its name and written down; what comes after it is in the next one."""
    ann, owner = site.annotator(), site.owner()
    ann.answer()
    first = owner.get("/owner/export/names.txt")
    ann.get("/task")
    ann.answer()

    assert first.text == "t0\n"
    assert first.headers["content-disposition"] == 'attachment; filename="names.txt"'
    assert owner.get("/owner/export/names.txt").text == "t0\nt1\n"
    assert [one.kind for one in site.store.events()] == ["exported", "exported"]
    assert owner.get("/owner/export/other.txt").status_code == 404


def test_hostile_names_and_reasons_are_text_on_the_owners_page(tmp_path) -> None:
    """What annotators are called and say is shown to the owner as words."""
    here = Site(tmp_path, [task("evil", said=(EVIL, "b"))], Settings(overlap_share=0, gold_rate=0, check_rate=0))
    owner = here.owner()
    made = owner.post("/owner/links/make", {"name": EVIL, "days": "1"})
    here.annotator(EVIL).answer("A", reason=EVIL)
    page = owner.get("/owner").text
    here.store.close()

    for shown in (made.text, page):
        assert "<script>window" not in shown
        assert "onerror='" not in shown
    assert "&lt;script&gt;window.broken" in page
