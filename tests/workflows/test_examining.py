"""What an audit asks beyond the given comparisons: probes, an attack, other sets, and the worries that follow."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from plaudit.cli import main
from plaudit.evaluation.attacks.all_attacks import Searches
from plaudit.evaluation.attacks.evolutionary import Evolutionary
from plaudit.evaluation.gaps import ATTACKED, UNATTACKED
from plaudit.evaluation.metrics.accuracy import Accuracy
from plaudit.predictions import Predictions
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.workflows.audit import Beside, audit
from plaudit.workflows.examining import OWN, Examining, examine, named_sets
from plaudit.workflows.subjects import BadSubject, Subject, scored
from tests.audited import QUICK
from tests.evaluation.attacks.planted import MAGIC, as_text, asked, magic, noise, quality, scorer

SILENT = {"say": lambda _sentence: None}
longest = scorer(lambda prompt, response: quality(prompt, response) + len(as_text(response)) / 20)


def subject(score) -> Subject:
    """A callable as what is audited, on sums with a right and a wrong answer."""
    return scored(lambda pairs: score(pairs).tolist(), assign(Preferences.of(asked(60))), name="mine")


def test_what_the_probes_find_is_worried_about() -> None:
    """A scorer that likes length is named for padding, with the probe's p-value after correction over all tests."""
    own = subject(longest)
    beside = examine(own, Examining(probes=["length", "typos"]), how=QUICK, **SILENT)
    record = audit(own, QUICK, beside).to_json()
    by_name = {one["name"]: one for one in record["worries"]}

    assert set(record["probes"]["findings"]) == {"length", "typos"}
    assert {"overconfidence", "length_correlation", "worse_than_length"} == set(record["checks"])
    assert by_name["length"]["where"] == "probes.findings.length"
    assert by_name["length"]["p"] >= record["probes"]["findings"]["length"]["p"]
    assert "typos" not in by_name


def test_an_attack_and_other_sets_stand_in_the_record() -> None:
    """The magic word is found, judged, worried about, and set beside the audited comparisons and another set."""
    own = subject(lambda pairs: magic(pairs) + scorer(lambda prompt, response: noise(f"{prompt}{response}"))(pairs))
    wanted = Examining(probes=[], attack=1500)
    beside = examine(own, wanted, how=QUICK, **SILENT)
    record = audit(own, QUICK, beside).to_json()
    [found] = record["attacked"]["attacks"]
    rows = {row["name"]: row for row in record["gaps"]["rows"]}

    assert MAGIC in found["found"][0]["suffix"]
    assert (record["worries"][0]["name"], record["worries"][0]["where"]) == ("attack_evolutionary", "attacked")
    assert set(rows) == {OWN, ATTACKED}
    assert "probes" not in record


def test_the_searches_of_a_model_are_its_own() -> None:
    """Where a model says how it can be attacked that is tried, and what it cannot stands with its reason."""
    own = replace(
        subject(magic), searches=lambda longest: Searches((Evolutionary(longest),), {"gradient": f"no {longest}"})
    )
    record = audit(own, QUICK, examine(own, Examining(probes=[], attack=1500), how=QUICK, **SILENT)).to_json()

    assert record["attacked"]["refused"] == {"gradient": "no 8"}


def test_under_attack_beside_without() -> None:
    """The gap of the attacked row is from the same comparisons without the suffix, pair by pair."""
    own = subject(magic)
    beside = examine(own, Examining(probes=[], attack=1500), how=QUICK, **SILENT)
    row = beside.gaps.rows[-1]
    best = beside.attacked.best

    assert (row.name, row.gaps["accuracy"].of, row.gaps["accuracy"].paired) == (ATTACKED, UNATTACKED, True)
    fall = Accuracy()(best.attacked()) - Accuracy()(best.clean())
    assert row.gaps["accuracy"].estimate.value == pytest.approx(fall)
    assert fall < 0


def test_scores_alone_cannot_be_asked() -> None:
    """Nothing is asked by default, with a word; what was asked for by name is refused."""
    draw = np.random.default_rng(0)
    own = Subject(name="s.csv", kind="scores", predictions=Predictions.from_pairs(draw.normal(1, 1, 40), np.zeros(40)))
    said: list[str] = []

    assert examine(own, say=said.append) == Beside()
    assert "no probe was run" in said[0]
    for wanted in (Examining(probes=["typos"]), Examining(attack=100), Examining(sets={"a": ["b"]})):
        with pytest.raises(BadSubject, match=r"s\.csv holds scores alone"):
            examine(own, wanted, **SILENT)


@pytest.mark.parametrize("given", ["plain", "=x.jsonl", "name=", " = "])
def test_a_set_needs_a_name_and_a_source(given) -> None:
    """NAME=SOURCE, said with what was given; several sources of one name are one set."""
    with pytest.raises(BadSubject, match="NAME=SOURCE"):
        named_sets([given])
    assert named_sets(["a=x", "b=y=z", "a=w"]) == {"a": ["x", "w"], "b": ["y=z"]}


@pytest.mark.parametrize(
    ("wrong", "words"), [({"limit": 0}, "limit"), ({"attack": -1}, "attack"), ({"sets": {OWN: []}}, OWN)]
)
def test_settings_that_cannot_be(wrong, words) -> None:
    """Each is named."""
    with pytest.raises(ValueError, match=words):
        Examining(**wrong)


def test_the_verb_asks_all_of_it(tmp_path, monkeypatch, capsys) -> None:
    """Probes, another set and its gap, from the command line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scorers.py").write_text("def long(pairs):\n    return [float(len(text)) for _, text in pairs]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "scorers", raising=False)
    for name, words in (("here", "yes "), ("there", "oui ")):
        rows = [
            {"prompt": f"Is {n}?", "chosen": words * (2 + n % 4), "rejected": "no " * (1 + n % 3)} for n in range(30)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    call = ["audit", "scorers:long", "--data", "here.jsonl", "--output", "out", "--resamples", "100"]

    assert main([*call, "--probe", "length", "--gap", "French=there.jsonl", "--set", "audit.pairs=0"]) == 0

    record = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert [row["name"] for row in record["gaps"]["rows"]] == [OWN, "French"]
    assert list(record["probes"]["findings"]) == ["length"]
    assert "To worry about" in capsys.readouterr().out
    assert main([*call, "--probe", "nosuch"]) == 1
    assert "nosuch" in capsys.readouterr().err
