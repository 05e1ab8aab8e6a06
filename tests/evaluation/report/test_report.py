"""The report reads the record and nothing else; no text in it is more than text, in the page and in the card."""

import json
import re

import pytest
import yaml

from plaudit.evaluation.report.card import BEGIN, card
from plaudit.evaluation.report.page import SECTIONS, page
from plaudit.evaluation.report.words import cell, estimate
from plaudit.pages import html
from plaudit.pages.blocks import Notices, Page, Plot
from tests.audited import EVIL, small
from tests.pages.test_html import STUB, Reader

OPTIONAL = ("gates", "worries", "human", "comparison", "probes", "checks", "attacked", "gaps")


def record(evil: str = "") -> dict:
    """What is written to audit.json, read back."""
    return json.loads(json.dumps(small(evil).to_json(), allow_nan=False))


def test_a_record_that_was_read_back_makes_the_same_page() -> None:
    """Nothing is on the page that is not in audit.json."""
    assert html.render(page(record()), STUB) == html.render(page(small().record), STUB)


def test_every_section_is_there_for_a_whole_record() -> None:
    """An audit with everything shows everything, and each is linked from the contents."""
    made = page(record())

    assert len(made.sections) == len(SECTIONS) + 1  # and the opening
    written = html.render(made, STUB)
    assert all(f'href="#{section.anchor}"' in written for section in made.sections[1:])


@pytest.mark.parametrize("missing", OPTIONAL)
def test_what_is_not_known_is_left_out(missing) -> None:
    """Without one part the page is whole and does not speak of it."""
    known = record()
    del known[missing]

    assert len(SECTIONS) - 1 <= html.render(page(known), STUB).count("<section") <= len(SECTIONS) + 1


def test_an_audit_of_bare_scores_has_a_page() -> None:
    """Without texts, lengths, history or calibration there is a report, with reasons where something is missing."""
    known = {name: one for name, one in record().items() if name not in OPTIONAL}
    known["texts"] = {"known": 0, "highest": [], "lowest": [], "mistakes": []}
    known["blind"] = {"identity": "none", "pairs": []}
    known["history"] = []
    known["lengths"] = {"responses": 0, "lengths": [], "rewards": [], "reason": "no lengths are known"}
    known |= {name: {"reason": "3 groups"} for name in ("calibration", "abstention", "debiasing")}
    known["reliability"] = {"before": known["reliability"]["before"]}

    written = html.render(page(known), STUB)

    assert "3 groups" in written
    assert 'id="people"' not in written
    assert 'id="training"' not in written


def test_evil_texts_are_texts() -> None:
    """Script in prompts, responses, labels, names and findings adds no script, no image and no handler to the page."""
    usual, evil = (Reader(html.render(page(record(word)), STUB)) for word in ("", EVIL))

    counts = [[tag for tag, _ in read.elements].count("script") for read in (usual, evil)]
    assert counts[0] == counts[1]
    assert {tag for tag, _ in evil.elements} == {tag for tag, _ in usual.elements}
    handlers = [name for _, attributes in evil.elements for name in attributes if name.startswith("on")]
    assert handlers == []
    assert sum(EVIL in word for word in evil.words) > 20


def test_the_blind_sample_is_blind() -> None:
    """What the page hands to the browser for judging names neither reward nor verdict."""
    written = html.render(page(record()), STUB)
    [inlined] = re.findall(r'<script type="application/json" id="choices-\d+">(.*?)</script>', written)
    found = json.loads(inlined)

    assert set(found["pairs"][0]) == {"first", "second", "context", "texts"}
    assert len(found["pairs"]) == 8
    turned = [pair["first"].endswith("b") for pair in found["pairs"]]
    assert 0 < sum(turned) < 8


def test_every_plot_tells_its_numbers() -> None:
    """Each trace has a tooltip with numbers, or says that it has none; each plot has its numbers as a table."""
    plots = [block for section in page(record()).sections for block in section.blocks if isinstance(block, Plot)]

    assert len(plots) >= 10
    for plot in plots:
        assert all(trace.get("hoverinfo") == "skip" or "%{" in trace["hovertemplate"] for trace in plot.traces), (
            plot.title
        )
    assert [plot.title for plot in plots if plot.numbers is None and plot.title != "Learning rate"] == []


def test_a_card_holds_figures_where_a_hub_finds_them() -> None:
    """The front matter has a model index with the accuracy; the text has the verdict with its intervals."""
    known = record()
    written = card(known)
    head = yaml.safe_load(written.split("---")[1])
    [result] = head["model-index"][0]["results"]
    values = {one["type"]: one["value"] for one in result["metrics"]}

    assert head["tags"] == ["reward-model", "plaudit"]
    assert values["accuracy"] == known["evaluation"]["accuracy"]
    assert estimate(known["evaluation"]["overall"]["metrics"]["accuracy"]) in written
    assert known["verdict"]["title"] in written


def test_a_card_keeps_what_is_there_and_replaces_its_own_section() -> None:
    """A model's README keeps its fields and its words; auditing twice leaves one audit."""
    readme = "---\nlicense: mit\nbase_model: tiny\n---\n# My model\n\nMine.\n"
    once = card(record(), readme)
    twice = card(record(), once)

    assert once == twice
    assert twice.count(BEGIN) == 1
    assert "# My model\n\nMine." in once
    head = yaml.safe_load(once.split("---")[1])
    assert (head["license"], head["base_model"]) == ("mit", "tiny")


def test_a_card_holds_no_html_of_others() -> None:
    """Texts of an audit stand in the card without an element in them."""
    written = card(record(EVIL))

    assert "<script" not in written.split("---", 2)[2]
    assert yaml.safe_load(written.split("---\n")[1])["model-index"]


def test_worries_come_first_and_lead_to_what_they_rest_on() -> None:
    """Three stand at the top, named by what was tested, each with a link to its section; the others stand apart."""
    made = page(record())
    [notices] = [block for block in made.sections[0].blocks if isinstance(block, Notices)]

    assert [one.anchor for one in notices.notices] == ["probes", "length", "calibration"]
    assert [one.title for one in notices.notices] == ["Thanks", "Length correlation", "Overconfidence"]
    assert {one.anchor for one in notices.notices} <= {section.anchor for section in made.sections}
    [further] = [section for section in made.sections if section.anchor == "more-worries"]
    assert "It has attack." in html.render(Page("t", "s", [further]), STUB)


def test_nothing_to_worry_about_is_said() -> None:
    """An audit that tested and found nothing says so; one that did not test shows the evaluation's flags."""
    tested, untested = record() | {"worries": []}, record()
    del untested["worries"]

    assert "Nothing to worry about" in html.render(page(tested), STUB)
    assert "Nothing to worry about" not in html.render(page(untested), STUB)


def test_numbers_are_cells_that_sort() -> None:
    """An estimate sorts by its value; what is missing does not pretend to be 0."""
    assert cell({"value": -0.25, "low": -0.5, "high": 0.0, "reason": ""}).text == "−0.250 [−0.500, 0.000]"
    assert cell({"value": -0.25, "low": None, "high": None, "reason": "few"}).order == -0.25
    assert (cell(None).text, cell(None).order) == ("–", None)
    assert (cell(True).text, cell(12345).text) == ("yes", "12,345")
