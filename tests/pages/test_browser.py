"""The page of an audit in a real browser: filters, sorting, the blind sample; wide and narrow, light and dark."""

import json
from pathlib import Path

import pytest

from plaudit.evaluation.human import read_judgements
from plaudit.evaluation.report.page import page
from plaudit.pages import html
from tests.audited import EVIL, small
from tests.browser import PATIENCE, SETTINGS, launched

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, or skip."""
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """The page of the small audit, with script in every text that a user could bring."""
    path = tmp_path_factory.mktemp("page") / "audit.html"
    html.write(page(small(EVIL).record), path)
    return path


@pytest.fixture
def opened(browser, written):
    """Open the page as asked; at the end nothing was complained of, fetched, or run that should not."""
    complaints: list[str] = []
    contexts = []

    def go(width: int = 1280, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda one: complaints.append(one.text) if one.type in {"error", "warning"} else None)
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("request", lambda one: complaints.append(one.url) if one.url.startswith("http") else None)
        shown.set_default_timeout(PATIENCE)
        shown.goto(written.as_uri())
        shown.wait_for_selector(".drawing svg.main-svg")
        return shown

    yield go
    for context in contexts:
        for shown in context.pages:
            assert shown.evaluate("window.broken") is None
        context.close()
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), SETTINGS)
def test_it_is_drawn_in_its_colours_and_fits(opened, width, scheme) -> None:
    """Every plot is drawn, in the colours of the scheme; nothing is wider than the screen; text can be told apart."""
    shown = opened(width, scheme)

    drawn = shown.evaluate("[...document.querySelectorAll('[data-plot]')].map(one => !!one.querySelector('.main-svg'))")
    assert drawn
    assert all(drawn)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    background = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(map(int, background[4:-1].split(","))) < 380
    assert dark == (scheme == "dark")
    axis = shown.evaluate("getComputedStyle(document.querySelector('.xtick text')).fill")
    assert (sum(map(int, axis[4:-1].split(","))) > 380) == dark
    assert (
        "serif"
        not in shown.evaluate("getComputedStyle(document.querySelector('.xtick text')).fontFamily").split(",")[0]
    )


def test_a_change_of_scheme_redraws(opened) -> None:
    """Going dark while the page is open changes the plots too."""
    shown = opened()
    fill = "getComputedStyle(document.querySelector('.xtick text')).fill"
    before = shown.evaluate(fill)
    shown.emulate_media(color_scheme="dark")
    for _ in range(50):  # the page's policy forbids the evaluation that waiting for a function needs
        if shown.evaluate(fill) != before:
            break
        shown.wait_for_timeout(100)

    assert shown.evaluate(fill) != before


def orders(table) -> list[float]:
    """What the second column of a table is sorted by, from top to bottom."""
    cells = table.locator("tbody td:nth-child(2)")
    return cells.evaluate_all("cells => cells.map(cell => Number(cell.dataset.order))")


def test_tables_sort_and_filter(opened) -> None:
    """A click sorts by numbers, a second one turns the order; typing leaves the rows that hold it."""
    shown = opened()
    table = shown.locator("[data-table]", has=shown.get_by_text("All comparisons", exact=True)).first
    head = table.locator("th button").nth(1)
    head.click()
    assert orders(table) == sorted(orders(table))
    head.click()
    assert orders(table) == sorted(orders(table), reverse=True)
    assert table.locator("th").nth(1).get_attribute("aria-sort") == "descending"

    shown.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    long = shown.locator("[data-table]", has=shown.locator("[data-filter]")).first
    rows, whole = long.locator("tbody tr:visible"), long.locator("tbody tr").count()
    words = long.locator("tbody td").first.inner_text()
    long.locator("[data-filter]").fill("no row holds this")
    assert rows.count() == 0
    long.locator("[data-filter]").fill(words)
    assert 1 <= rows.count() <= whole
    assert long.locator("[data-count]").inner_text() == f"{rows.count()} of {whole} rows"
    long.locator("[data-filter]").fill("")
    assert rows.count() == whole


def test_texts_are_filtered_by_label_and_by_search(opened) -> None:
    """Choosing a kind and typing a word leave what has both; the count says how many."""
    shown = opened()
    box = shown.locator("[data-passages]").last
    articles, count = box.locator("article:visible"), box.locator("[data-count]")
    whole = articles.count()
    box.locator("select").first.select_option("highest reward")
    assert articles.count() == 4
    assert count.inner_text() == "4 shown"
    box.locator("[data-search]").fill("nothing says this")
    assert articles.count() == 0
    box.locator("[data-search]").fill("")
    box.locator("select").first.select_option("")
    assert articles.count() == whole > 4


@pytest.mark.parametrize("width", [1280, 390])
def test_a_blind_sample_is_judged_kept_and_saved(opened, width, tmp_path) -> None:
    """Buttons and keys answer; a reload remembers; the file is one that `plaudit audit --human` reads."""
    shown = opened(width)
    box = shown.locator("[data-choices]")
    box.locator("[data-verdict=first]").click()
    shown.keyboard.press("b")
    shown.keyboard.press("T")
    box.locator("[data-verdict=skip]").click()
    assert "Pair 5 of 8 · 4 judged" in box.locator("[role=status]").inner_text()
    box.locator("[data-act=back]").click()
    assert box.locator("[data-verdict=skip]").get_attribute("aria-pressed") == "true"
    shown.reload()
    shown.wait_for_selector("[data-choices] [role=status]")
    assert "Pair 5 of 8 · 4 judged" in box.locator("[role=status]").inner_text()
    with shown.expect_download() as saving:
        box.locator("[data-act=save]").click()
    path = tmp_path / "answers.json"
    saving.value.save_as(path)

    pairs = small(EVIL).record["blind"]["pairs"]
    found = read_judgements(path)
    assert [one.verdict for one in found] == ["first", "second", "tie", "skip"]
    assert [(one.first, one.second) for one in found] == [(one["first"], one["second"]) for one in pairs[:4]]
    assert json.loads(path.read_text(encoding="utf-8"))["sample"] == small(EVIL).record["blind"]["identity"]


def test_keys_elsewhere_judge_nothing(opened) -> None:
    """Typing a into a search field is a letter, not a verdict."""
    shown = opened()
    shown.locator("[data-search]").last.press("a")

    assert "0 judged" in shown.locator("[data-choices] [role=status]").inner_text()


def test_it_prints_without_what_only_works_on_a_screen(opened) -> None:
    """On paper there are no fields and no buttons, and texts are whole."""
    shown = opened()
    shown.emulate_media(media="print")

    assert shown.locator("nav").is_hidden()
    assert shown.locator("[data-choices]").is_hidden()
    assert shown.locator("[data-search]").last.is_hidden()
    assert shown.evaluate("getComputedStyle(document.querySelector('.text')).maxHeight") == "none"
