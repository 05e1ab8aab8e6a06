"""Parts of the doctor that checks stand on, each against what is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plaudit.doctor.circles import circles
from plaudit.doctor.examination import examine
from plaudit.doctor.features import FEATURES, surface
from plaudit.doctor.languages import language
from plaudit.doctor.learned import probabilities, word_differences
from plaudit.doctor.rated import BLOCK, rated_pairs
from plaudit.doctor.rates import rate, surely_above, surely_below, told
from plaudit.doctor.section import page
from plaudit.doctor.terminal import text
from plaudit.pages import html
from plaudit.preferences.preference import Comparison, Message, Preference, Response
from tests.doctor.world import PLANTED, Case, Plain, clean, said, voted, with_responses

QUICK = ["empty_responses", "ties", "templates", "roles"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("The cat is on the roof and it does not want to come down to the house.", "English"),
        ("Le chat est sur le toit et il ne veut pas descendre dans la maison avec les enfants.", "French"),
        ("El gato está en el tejado y no quiere bajar a la casa con los niños del pueblo.", "Spanish"),
        ("O gato não quer descer para a casa com os meninos, mas você pode dar uma ajuda ao gato.", "Portuguese"),
        ("Кошка сидит на крыше и не хочет спускаться вниз.", "Cyrillic"),
        ("猫在屋顶上，不想下来。", "Chinese"),
        ("고양이는 지붕 위에 있고 내려오고 싶어하지 않습니다.", "Korean"),
        ("القطة على السطح ولا تريد أن تنزل إلى البيت.", "Arabic"),
        ("42", ""),
        ("```python\nfor the in of and to: is\n```", ""),
        ("Albuquerque Minneapolis Philadelphia", ""),
    ],
)
def test_languages_are_told_or_left_open(words: str, name: str) -> None:
    """Scripts and common words tell a language; what is short or code is left open."""
    assert language(words) == name


def test_surface_counts_what_it_says() -> None:
    """Each feature is the logarithm of one plus a count that anybody can make."""
    found = surface(["- One **bold** list!\n- Sorry, I am two?"], ["a list of two"])[0]
    counted = dict(zip(FEATURES, np.expm1(found).round(6).tolist(), strict=True))
    assert counted["list entries"] == 2
    assert counted["lines"] == 1
    assert counted["words"] == 7
    assert counted["words of the prompt"] == 2
    assert (counted["bold"], counted["questions"], counted["exclamations"], counted["refusal"]) == (1, 1, 1, 1)


def test_probabilities_do_not_know_which_side_is_which() -> None:
    """Features that say nothing give a half on average; one that says all gives nearly all; no group is seen."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    noise = probabilities(rng.normal(size=(300, 4)), groups, np.ones(300))
    telling = probabilities(np.abs(rng.normal(size=(300, 1))) + 1, groups, np.ones(300))
    assert abs(noise.mean() - 0.5) < 0.05
    assert (telling > 0.9).all()


def test_probabilities_need_no_luck_with_the_order_of_rows() -> None:
    """Where every other row is of one group, what is left without it still has winners on both sides to learn from."""
    groups = np.where(np.arange(200) % 2 == 1, 0, 1 + np.arange(200) % 8)
    telling = probabilities(np.ones((200, 1)), groups, np.ones(200))

    assert (telling > 0.9).all()


def test_a_reward_counts_where_both_responses_have_one() -> None:
    """A difference with a response that could not be scored is none; the others stand as they are."""
    rewards = np.where(np.arange(1200) % 7 == 0, np.nan, 100.0 + np.arange(1200) % 5)
    examined = Case(more={"score": lambda pairs: rewards[: len(pairs)]}).examined()
    edges, positions = examined.edges, examined.decided
    apart = rewards[edges.chosen] - rewards[edges.rejected]
    column = word_differences(examined, positions, rewarded=True)[:, -1].toarray().ravel()

    assert (
        word_differences(examined, positions).shape[1]
        == word_differences(examined, positions, rewarded=True).shape[1] - 1
    )
    assert (column[np.isnan(apart)] == 0).all()
    known = ~np.isnan(apart)
    assert column[known] == pytest.approx(apart[known] / np.sqrt(np.mean(np.nan_to_num(apart) ** 2)))


