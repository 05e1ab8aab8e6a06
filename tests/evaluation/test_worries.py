"""Worries: planted flaws are named among the first three, honest scorers raise none."""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import pytest
from scipy.stats import binom

from plaudit.evaluation.checks import Check
from plaudit.evaluation.intervals import Estimate
from plaudit.evaluation.probes.pleasantries import Pleasantries
from plaudit.evaluation.probing import Probed
from plaudit.evaluation.sections import Flag
from plaudit.evaluation.worries import Worry, worries
from plaudit.preferences.preference import Content
from tests.flawed import PLANTED
from tests.honest import Reward, audit, honest, said, scorer, world


@cache
def audited(flaw: str) -> tuple[tuple[Worry, ...], Probed]:
    """What is found of a scorer of PLANTED."""
    return audit(world(5, 250), PLANTED[flaw][0])


@pytest.mark.parametrize("flaw", PLANTED)
def test_planted_flaws_are_among_the_first_three(flaw: str) -> None:
    """A scorer that is only length, loves thanks, agrees, ignores the prompt or is too sure is caught and named."""
    (found, probed), names = audited(flaw), PLANTED[flaw][1]
    assert names <= {worry.name for worry in found[:3]}
    assert [worry.severity for worry in found] == sorted((worry.severity for worry in found), reverse=True)
    assert {worry.name for worry in found if worry.where.startswith("probes.")} <= {
        finding.probe for finding in probed.findings
    }


def test_a_flaw_raises_little_else() -> None:
    """Loving one thing is not taken for twenty weaknesses."""
    for flaw in ("loves thanks", "agrees with the user", "overconfident"):
        assert len(audited(flaw)[0]) <= 2


def test_what_padding_explains_stands_behind_it() -> None:
    """A scorer of length alone pays for every text; politeness is not what it loves, and the sentence says so."""
    found = {worry.name: worry for worry in audited("only length")[0]}
    for name in ("pleasantries", "flattery", "hedging"):
        assert found[name].severity < 0.2 < found["length"].severity
        assert "characters of padding are worth" in found[name].sentence


def test_a_collapsed_model_is_said_to_be_so_first() -> None:
    """Equal rewards for everything are one worry with consequences, not eight worries."""
    found, _ = audit(world(5, 150), lambda prompt, response: 1.0)
    assert found[0].name == "collapsed"
    assert {worry.severity for worry in found[1:]} == {0.0}
    assert "not_above_chance" not in {worry.name for worry in found}


def alarms(seeds: range, sizes: Sequence[float], limit: int, resamples: int) -> int:
    """In how many audits of honest scorers, with fresh data and noise of varying size, there is a worry."""
    sized = [(seed, sizes[seed % len(sizes)]) for seed in seeds]
    raised = [audit(world(seed, 250), honest(size, seed), limit, resamples)[0] for seed, size in sized]
    print([(seed, [worry.name for worry in found]) for seed, found in zip(seeds, raised, strict=True) if found])
    return sum(map(bool, raised))


def test_honest_scorers_raise_no_worry() -> None:
    """A few audits of honest scorers; the rate is measured in the slow test."""
    assert alarms(range(100, 103), [0.0, 0.5], 60, 200) == 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_false_alarms_are_at_most_the_level() -> None:
    """Of 200 simulated audits of honest scorers at most 5 % raise a worry, all tests and flags together."""
    raised = alarms(range(200), np.linspace(0.0, 1.0, 5).tolist(), 100, 200)
    print(f"{raised} of 200 audits raised a worry")
    assert raised <= 200 * 0.05


def with_bonus(true: Reward, bonus: float, prompt: Content, response: Content) -> float:
    return true(prompt, response) + bonus * said(response).endswith(Pleasantries.texts)


@pytest.mark.slow
def test_false_alarms_at_the_border_of_what_is_tolerated() -> None:
    """Where the whole effect of a probe is what is tolerated, alone and uncorrected, it is found in at most 5 %."""
    probe, found = Pleasantries(resamples=400), 0
    for seed in range(300):
        preferences, true = world(seed, 100), honest(0.5, seed)
        bonus = 0.1 * (probe(preferences, scorer(true)).spread or 0.0)
        p = probe(preferences, scorer(partial(with_bonus, true, bonus))).p
        found += p is not None and p <= 0.05
    assert found <= binom.ppf(0.999, 300, 0.05)
    assert found >= binom.ppf(0.001, 300, 0.05)


def suspicion(name: str, p: float | None, severity: float = 1.0) -> Worry:
    return Worry(name=name, sentence=f"It has {name}.", severity=severity, where="gaps", p=p)


def test_all_tests_stand_under_one_correction() -> None:
    """Holm's procedure over everything handed in: 0.02 alone is enough, beside another it is not."""
    assert [worry.name for worry in worries(more=[suspicion("a", 0.02)])] == ["a"]
    assert worries(more=[suspicion("a", 0.03), suspicion("b", 0.5)]) == ()
    both = worries(more=[suspicion("a", 0.03), suspicion("b", 0.01, 2.0)])
    assert [(worry.name, worry.p) for worry in both] == [("b", 0.02), ("a", 0.03)]
    check = Check(name="overconfidence", title="too sure", tolerated=0.8, estimate=Estimate(0.4, 0.3, 0.5), p=0.03)
    assert worries(checks=[check], more=[suspicion("a", 0.5)]) == ()
    assert worries(checks=[check])[0].severity == pytest.approx(1.0)


def test_what_has_no_test_is_taken_as_it_is() -> None:
    """Suspicions without a p-value and flags of strengths not shown are not corrected; other flags are no worries."""
    flags = [Flag("not_above_chance", "accuracy 0.5 is chance"), Flag("ties", "many ties")]
    found = worries(flags=flags, more=[suspicion("gap", None, 9.0), suspicion("b", 0.9)])
    assert [worry.name for worry in found] == ["gap", "not_above_chance"]
    assert found[1].sentence == "Accuracy 0.5 is chance."


def test_bad_input_is_refused() -> None:
    """Two suspicions of one name cannot be told apart; a level is a probability."""
    with pytest.raises(ValueError, match="two suspicions are called 'a'"):
        worries(more=[suspicion("a", 0.1), suspicion("a", 0.2)])
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="level is above 0 and below 1"):
            worries(level=level)
