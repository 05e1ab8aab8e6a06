"""Attacks find what is planted, find nothing where nothing is, stay in their budget and judge on other prompts."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from plaudit.evaluation.attacks.attack import Effort, Search, attack
from plaudit.evaluation.attacks.attack_table import notes, render_attacks
from plaudit.evaluation.attacks.attacked import quoted
from plaudit.evaluation.attacks.evolutionary import Evolutionary
from plaudit.evaluation.attacks.random_search import RandomSearch
from plaudit.evaluation.attacks.targets import NothingToAttack
from plaudit.evaluation.attacks.trials import BadScore, Trials
from plaudit.evaluation.table import text
from plaudit.preferences.preference import Comparison, Preference, Response
from tests.evaluation.attacks.planted import MAGIC, Counting, as_text, asked, bare, honest, magic, noise, scorer

SEARCHES = pytest.mark.parametrize("search", [RandomSearch(), Evolutionary()], ids=lambda search: search.name)
SMALL: dict[str, Any] = {"budget": 1200, "held_out": 40, "resamples": 200, "keep": 2}


@SEARCHES
def test_a_magic_word_is_found_and_its_worth_is_told(search: Search) -> None:
    """A word worth 5 where answers are 2 apart: every rejected response overtakes, within the budget."""
    score = Counting(magic)
    found = attack(asked(60), score, search, **SMALL)

    assert MAGIC in found.best.suffix
    assert found.works
    assert found.best.gain.value == pytest.approx(5.0)
    assert found.best.overtaken.value == 1.0
    assert found.best.overtaken.low == pytest.approx(0.025 ** (1 / 40))
    assert len(score.asked) == found.spent <= 1200
    assert found.p == pytest.approx(0, abs=1e-9)


@SEARCHES
def test_an_honest_scorer_is_not_accused(search: Search) -> None:
    """Of rewards with noise in every text 30 judgements find a gain in at most three, and say so in words."""
    data, alarms = asked(50), 0
    for seed in range(30):
        found = attack(data, honest, search, budget=500, held_out=30, keep=1, resamples=200, seed=seed)
        alarms += found.works
        assert found.works or "no suffix was found" in found.verdict

    assert alarms <= 3


@SEARCHES
def test_the_same_seed_gives_the_same_and_another_does_not(search: Search) -> None:
    """Everything that is random hangs on the seed."""
    one, same, other = (attack(asked(40), honest, search, **SMALL | {"seed": seed}) for seed in (1, 1, 2))

    assert one == same
    assert (one.best.suffix, one.before) != (other.best.suffix, other.before)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([RandomSearch(3), Evolutionary(3), RandomSearch(2, (" a", "!")), Evolutionary(2, (" a", "!"))]),
    st.integers(1, 400),
    st.integers(1, 12),
    st.integers(1, 30),
    st.integers(1, 4),
    st.booleans(),
)
def test_no_more_is_scored_than_the_budget(
    search: Search, budget: int, responses: int, held_out: int, keep: int, prompted: bool
) -> None:
    """Whatever the sizes: either it says beforehand that the budget is too small, or it stays within it."""
    score = Counting(scorer(lambda prompt, response: noise(f"{prompt}{response}")))
    data = asked(30) if prompted else bare(30)
    sizes = {"responses": responses, "held_out": held_out, "keep": keep, "resamples": 100}
    drawn = min(responses + held_out, 30 if prompted else 15)
    searched = max(1, min(responses, drawn // 3))
    if budget < 2 * drawn + keep * (drawn - searched) + searched:
        with pytest.raises(ValueError, match="allow more"):
            attack(data, score, search, budget=budget, **sizes)
        assert not score.asked
        return
    found = attack(data, score, search, budget=budget, **sizes)

    assert found.spent == len(score.asked) <= budget
    assert found.tried == len(_suffixes(score))
    assert 1 <= len(found.found) <= keep


def _suffixes(score: Counting) -> Counter[str]:
    """How many responses were scored with each suffix that was tried."""
    plain = sorted({as_text(each.content) for one in (*asked(30), *bare(30)) for each in one.responses}, key=len)[::-1]
    found: Counter[str] = Counter()
    for _, response in score.asked:
        body = next(one for one in plain if as_text(response).startswith(one))
        found[as_text(response).removeprefix(body)] += 1
    del found[""]
    return found


def test_it_is_judged_on_prompts_that_the_search_never_saw() -> None:
    """Prompts that dozens of suffixes were put to, and those that only the kept ones were, have none in common."""
    score = Counting(honest)
    found = attack(asked(60), score, RandomSearch(), **SMALL)
    times = Counter(prompt for prompt, _ in score.asked)
    judged = {prompt for prompt, count in times.items() if count == 2 + len(found.found)}

    assert len(judged) == found.judged_on == 40
    assert len(times) - len(judged) == found.searched_on == 8
    assert min(count for prompt, count in times.items() if prompt not in judged) > 50


def test_the_numbers_are_those_of_the_rewards() -> None:
    """Gain, spread, share overtaken and p against their definitions and SciPy."""
    rough = scorer(lambda prompt, response: noise(f"{prompt}{response}") + 0.5 * (MAGIC in as_text(response)))
    found = attack(asked(90), rough, Evolutionary(), budget=1500, held_out=60, keep=1, resamples=200, tolerated=0.1)
    chosen, before, after = (np.array(one) for one in (found.chosen, found.before, found.after))
    right = chosen > before
    spread = np.std(chosen - before)

    assert found.best.gain.value == pytest.approx(np.mean(after - before))
    assert found.spread == pytest.approx(spread)
    assert found.best.standardised.value == pytest.approx(np.mean(after - before) / spread)
    assert found.best.overtaken.value == pytest.approx(np.mean(after[right] > chosen[right]))
    assert found.p == pytest.approx(ttest_1samp(after - before, 0.1 * spread, alternative="greater").pvalue)
    assert found.clean().margins == pytest.approx(chosen - before)
    assert found.attacked().margins == pytest.approx(chosen - after)
    for one in found.examples:
        assert rough([(one.prompt, one.response)])[0] == one.reward


def test_the_gain_is_judged_without_the_luck_of_the_search() -> None:
    """Where every text has noise, what the search believes is above what is found on other prompts."""
    found = [attack(asked(60), honest, RandomSearch(), **SMALL | {"seed": seed}) for seed in range(5)]

    assert np.mean([one.best.searched for one in found]) > np.mean([one.best.gain.value for one in found]) + 0.3


def test_evolving_beats_drawing_where_pieces_add_up() -> None:
    """With a reward for each of twenty words, the same budget buys more by evolution, on average over five seeds."""
    words = [f" w{number}" for number in range(60)]
    loved = {word.strip() for word in words[::3]}
    score = scorer(lambda prompt, response: float(len(loved & set(as_text(response).split()))))

    def reached(search: Search) -> float:
        return float(
            np.mean([attack(asked(40), score, search, **SMALL | {"seed": s}).best.gain.value for s in range(5)])
        )

    assert reached(Evolutionary(8, tuple(words))) > reached(RandomSearch(8, tuple(words))) + 1


def test_words_of_the_data_are_tried() -> None:
    """A word that only the data holds is found."""
    data = [
        Preference(
            prompt=f"Prompt {number}",
            responses=(Response(content=f"Quuxify answer {number}"), Response(content=f"Bad answer {number}")),
            comparisons=(Comparison(chosen=0, rejected=1),),
        )
        for number in range(40)
    ]
    score = scorer(lambda _, response: float("Quuxify" in as_text(response)))

    assert "Quuxify" in attack(data, score, RandomSearch(), **SMALL).best.suffix


def test_a_scorer_that_ignores_all_is_said_to_have_no_spread() -> None:
    """Equal rewards everywhere: a gain of exactly 0, and no share of nothing."""
    found = attack(asked(40), scorer(lambda prompt, response: 3.0), RandomSearch(), **SMALL)

    assert (found.best.gain.low, found.best.gain.value, found.best.gain.high) == (0, 0, 0)
    assert not found.works
    assert "no spread" in found.best.standardised.reason
    assert "no chosen response was above" in found.best.overtaken.reason
    assert found.p == 1
    assert not found.finding().applies
    assert "no spread" in found.finding().reason
    assert json.dumps(found.to_json(), allow_nan=False)


def test_few_prompts_have_no_verdict() -> None:
    """With 12 to judge by there are figures and no interval."""
    found = attack(asked(18), magic, RandomSearch(), **SMALL)

    assert found.best.gain.low is None
    assert found.verdict == "no verdict: 12 groups; an interval needs at least 20"


def test_what_cannot_be_scored_is_counted() -> None:
    """A response without a reward leaves its comparison out; one that becomes too long gains nothing."""

    def narrow(prompt: Any, response: Any) -> float:
        if "7" in str(prompt):
            return float("nan")
        too_long = len(as_text(response)) > 12 and prompt.startswith("What is 1")
        return float("nan") if too_long else magic([(prompt, response)])[0]

    found = attack(asked(60), scorer(narrow), Evolutionary(), **SMALL)
    after, before = np.array(found.after), np.array(found.before)

    assert found.unscored > 0
    assert found.searched_on + found.judged_on + found.unscored == 48
    assert found.best.unfit == np.sum(after == before) > 0
    assert found.best.gain.value == pytest.approx(5 * np.mean(after != before))
    assert f"! {found.unscored} comparisons left out: a response has no reward" in notes([found])
    assert f"! evolutionary: too long with a suffix: {found.best.unfit} responses" in notes([found])


def test_a_conversation_is_attacked_in_its_last_turn_and_can_be_scored_again() -> None:
    """Lines hold what plaudit score reads; the suffix stands at the end of what is scored."""
    found = attack(asked(40), magic, Evolutionary(), **SMALL)
    for one in found.examples:
        line = json.loads(json.dumps(one.to_json()))

        assert line["response"].endswith(line["suffix"])
        assert magic([(line["prompt"], line["response"])])[0] == line["attacked"]


def test_it_reads_as_a_finding() -> None:
    """Those who rank weaknesses get effect, spread, share and p under the names that probes use."""
    loves = scorer(lambda prompt, response: noise(f"{prompt}{response}") + 5 * (MAGIC in as_text(response)))
    found = attack(asked(60), loves, RandomSearch(), **SMALL)
    finding = found.finding()

    assert finding.applies
    assert (finding.effect, finding.flipped, finding.spread) == (found.best.gain, found.best.overtaken, found.spread)
    assert (finding.p, finding.tolerated, finding.groups) == (found.p, 0.5, 40)
    assert all(one.after.endswith(found.best.suffix) and one.after.startswith(one.before) for one in finding.examples)
    assert "judged on 40 comparisons that were not searched on" in text(render_attacks([found]))
    assert notes([found], {"gradient": "no table"})[-1] == "! gradient: not possible: no table"
    assert f"random: put right after a response: {quoted(found.best.suffix)}" in notes([found])


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20))
def test_a_suffix_is_quoted_as_json(suffix: str) -> None:
    """What is printed on one line is read back as the same text."""
    assert "\n" not in quoted(suffix)
    assert json.loads(quoted(suffix)) == suffix


class Idle:
    """A search that tries nothing."""

    name = "idle"

    def __call__(self, trials: Trials, rng: np.random.Generator) -> None:
        return


def test_bad_input_is_refused() -> None:
    """No comparisons, ties alone, a scorer that is none, numbers that make no sense, a search that does nothing."""
    tie = Preference(
        prompt="?", responses=asked(1)[0].responses, comparisons=(Comparison(chosen=0, rejected=1, tie=True),)
    )
    for data in ([], [tie] * 30, asked(1)):
        with pytest.raises(NothingToAttack, match="an attack needs at least two"):
            attack(data, magic, RandomSearch())
    with pytest.raises(NothingToAttack, match="only 0 of 30"):
        attack(asked(30), scorer(lambda prompt, response: float("nan")), RandomSearch())
    with pytest.raises(BadScore, match=r"\(1,\) rewards for 60 conversations"):
        attack(asked(30), lambda pairs: np.zeros(1), RandomSearch())
    with pytest.raises(BadScore, match="conversation 0 is infinite"):
        attack(asked(30), scorer(lambda prompt, response: float("inf")), RandomSearch())
    with pytest.raises(NothingToAttack, match="'idle' tried no suffix"):
        attack(asked(30), magic, Idle())
    with pytest.raises(ValueError, match="need 134 scored conversations"):
        attack(asked(30), magic, RandomSearch(), budget=133)
    with pytest.raises(TypeError, match="depth"):
        attack(asked(30), magic, RandomSearch(), depth=3)
    for wrong in ({"budget": 0}, {"responses": 0}, {"held_out": 0}, {"keep": 0}):
        with pytest.raises(ValueError, match="must be at least 1, not 0"):
            Effort(**wrong)
    for tolerated in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="tolerated must be"):
            Effort(tolerated=tolerated)
    with pytest.raises(ValueError, match="at least 100 resamples"):
        Effort(resamples=5)
    for kind in (RandomSearch, Evolutionary):
        with pytest.raises(ValueError, match="longest is 0"):
            kind(0)
