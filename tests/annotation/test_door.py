"""Who comes in: forged, expired and revoked links, cookies, roles."""

import time

import pytest

from plaudit.annotation.door import COOKIES, csrf_of
from plaudit.annotation.links import Links
from tests.annotation.site import Site


@pytest.fixture
def site(tmp_path):
    """A site of four comparisons."""
    opened = Site(tmp_path)
    yield opened
    opened.store.close()


def test_a_link_becomes_a_cookie_that_scripts_cannot_read(site) -> None:
    """The cookie is HttpOnly and SameSite, lasts as long as the link, and over HTTPS goes nowhere else."""
    link = site.door.annotator_link(site.store.add_annotator("ann"), 1)
    plain = site.browser().client.get(link, follow_redirects=False)
    secure = site.browser().client.get(f"https://testserver{link}", follow_redirects=False)

    assert plain.status_code == 303
    cookie = plain.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=lax", "path=/"))
    assert 86_300 < int(cookie.split("max-age=")[1].split(";")[0]) <= 86_400
    assert "secure" not in cookie
    assert "secure" in secure.headers["set-cookie"].lower()
    assert plain.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("kind", ["other secret", "expired", "cut", "other annotator", "role", "nonsense"])
def test_bad_links_are_refused(site, kind: str) -> None:
    """A link that was not made here, is over, or was changed lets nobody in and sets no cookie; the page says so."""
    ann = site.store.add_annotator("ann")
    good = site.door.annotator_link(ann, 1).removeprefix("/in/")
    later = time.time() + 1000
    token = {
        "other secret": Links(b"x" * 32).annotator(ann.id, ann.serial, later),
        "expired": site.door.annotator_link(ann, -1).removeprefix("/in/"),
        "cut": good[:-1],
        "other annotator": good.replace("a.1.", "a.2.", 1),
        "role": "o" + good[1:],
        "nonsense": "%E2%98%83" * 50,
    }[kind]
    browser = site.browser()
    reply = browser.client.get(f"/in/{token}", follow_redirects=False)

    assert reply.status_code == 401
    assert "set-cookie" not in reply.headers
    assert "not signed in" in reply.text
    assert browser.client.get("/task").status_code == 401


def test_forged_and_expired_cookies_are_refused(site) -> None:
    """What is in a cookie is checked at every request, as the link was."""
    for value in ("", "a.1.0.9999999999." + "A" * 43, "x" * 5000, '"'):
        browser = site.browser()
        browser.client.cookies.set(COOKIES["annotator"], value)
        assert browser.client.get("/task").status_code == 401


def test_revoking_takes_effect_at_once(site) -> None:
    """A cookie whose link was taken back neither shows nor stores anything from then on."""
    ann = site.annotator("ann")
    assignment = ann.assignment
    site.store.revoke(1)

    assert ann.client.get("/task").status_code == 401
    reply = ann.post("/answer", {"assignment": assignment, "choice": "A"}, script=True)
    assert reply.status_code == 401
    assert "taken back" in reply.json()["message"]
    assert site.store.answers() == []


def test_an_owner_may_try_an_annotators_link(site) -> None:
    """Both roles live in one browser without one taking the other's place; a cookie is good for its own role only."""
    owner = site.owner()
    owner.get(site.door.annotator_link(site.store.add_annotator("ann"), 1))
    assert "Comparison 1" in owner.page
    assert owner.get("/owner").status_code == 200

    swapped = site.browser()
    swapped.client.cookies.set(COOKIES["owner"], owner.client.cookies[COOKIES["annotator"]])
    assert swapped.client.get("/owner").status_code == 401
    swapped.client.cookies.set(COOKIES["annotator"], owner.client.cookies[COOKIES["owner"]])
    assert swapped.client.get("/task").status_code == 401


def test_the_owners_link_can_be_taken_back(site) -> None:
    """After that the owner's page is closed to it."""
    owner = site.owner()
    site.store.revoke_owner()

    assert owner.client.get("/owner").status_code == 401


def test_form_tokens_are_the_visits_own() -> None:
    """Two cookies have two tokens, and a token does not contain its cookie."""
    assert csrf_of("one") != csrf_of("two")
    assert "one" not in csrf_of("one")


def test_pages_name_visitors_without_telling_who_they_are(site) -> None:
    """The name for the browser's memory is another for each annotator and the same at every visit."""
    keys = [site.annotator(name).page.split('data-visitor="')[1][:12] for name in ("ann", "bob", "ann")]

    assert keys[0] == keys[2] != keys[1]
