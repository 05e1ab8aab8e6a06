"""Quality of annotators: exact shares with exact intervals, and flags that innocent work does not raise."""

import pytest
from scipy.stats import beta

from plaudit.annotation.quality import Share, live_agreement, quality
from plaudit.annotation.records import TIE
from tests.annotation.campaigns import task
from tests.annotation.test_exporting import given


def _work(name: str, count: int = 40, **fields: object) -> list:
    """Answers to many tasks, sides and choices balanced."""
    return [
        given(f"t{at}", name, at % 2, shown=(0, 1) if at // 2 % 2 else (1, 0), seconds=20.0 + at % 5, **fields)
        for at in range(count)
    ]


@pytest.mark.parametrize(("hits", "of"), [(0, 5), (5, 5), (3, 7), (40, 60)])
def test_intervals_are_clopper_and_pearsons(hits: int, of: int) -> None:
    """The ends are quantiles of beta distributions, as the textbook has them."""
    interval = Share(hits, of).interval
    assert interval is not None

    low = beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
    assert interval == pytest.approx((low, high))
    assert Share(hits, of).value == hits / of


def test_none_of_none_is_no_share() -> None:
    """Nobody was asked: no number, no interval."""
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)


def test_innocent_work_raises_no_flag() -> None:
    """Three who agree, answer both sides and take their time."""
    found = quality([*_work("ann"), *_work("bob"), *_work("cyd")])

    assert [one.name for one in found] == ["ann", "bob", "cyd"]
    assert all(one.flags == () for one in found)
    assert {(one.others.hits, one.others.of, one.answered, one.seconds) for one in found} == {(80, 80, 40, 22.0)}
    assert found[0].first == Share(20, 40)


def test_planted_faults_are_flagged() -> None:
    """Who misses known answers, fails checks, hurries, always takes the left or always says tie is named for it."""
    careless = [given(f"g{at}", "ann", 1, role="gold", expected=0) for at in range(10)]
    asleep = [given(f"c{at}", "bob", 1, role="check", expected=0) for at in range(2)]
    hasty = [given(f"t{at}", "cyd", at % 2, seconds=1.0) for at in range(30)]
    leaning = [given(f"t{at}", "dee", at % 2, shown=(at % 2, 1 - at % 2), seconds=20.0) for at in range(30)]
    evasive = [given(f"t{at}", "eve", TIE, seconds=20.0) for at in range(30)]
    found = {one.name: one.flags for one in quality([*careless, *asleep, *hasty, *leaning, *evasive, *_work("fay")])}

    for name, word in {
        "ann": "known answers",
        "bob": "checks failed",
        "cyd": "median time",
        "dee": "first",
        "eve": "tie",
    }.items():
        assert any(word in flag for flag in found[name]), (name, found[name])
    assert found["fay"] == ()


def test_gold_counts_what_was_known() -> None:
    """Right, wrong, tied and skipped known answers; practice does not count."""
    said = [
        given("g1", "ann", 0, role="gold", expected=0),
        given("g2", "ann", 1, role="gold", expected=0),
        given("g3", "ann", TIE, role="gold", expected=TIE, choice="both_bad"),
        given("g4", "ann", None, role="gold", expected=0),
        given("p1", "ann", 1, role="practice", expected=0),
    ]
    (found,) = quality(said)

    assert (found.gold, found.skipped, found.answered) == (Share(2, 3), 1, 0)


def test_live_agreement_waits_for_two() -> None:
    """There is none while no two have judged the same task; then it is that of the votes."""
    tasks = [task(f"t{at}") for at in range(30)]
    assert live_agreement(tasks, []) is None
    assert live_agreement(tasks, _work("ann", 30)) is None
    found = live_agreement(tasks, [*_work("ann", 30), *_work("bob", 30)], resamples=100)

    assert found is not None
    assert (found.shared, found.figures["percent"].value) == (30, 1.0)