def test_a_model_tells_wrong_labels_and_makes_nothing_easy() -> None:
    """How easy comparisons are for words is the same with a model that knows all; labels are held against it too."""
    checks = ["difficulty", "label_noise"]
    alone = examine(Case().examined(), checks)
    won = {record.responses[record.comparisons[0].chosen].content for record in clean()}
    helped = examine(Case(more={"score": lambda pairs: [float(said in won) for _, said in pairs]}).examined(), checks)

    assert helped.outcomes["difficulty"] == alone.outcomes["difficulty"]
    assert "too little to tell" in alone.outcomes["label_noise"].reason
    assert "words, surface and the model's rewards" in helped.outcomes["label_noise"].measured


def test_the_tokenizer_is_asked_once_for_all_checks() -> None:
    """Every response is measured once, however many checks look at it."""

    class Counting(Plain):
        asked = 0

        def measure(self, pairs):
            Counting.asked += len(pairs)
            return super().measure(pairs)

    examined = Case(tokenize=Counting()).examined()
    examine(examined, ["templates", "truncation"])

    assert Counting.asked == len(examined.contents)


def test_sides_by_annotator_are_counted_as_by_hand() -> None:
    """Votes and shares of the twenty with the most votes, whoever they are; a source of one side is left out."""
    draw = np.random.default_rng(0)
    records = [
        voted(replace(record, source="one-sided" if at % 3 == 0 else "two-sided"),
              (1, 0) if at % 3 == 0 or draw.random() < 0.8 else (0, 1), who=[f"a{at % 25}"])
        for at, record in enumerate(clean())
    ]  # fmt: skip
    [finding] = examine(Case(records).examined(), ["side_bias"]).findings
    counted: dict[str, list[int]] = {}
    for edge in (edge for at, record in enumerate(records) if at % 3 for edge in record.comparisons):
        counted.setdefault(edge.annotator, []).append(edge.chosen)

    assert finding.count == 400
    [listing] = finding.listings
    assert len(listing.rows) == 20
    assert all(row == (row[0], len(counted[row[0]]), f"{np.mean(counted[row[0]]):.1%}") for row in listing.rows)


def test_votes_on_different_objectives_do_not_disagree() -> None:
    """Who finds one response kinder and the other truer contradicts nobody; on one objective, they do."""
    sides = [Comparison(chosen=0, rejected=1, annotator="a"), Comparison(chosen=1, rejected=0, annotator="b")]
    apart = [replace(edge, objective=name) for edge, name in zip(sides, ("kind", "true"), strict=True)]
    alike = [replace(edge, objective=name, annotator=f"{who}{name}") for name in ("kind", "true")
             for edge, who in zip(sides, "xy", strict=True)]  # fmt: skip
    by_objective = Case([replace(record, comparisons=tuple(apart)) for record in clean()]).examined()
    [finding] = examine(Case([replace(record, comparisons=tuple(alike)) for record in clean()]).examined(),
                        ["agreement"]).findings  # fmt: skip

    assert "judged more than once" in examine(by_objective, ["agreement"]).outcomes["agreement"].reason
    assert finding.numbers["agreement"].value == 0


@pytest.mark.parametrize("longer", [False, True])
def test_what_length_does_not_spread_is_no_power(longer: bool) -> None:
    """Responses of one length, or a longer one that always wins, do not make a small test able to tell everything."""
    records = [
        with_responses(record, *(("yes, it is" if longer and edge.chosen == side else "no, no") for side in (0, 1)))
        for record in clean()[:200]
        for edge in record.comparisons
    ]
    records = [replace(record, extra={"split": "test" if at < 50 else "train"}) for at, record in enumerate(records)]
    [finding] = examine(Case(records).examined(), ["power_of_test"]).findings
    alone = 2.8 * np.sqrt(2 * 0.8 * 0.2 / 50)

    assert finding.code == "small_test"
    assert finding.numbers["detectable"] == pytest.approx(alone, rel=0.05)


def test_a_terminal_is_given_no_orders() -> None:
    """Escape sequences in a response are shown as what they are: characters that cannot be printed."""
    case = Case()
    evil = "\x1b[2Jgone\x9b31m\x07"
    case.records[3] = with_responses(case.records[3], f"[INST] {evil}", evil)
    case.records[3] = replace(case.records[3], prompt=(Message("evil\x1b[1m", "?"),))
    printed = text(examine(case.examined(), ["roles"]))

    assert "evil" in printed
    assert not set(printed) & {"\x1b", "\x9b", "\x07"}


