"""The pages in a real browser: keyboard, pointer and touch; what is kept when server or browser die; looks."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
import uvicorn

from plaudit.annotation.records import Task
from plaudit.annotation.settings import Settings
from plaudit.annotation.store import Store
from plaudit.preferences.preference import Response
from plaudit.preferences.reading import read
from tests.annotation.campaigns import GOOD, POOR, pairs, task
from tests.annotation.conftest import PLAIN
from tests.annotation.site import EVIL, Site

pytestmark = pytest.mark.slow

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
SETTINGS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
PATIENCE = 120_000
"""Milliseconds: machines do other things besides."""


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium, or skip."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("there is no chromium on the path")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(chromium):
    """Open a browser of its own at a link; at the end nothing was complained of but what a test expects."""
    contexts, complaints, expected = [], [], []

    def go(link: str, width: int = 1280, scheme: str = "light", expect: str = "never"):
        expected.append(expect)
        touch = width < 500
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=touch, accept_downloads=True
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda one: complaints.append(one.text) if one.type in {"error", "warning"} else None)
        context.on("weberror", lambda one: complaints.append(str(one.error)))
        page = context.new_page()
        page.goto(link)
        return page

    yield go
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.broken") is None
        context.close()
    assert [one for one in complaints if not any(words in one for words in expected)] == []


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


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


def letter_of(page, said: str = GOOD) -> str:
    return str(page.locator("[data-letter]", has_text=said).first.get_attribute("data-letter"))


def assignment(page) -> str:
    return str(page.locator("[name=assignment]").get_attribute("value"))


def submit_and_wait(page, meanwhile=lambda page: None) -> None:
    """Press Enter, and wait for the page that comes next."""
    before = assignment(page)
    page.keyboard.press("Enter")
    meanwhile(page)
    page.wait_for_selector(f"[name=assignment]:not([value='{before}']), .notice-page")


# --- a server that dies -----------------------------------------------------------------------------------------------


class Serving:
    """``plaudit annotate`` as a process that can be killed and started again at the same address."""

    def __init__(self, folder: Path, database: str, source: Path) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        names = [part for name in ("ann", "bob", "cat") for part in ("--annotator", name)]
        self.command = [
            *(sys.executable, "-m", "plaudit", "annotate", "--json", "--port", str(self.port)),
            *("--database", database, "--secret", str(folder / "secret"), *names, "--pairs", str(source)),
            *("--overlap", "2", "--overlap-share", "0.5", "--set", "annotation.extra_votes=0"),
        ]  # fmt: skip
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> dict:
        source = Path(__file__).parents[2] / "src"
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(source)}
        )
        told = json.loads(self.process.stdout.readline())
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{self.base}/health", timeout=5).close()
                return told
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process.stdout.close()


COMPARISONS = 60


class Shift:
    """Annotators who answer by keyboard, and what they mean to say: mostly the good one, now and then the poor one."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.meant: dict[tuple[str, str], str] = {}

    def answer(self, name: str, page, *, kill: bool = False) -> None:
        """Answer what is shown; if asked, the server is killed before Enter is pressed, and started again."""
        at = len(self.meant) + 1
        key = "t" + page.locator(".prompt .words").inner_text().removeprefix("p")
        wanted = POOR if at % 7 == 0 else GOOD
        page.keyboard.press(letter_of(page, wanted).lower())
        page.keyboard.press(str(1 + at % 3))
        if at % 5 == 0:
            page.keyboard.press("r")
            page.keyboard.type(f"reason {at}")
            page.keyboard.press("Escape")
        self.meant[name, key] = wanted
        if kill:
            self.serving.kill()
            submit_and_wait(page, self._starts_again)
        else:
            submit_and_wait(page)

    def _starts_again(self, page) -> None:
        page.locator("#saving", has_text="kept in this browser").wait_for()
        self.serving.start()

    def work(self, people: dict) -> None:
        """Take turns until there is nothing left for anybody."""
        while any(page.locator("#answer").count() for page in people.values()):
            for name, page in people.items():
                if page.locator("#answer").count():
                    self.answer(name, page, kill=len(self.meant) == 30)
                else:
                    page.goto(f"{self.serving.base}/task")


@pytest.fixture
def serving(where, tmp_path):
    """``plaudit annotate`` over 60 comparisons, half of them for two people."""
    source = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"p{n}", "responses": [f"{GOOD} {n}", f"{POOR} {n}"], "id": f"t{n}"} for n in range(COMPARISONS)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    started = Serving(tmp_path, where, source)
    yield started
    started.kill()


def votes_of(file: Path) -> dict[tuple[str, str], str]:
    """Return who prefers what in which record of an export."""
    return {
        (edge.annotator, record.id): str(record.responses[edge.chosen].content).rsplit(" ", 1)[0]
        for record in read(str(file))
        for edge in record.comparisons
    }


def test_three_annotators_one_killed_server_and_every_answer_once(serving, where, tmp_path, visit) -> None:
    """By keyboard alone, with the server killed before an Enter: every answer is there once, as it was meant, and the
    export says the same.
    """
    told = serving.start()
    shift = Shift(serving)
    shift.work({name: visit(address, expect="ERR_") for name, address in told["annotators"].items()})
    owner = visit(told["owner"])
    with owner.expect_download() as saving:
        owner.get_by_role("link", name="annotations.jsonl").click()
    saving.value.save_as(tmp_path / "annotations.jsonl")
    with Store(where) as store:
        answers = store.answers()

    assert len(answers) == len(shift.meant) == COMPARISONS * 3 // 2
    assert Counter((one.annotator, one.task) for one in answers) == dict.fromkeys(shift.meant, 1)
    assert {(one.annotator, one.task): (GOOD, POOR)[one.chosen] for one in answers} == shift.meant
    assert set(Counter(one.task for one in answers).values()) == {1, 2}
    assert sum(bool(one.reason) for one in answers) == len(answers) // 5
    assert votes_of(tmp_path / "annotations.jsonl") == shift.meant


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
    again.wait_for_selector(f"[name=assignment]:not([value='{first}'])")

    assert [(one.task, one.chosen) for one in site.store.answers()] == [("t0", 0)]


def test_a_draft_survives_the_browser(served, visit) -> None:
    """What was entered and not sent is there again after the page was closed, on another day, and only for its task."""
    settings = Settings(overlap_share=0, gold_rate=0, check_rate=0, objectives=("honesty",), mark_spans=True)
    site, base = served(pairs(2), settings)
    page = visit(link(site, base))
    letter = letter_of(page)
    page.keyboard.press(letter.lower())
    page.keyboard.press("3")
    page.get_by_role("group", name="honesty").get_by_text("equal").click()
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
    submit_and_wait(page)

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
    page.get_by_text("A is better").click()
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
    owner.get_by_label("Name").fill("dora")
    owner.get_by_role("button", name="Make a link").click()
    made = owner.get_by_label("Personal link").input_value()
    page = visit(made, expect="401")
    assert page.locator(".standing").inner_text() == "Comparison 1"
    owner.get_by_role("button", name="Revoke the links of dora").click()
    owner.get_by_role("button", name="Allow again").wait_for()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.locator("#problem", has_text="taken back").wait_for()

    assert site.store.answers() == []
    assert "plaudit answer" in json.dumps(page.evaluate("Object.keys(localStorage)"))
