"""The pages in a real browser: keyboard, pointer and touch; what is kept when server or browser die; looks."""

import json
import os
import threading
import time

import pytest
import uvicorn

from plaudit.annotation.records import Task
from plaudit.annotation.settings import Settings
from plaudit.preferences.preference import Response
from tests.annotation.campaigns import pairs, task
from tests.annotation.conftest import PLAIN
from tests.annotation.driving import assignment, free_port, letter_of, submit_and_wait
from tests.annotation.site import EVIL, Site
from tests.browser import PATIENCE, SETTINGS

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path):
    """Serve sites from a thread of this process."""
    running: list[tuple[uvicorn.Server, threading.Thread, Site]] = []

    def serve(*arguments: object) -> tuple[Site, str]:
        folder = tmp_path / str(len(running))
        folder.mkdir()
        site, port = Site(folder, *arguments), free_port()
        server = uvicorn.Server(uvicorn.Config(site.app, port=port, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread, site))
        while not server.started:
            time.sleep(0.05)
        return site, f"http://127.0.0.1:{port}"

    yield serve
    for server, thread, site in running:
        server.should_exit = True
        thread.join(30)
        site.store.close()


def link(site: Site, base: str, name: str = "ann") -> str:
    return base + site.door.annotator_link(site.store.add_annotator(name), 1)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_an_answer_survives_server_and_browser(served, visit) -> None:
    """The server is away when Enter is pressed, and the page is closed; the next visit, days later or not, sends it."""
    site, base = served(pairs(3))
    page = visit(link(site, base), expect="503")
    context = page.context
    context.route("**/answer", lambda route: route.fulfill(status=503, body="{}", content_type="application/json"))
    first = assignment(page)
    page.keyboard.press(letter_of(page).lower())
    page.keyboard.press("Enter")
    page.locator("#saving", has_text="kept in this browser").wait_for()
    page.close()
    assert site.store.answers() == []
    context.unroute("**/answer")
    again = context.new_page()
    again.goto(f"{base}/task")
    again.wait_for_selector(f"[name=assignment]:not([value='{first}'])", state="attached")

    assert [(one.task, one.chosen) for one in site.store.answers()] == [("t0", 0)]


def test_a_draft_survives_the_browser(served, visit) -> None:
    """What was entered and not sent is there again after the page was closed, on another day, and only for its task."""
    settings = Settings(overlap_share=0, gold_rate=0, check_rate=0, objectives=("honesty",), mark_spans=True)
    site, base = served(pairs(2), settings)
    page = visit(link(site, base))
    letter = letter_of(page)
    page.keyboard.press(letter.lower())
    page.keyboard.press("3")
    page.get_by_role("group", name="honesty").get_by_role("radio", name="equal").check()
    page.locator("#reason").fill("so far")
    page.locator(f"[data-letter={letter}]").dblclick(position={"x": 30, "y": 10})
    page.keyboard.press("m")
    context = page.context
    page.close()
    again = context.new_page()
    again.goto(f"{base}/task")

    assert again.locator("#saving").inner_text() == "What you had entered is here again."
    assert again.locator("[name=choice]:checked").get_attribute("value") == letter
    assert again.locator("[name=strength]:checked").get_attribute("value") == "3"
    assert again.locator("#reason").input_value() == "so far"
    assert again.locator("mark").count() == 1
    submit_and_wait(again)
    assert again.locator("[name=choice]:checked").count() == 0
    assert again.locator("#reason").input_value() == ""
    assert "plaudit draft" not in json.dumps(again.evaluate("Object.keys(localStorage)"))
    (given,) = site.store.answers()
    assert (given.chosen, given.strength, given.reason, given.objectives) == (0, 3, "so far", {"honesty": -1})


# --- ways of answering ------------------------------------------------------------------------------------------------