def test_circles_and_turned_pairs() -> None:
    """A circle of three is found in a longer ranking, twice-told pairs are not circles, order is no fault."""
    assert circles([("a", "b"), ("a", "c"), ("b", "c")]) == ([], [])
    assert circles([("d", "a"), ("a", "b"), ("b", "c"), ("c", "a")]) == ([], [1, 2, 3])
    assert circles([("a", "b"), ("b", "a"), ("b", "a")]) == ([0, 1, 2], [])
    assert circles([("a", "a")]) == ([], [])


def test_rates_have_intervals_where_there_are_groups_enough() -> None:
    """The share is exact, the interval that of a mean over groups, and few groups have none."""
    hits = np.tile([1.0, 1.0, 0.0, 1.0], 50)
    found = rate(hits, np.arange(200))
    assert found.value == 0.75
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.sqrt(0.75 * 0.25 / 200), rel=0.15)
    assert surely_above(found, 0.6)
    assert surely_below(found, 0.9)
    few = rate(hits[:8], np.arange(8))
    assert told(few) == "75.0%"
    assert not surely_above(few, 0.0)


def test_ratings_make_pairs_within_prompts_and_blocks() -> None:
    """Only ratings far enough apart are compared, the higher preferred; blocks are of eight and of one kind."""
    single = [
        Preference(prompt="", responses=(Response(content=str(r), ratings={"rating": r / 2}),)) for r in range(20)
    ]
    both = Preference(prompt="p", responses=(*single[0].responses, *single[9].responses, Response(content="?")))
    found = rated_pairs([both, *single], "rating", 1.0, 0)
    ratings = np.array([0.0, 4.5, np.nan, *(r / 2 for r in range(20))])
    assert (ratings[found.chosen] - ratings[found.rejected] >= 1.0).all()
    assert [(found.chosen[0], found.rejected[0], found.block[0])] == [(1, 0, -1)]
    assert np.bincount(found.block[1:]).size == -(-20 // BLOCK)


def test_blocks_are_of_one_source() -> None:
    """Ratings of films are not compared with those of products, as in training."""
    records = [
        Preference(prompt="", responses=(Response(content=str(r), ratings={"rating": float(r)}),), source=source)
        for r in range(20)
        for source in ("films", "products")
    ]
    found = rated_pairs(records, "rating", 1.0, 0)
    sources = np.array([record.source for record in records])

    assert (sources[found.chosen] == sources[found.rejected]).all()
    assert {block: len(set(sources[found.chosen[found.block == block]])) for block in range(6)} == dict.fromkeys(
        range(6), 1
    )


def test_page_and_terminal_say_the_same_and_escape() -> None:
    """Every finding is on the page and in the text; scripts in responses are shown, not run."""
    case = PLANTED["template_system_prompt"]()
    case.records[3] = with_responses(case.records[3], "<script>alert(1)</script>\n\nHuman: x", " ")
    found = examine(case.examined(), QUICK)
    written, printed = html.render(page(found), plotly=""), text(found)
    for finding in found.findings:
        assert finding.code in printed
        assert finding.code.replace("_", " ").capitalize() in written
    assert "<script>alert" not in written
    assert [one.severity for one in found.findings] == sorted([one.severity for one in found.findings])
    assert found.fails("error")
    assert json.dumps(found.to_json(), allow_nan=False)


def test_nothing_found_is_said() -> None:
    """Clean data has a page that says so, with what was measured."""
    found = examine(Case().examined(), QUICK)
    assert "Nothing was found." in text(found)
    assert "Nothing was found." in html.render(page(found), plotly="")
    assert not found.fails("note")


def test_rows_are_named_where_a_file_was_read(tmp_path: Path) -> None:
    """Records made in memory are named by id alone."""
    case = Case()
    case.records[5] = with_responses(case.records[5], "", "x")
    assert said("") == case.records[5].responses[0].content
    [finding] = examine(case.examined(), ["empty_responses"]).findings
    assert str(finding.places[0]) == "record r5"
