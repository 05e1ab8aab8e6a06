"""What searches are given: comparisons of different groups, suffixes as text, and a budget that cannot be overdrawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.evaluation.attacks.suffixes import OWN, append, closings_of, words_of, written
from plaudit.evaluation.attacks.targets import draw
from plaudit.evaluation.attacks.trials import Meter, OverBudget, Trials
from plaudit.preferences.preference import Message
from tests.evaluation.attacks.planted import asked, bare, magic


def trials(budget: int = 40, reserved: int = 0, responses: int = 4) -> Trials:
    """Trials on ``responses`` comparisons whose rewards are known."""
    meter = Meter(magic, budget)
    targets = draw(asked(10), responses)
    return Trials(
        targets=targets, chosen=np.ones(responses), before=-np.ones(responses), meter=meter, reserved=reserved
    )  # fmt: skip


@given(st.integers(2, 30), st.integers(1, 40), st.integers(0, 5), st.booleans())
@settings(max_examples=50, deadline=None)
def test_no_two_targets_share_a_group(records: int, count: int, seed: int, prompted: bool) -> None:
    """Each prompt once, or without prompts each response once; never more than asked for, in an order of the seed."""
    data = asked(records) if prompted else bare(max(records, 4))
    found = draw(data, max(count, 2), seed)
    units = (
        [one.prompt for one in found] if prompted else [side for one in found for side in (one.chosen, one.rejected)]
    )

    assert len(set(units)) == len(units)
    assert 2 <= len(found) <= max(count, 2)
    assert found == draw(data, max(count, 2), seed)


def test_other_comparisons_of_a_prompt_wait() -> None:
    """Records of one group count once, however many comparisons they hold."""
    data = [one for one in asked(5) for _ in range(3)]

    assert len(draw(data, 20)) == 5


def test_the_budget_cannot_be_overdrawn() -> None:
    """Trying and paying both stop at what is left above the reserve; what was tried before is free."""
    given = trials(budget=40, reserved=10)

    assert given.affordable == 7
    assert given.run([" brilliant", " dull", " brilliant"]).tolist() == [5, 0, 5]
    assert (given.meter.spent, given.affordable) == (8, 5)
    assert given.run([" dull"] * 50).tolist() == [0] * 50
    given.spend(20)
    with pytest.raises(OverBudget, match="1 suffixes were to be tried, and 0 can be"):
        given.run([" new"])
    with pytest.raises(OverBudget, match="3 conversations were to be paid for, and 2 can be"):
        given.spend(3)
    with pytest.raises(OverBudget, match="13 more conversations"):
        given.meter([("", "")] * 13)
    assert given.meter.spent == 28


def test_a_suffix_needs_words() -> None:
    """Blanks alone would be tried for nothing."""
    with pytest.raises(ValueError, match="needs words"):
        trials().run([" \n"])


def test_history_holds_what_was_better_than_before() -> None:
    """Gains rise, and so does what was spent."""
    given = trials(budget=100)
    given.run([" dull", " grey"])
    given.run([" brilliant"])

    assert [(step.gain, step.suffix, step.spent) for step in given.history] == [(0, " dull", 8), (5, " brilliant", 12)]


def test_the_best_are_not_one_with_a_comma_more() -> None:
    """Of those with mostly the same words the first is kept; of equals the shorter."""
    given = trials(budget=200)
    given.run([" brilliant one two", " brilliant one", " dull", " brilliant three four", " one"])

    assert given.best(3)[0] == " brilliant one"
    assert " brilliant one two" not in given.best(5)
    assert given.best(1) == [" brilliant one"]


@given(st.text(), st.text())
def test_a_suffix_stands_at_the_very_end(response: str, suffix: str) -> None:
    """Of a text, and of the last turn of a conversation, whose other turns stay."""
    turns = (Message("user", "Go on."), Message("assistant", response))

    assert append(response, suffix) == response + suffix
    assert append(turns, suffix) == (turns[0], Message("assistant", response + suffix))


def test_pieces_come_with_their_blanks() -> None:
    """Ours begin with a blank or a mark and are each there once; blanks at the end of a suffix go."""
    assert len(set(OWN)) == len(OWN)
    assert written((" so", "\n\n", "!", "\n")) == " so\n\n!"
    assert words_of(["good film", "good plot", "bad film film"], 2) == (" film", " good")
    assert closings_of(["One. Two!", "Long " * 30, "", "One. Two!", "A\nB"]) == (" Two!", " B")