def test_ranking_by_keys_by_pointer_and_by_touch(served, visit) -> None:
    """Letters typed, buttons pressed, chips dragged: each way the ranks arrive as they stood on the screen."""
    said = ("one", "two", "three", "four")
    site, base = served([task(f"r{at}", said=said) for at in range(3)])
    page = visit(link(site, base))
    by_word = {word: letter_of(page, word).lower() for word in said}

    page.keyboard.press("Enter")
    assert "every response" in page.locator("#problem").inner_text()
    for key in (by_word["three"], by_word["one"], "Backspace", by_word["two"], "=", by_word["one"]):
        page.keyboard.press(key)
    submit_and_wait(page)

    by_word = {word: letter_of(page, word) for word in said}
    for word in ("four", "three", "two"):
        page.get_by_role("button", name=f"Response {by_word[word]}, not placed").click()
    page.get_by_role("button", name=f"Response {by_word['two']}, rank").press("ArrowUp")
    page.get_by_role("button", name=f"Move response {by_word['one']} up").click()
    page.get_by_role("button", name=f"Response {by_word['one']} is as good").click()
    submit_and_wait(page, key="Control+Enter")

    by_word = {word: letter_of(page, word) for word in said}
    for word in said:
        page.keyboard.press(by_word[word].lower())
    grip = page.get_by_role("button", name=f"Response {by_word['four']}, rank").bounding_box()
    top = page.get_by_role("button", name=f"Response {by_word['one']}, rank").bounding_box()
    page.mouse.move(grip["x"] + 10, grip["y"] + 10)
    page.mouse.down()
    page.mouse.move(grip["x"] + 10, grip["y"] - 30, steps=4)
    page.mouse.move(top["x"] + 10, top["y"] - 4, steps=6)
    page.mouse.up()
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice-page")

    ranks = [one.ranking for one in site.store.answers()]
    assert [dict(zip(said, one, strict=True)) for one in ranks] == [
        {"three": 0, "two": 1, "one": 1, "four": 2},
        {"four": 0, "two": 1, "one": 1, "three": 2},
        {"four": 0, "one": 1, "two": 2, "three": 3},
    ]


def test_stretches_are_counted_as_python_counts(served, visit) -> None:
    """Before the marked word stand an emoji, a CRLF and a NUL-like character; offsets are those of the stored text."""
    text = "a 🙂 b\r\nc\x01 wrong end"
    site, base = served([Task(key="x", prompt="p", responses=(Response(content=text), Response(content="other")))],
                        Settings(overlap_share=0, gold_rate=0, check_rate=0, mark_spans=True))  # fmt: skip
    page = visit(link(site, base))
    letter = letter_of(page, "wrong")
    page.locator(f"#response-{letter} .text").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        if page.evaluate("getSelection().focusOffset") >= text.index("wrong") + 1:
            break
    page.evaluate(
        """letter => { const node = document.querySelector(`[data-letter="${letter}"]`).firstChild;
           const at = node.data.indexOf("wrong"); getSelection().collapse(node, at); }""",
        letter,
    )
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("m")
    assert page.locator("mark").inner_text().strip() == "wrong"
    assert page.locator("[name=spans_complete]").is_checked()
    page.keyboard.press(letter.lower())
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice-page")

    (given,) = site.store.answers()
    spans, other = given.spans
    assert other == ()
    assert text[slice(*spans[0])].strip() == "wrong"


def test_practice_is_explained_on_the_page(served, visit) -> None:
    """After each example the page says what the example says, keeps the texts in view, and Enter goes on."""
    examples = [task(f"p{at}", role="practice", expected=0, explanation=f"because {at}") for at in range(2)]
    site, base = served([*pairs(1), *examples])
    page = visit(link(site, base))
    for words in ("because 0", "because 1"):
        page.keyboard.press(letter_of(page).lower())
        page.keyboard.press("Enter")
        page.locator(".lesson", has_text=words).wait_for()
        assert page.locator(".lesson strong").inner_text() == "You agree with the example."
        assert page.locator(".response").count() == 2
        with page.expect_navigation():
            page.keyboard.press("Enter")

    assert page.locator(".standing").inner_text() == "Comparison 1"


def test_without_javascript(chromium, served) -> None:
    """Plain choices and rankings are answered with forms alone."""
    site, base = served([*pairs(1), task("many", said=("one", "two", "three"))])
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(link(site, base))
    page.get_by_role("radio", name="A is better").check()
    page.get_by_role("button", name="Submit").click()
    page.wait_for_selector(".ranked select")
    for letter, rank in (("A", "2"), ("B", "1"), ("C", "2")):
        page.locator(f"[name='rank.{letter}']").select_option(label=rank)
    page.get_by_role("button", name="Submit").click()
    page.wait_for_selector(".notice-page")
    context.close()

    assert [one.choice for one in site.store.answers()] == ["A", "ranked"]


