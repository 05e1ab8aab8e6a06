"""Every check of the folder keeps the contract of checks; a new file is tested by being there."""

import inspect
import json
from functools import cache

import pytest

from plaudit import members
from plaudit.doctor.checks import Check, choose
from plaudit.doctor.examined import Examined
from plaudit.doctor.finding import SEVERITIES, SHOWN, Outcome
from plaudit.doctor.repairs import MALFORMED, REPAIRS
from tests.doctor.world import PLANTED, Case

NAMES = members.names("checks")
CHECKS: dict[str, Check] = choose()
CHECK_OF = {code: name for name, check in CHECKS.items() for code in check.codes}
every_check = pytest.mark.parametrize("name", NAMES)
every_code = pytest.mark.parametrize("code", sorted(CHECK_OF))


@cache
def clean() -> Examined:
    return Case().examined()


@cache
def planted(code: str) -> Outcome:
    return CHECKS[CHECK_OF[code]](PLANTED[code]().examined())


def test_every_code_has_a_planted_fault() -> None:
    """A code belongs to one check, and a fault of its own is planted for it."""
    assert len(NAMES) >= 20
    assert sum(len(check.codes) for check in CHECKS.values()) == len(CHECK_OF)
    assert set(PLANTED) == set(CHECK_OF), "plant a fault for a new code in tests/doctor/world.py"


@every_check
def test_is_silent_on_clean_data(name: str) -> None:
    """Clean data raises nothing: the check measured something, or says why it does not apply."""
    outcome = CHECKS[name](clean())
    assert outcome.findings == ()
    assert bool(outcome.measured) is not bool(outcome.reason)


@every_code
def test_finds_its_own_planted_fault(code: str) -> None:
    """A planted fault is found under its code, with a sentence, advice and rows that say where."""
    [finding] = [one for one in planted(code).findings if one.code == code]
    assert finding.severity in SEVERITIES
    assert finding.sentence.endswith(".")
    assert finding.advice.endswith(".")
    assert len(finding.places) <= SHOWN
    assert finding.repair in ("", MALFORMED, *REPAIRS)
    assert all(str(place) for place in finding.places)
    assert json.loads(json.dumps(planted(code).to_json(), allow_nan=False))["findings"]


@every_code
def test_finds_little_else_of_its_own(code: str) -> None:
    """The check that finds a planted fault finds no other of its own codes that was not planted with it."""
    together = {"several_languages", "language_switch"}
    others = {one.code for one in planted(code).findings} - {code}
    assert others <= (together if code in together else set())


@every_check
def test_nothing_at_all_does_not_break_it(name: str) -> None:
    """A single record without comparisons, tokenizer or anything else is measured or not applicable, never a crash."""
    one = Case().records[0]
    bare = Case([type(one)(prompt="", responses=one.responses[:1], id="bare")], tokenize=None).examined()
    outcome = CHECKS[name](bare)
    assert outcome.findings == ()
    assert outcome.measured or outcome.reason


@every_check
def test_says_what_it_is(name: str) -> None:
    """The file asks a question; the title is plain words; codes are names."""
    kind = members.load("checks", name)
    assert members.describe("checks", name).endswith("?")
    assert inspect.getdoc(kind)
    assert not kind.title.endswith(".")
    assert all(code == code.lower() and code.isidentifier() for code in kind.codes)