def test_typing_a_reason_chooses_nothing(served, visit) -> None:
    """Letters in the reason are letters; Ctrl and Enter sends from there."""
    site, base = served(pairs(1))
    page = visit(link(site, base))
    page.keyboard.press("b")
    page.keyboard.press("r")
    page.keyboard.type("a taste of s x t 1")
    assert page.locator("[name=choice]:checked").get_attribute("value") == "B"
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".notice-page")

    assert [(one.choice, one.reason, one.strength) for one in site.store.answers()] == [
        ("B", "a taste of s x t 1", None)
    ]


# --- looks ------------------------------------------------------------------------------------------------------------

CONTRAST = """() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => (one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [.2126, .7152, .0722][at], 0);
  const behind = (one) => {
    for (let up = one; up; up = up.parentElement) {
      const found = parse(getComputedStyle(up).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const poor = [];
  document.querySelectorAll("body *").forEach((one) => {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const style = getComputedStyle(one);
    if (!own || !one.getClientRects().length || style.visibility === "hidden" ||
      one.closest("[disabled], .hidden, .skip")) return;
    const [a, b] = [light(parse(style.color)), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push(`${one.tagName}.${one.className} ${ratio.toFixed(2)} ${one.textContent.slice(0, 30)}`);
  });
  return poor;
}"""


@pytest.mark.parametrize(("width", "scheme"), SETTINGS)
def test_every_page_fits_reads_and_is_labelled(served, visit, width, scheme) -> None:
    """Nothing is wider than the screen, text stands out from its ground as WCAG AA asks, every field has a name."""
    settings = Settings(
        overlap_share=1, gold_rate=0, check_rate=0, objectives=("honesty",), mark_spans=True, title=EVIL
    )
    examples = [task("p", role="practice", expected=0, explanation=EVIL, said=(EVIL, "b"))]
    tasks = [task("one", said=(EVIL, "b " * 3000)), task("two", said=(EVIL, "b", "c"))]
    site, base = served([*tasks, *examples], settings)
    site.store.add_guidelines(f"# Guide\n\n{EVIL}\n\n| a | b |\n|---|---|\n| {'x' * 200} | y |")
    page = visit(link(site, base), width, scheme)
    owner = visit(base + site.door.owner_link(1), width, scheme)

    def look(shown, name: str) -> None:
        shown.wait_for_timeout(100)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width, name
        assert shown.evaluate(CONTRAST) == [], name
        unnamed = shown.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]):not([hidden]), select, textarea, button')]"
            ".filter(one => !one.textContent.trim() && !one.labels?.length && !one.getAttribute('aria-label'))"
            ".map(one => one.outerHTML)"
        )
        assert unnamed == [], name
        assert shown.evaluate("document.documentElement.lang") == "en"
        folder = os.environ.get("PLAUDIT_SHOTS")
        if folder:
            shown.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png")

    look(page, "practice")
    page.keyboard.press(letter_of(page, "window.broken").lower())
    page.keyboard.press("Enter")
    page.locator(".lesson").wait_for()
    look(page, "lesson")
    page.goto(f"{base}/task")
    page.keyboard.press("a")
    look(page, "task")
    box = page.locator(".answering").bounding_box()
    assert box["y"] + box["height"] <= 901
    submit_and_wait(page)
    page.keyboard.press("c")
    look(page, "ranking")
    page.keyboard.press("s")
    page.wait_for_selector(".notice-page")
    look(page, "done")
    owner.reload()
    look(owner, "owner")


def test_the_owner_makes_and_revokes_links_by_pointer(served, visit) -> None:
    """A link made on the page opens the work in another browser, until it is revoked."""
    site, base = served(pairs(2), PLAIN)
    owner = visit(base + site.door.owner_link(1))
    owner.get_by_label("Name", exact=True).fill("dora")
    owner.get_by_role("button", name="Make a link").click()
    made = owner.get_by_label("Personal link", exact=True).input_value()
    page = visit(made, expect="401")
    assert page.locator(".standing").inner_text() == "Comparison 1"
    owner.get_by_role("button", name="Revoke the links of dora").click()
    owner.get_by_role("button", name="Allow again").wait_for()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.locator("#problem", has_text="taken back").wait_for()

    assert site.store.answers() == []
    assert "plaudit answer" in json.dumps(page.evaluate("Object.keys(localStorage)"))
